package frame

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/gobwas/ws"
)

// Dialer opens the client's end of a connection. It is the one part of this package that does I/O:
// the Dialer of gobwas/ws dials, starts TLS, writes the request and minds the context. The answer
// is read and checked by ParseResponse before that Dialer sees one, because it bounds neither lines
// nor the head, takes repeated headers, and refuses a Connection header with several tokens, which
// RFC 6455 section 4.1 allows.
type Dialer struct {
	// NetDial opens the transport, directly or through a proxy.
	NetDial func(ctx context.Context) (net.Conn, error)
	// TLS is the configuration for wss, with a ServerName; nil means ws. It is not changed.
	TLS       *tls.Config
	Host      string // for the Host header
	Target    string // path and query
	Protocols string // offered subprotocols, comma-separated
	Header    string // extra "Name: value\r\n" lines; the caller has checked them
}

// Dialed is an open connection. The caller owns all of it.
type Dialed struct {
	Conn      net.Conn // to read from and write to: Transport, or the TLS connection on it
	Transport net.Conn // what NetDial returned
	Response  Response // extensions are not examined here, see DeflateAnswer
	Rest      []byte   // what the server sent right after its answer
}

// DialStep is where a Dial failed behind NetDial.
type DialStep uint8

// The steps of a Dial.
const (
	DialTLS     DialStep = iota + 1 // the TLS handshake
	DialRequest                     // the request was not taken
	DialAnswer                      // no whole answer came
)

// DialError is a failure of the connection during a Dial.
type DialError struct {
	Step DialStep
	Err  error
}

// Error returns the text of the cause.
func (e *DialError) Error() string { return "frame: dial: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// Dial opens a connection. It blocks until the answer is there or ctx ends. Its errors are those of
// NetDial as they are, the context's, a *DialError, and a *HandshakeError for an answer that is no
// upgrade or breaks RFC 6455. The transport is closed then. Dial is safe for concurrent use.
func (d *Dialer) Dial(ctx context.Context) (Dialed, error) {
	g := &guard{ctx: ctx, protocols: d.Protocols}
	with := ws.Dialer{
		Host:   d.Host,
		Header: ws.HandshakeHeaderString(d.Header),
		NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			nc, err := d.NetDial(ctx)
			g.transport = nc
			return nc, err
		},
		TLSClient: func(nc net.Conn, _ string) net.Conn { return tls.Client(nc, d.TLS) },
		WrapConn: func(nc net.Conn) net.Conn {
			g.Conn = nc
			return g
		},
	}
	if d.Protocols != "" {
		with.Protocols = strings.Split(strings.ReplaceAll(d.Protocols, " ", ""), ",")
	}
	scheme := "ws"
	if d.TLS != nil {
		scheme = "wss"
	}
	// The host is only what NetDial and TLSClient would be given.
	if _, _, _, err := with.Dial(ctx, scheme+"://host"+d.Target); err != nil {
		if d := new(DialError); errors.As(err, &d) && ctx.Err() != nil {
			err = ctx.Err() // which broke the connection
		}
		return Dialed{}, err
	}
	return Dialed{Conn: g.Conn, Transport: g.transport, Response: g.response, Rest: g.rest}, nil
}

// guard is the connection as the Dialer of gobwas/ws sees it: it lets the request out, and an
// answer in that was checked.
type guard struct {
	net.Conn
	transport net.Conn
	ctx       context.Context
	protocols string
	secured   bool   // the TLS handshake was tried
	request   []byte // as it was written, for its key
	answer    []byte // not read yet, in the plainest form; nil before the first Read
	response  Response
	rest      []byte
}

// Write sends the request. TLS shakes hands before, so that its errors are told apart.
func (g *guard) Write(p []byte) (int, error) {
	if tc, ok := g.Conn.(*tls.Conn); ok && !g.secured {
		g.secured = true
		if err := tc.HandshakeContext(g.ctx); err != nil {
			return 0, &DialError{DialTLS, err}
		}
	}
	g.request = append(g.request, p...)
	n, err := g.Conn.Write(p)
	if err != nil {
		err = &DialError{DialRequest, err}
	}
	return n, err
}

// Read hands out the answer, once it is whole and right.
func (g *guard) Read(p []byte) (int, error) {
	if g.answer == nil {
		if err := g.receive(); err != nil {
			return 0, err
		}
	}
	if len(g.answer) == 0 {
		return 0, io.EOF
	}
	n := copy(p, g.answer)
	g.answer = g.answer[n:]
	return n, nil
}

// receive reads the answer and checks it.
func (g *guard) receive() error {
	head, rest, err := ReadHead(g.Conn)
	if err != nil {
		return &DialError{DialAnswer, err}
	}
	g.rest = rest
	return g.check(head)
}

// ReadHead reads an HTTP answer from r up to its blank line, within MaxHeadBytes. rest is what was
// read behind it. The caller owns both. Errors are those of ScanHead and of r.
func ReadHead(r io.Reader) (head, rest []byte, err error) {
	buf := make([]byte, 1<<10) // most answers are shorter
	for filled, next := 0, 0; ; {
		if filled == len(buf) { // ScanHead ends this beyond MaxHeadBytes
			buf = append(buf, make([]byte, filled)...)
		}
		n, err := r.Read(buf[filled:])
		filled += n
		end, resume, bad := ScanHead(buf[:filled], next)
		switch {
		case bad != nil:
			return nil, nil, bad
		case end > 0:
			return buf[:end], buf[end:filled], nil
		case err != nil:
			return nil, nil, err
		}
		next = resume
	}
}

// check checks the answer, and puts it in the form that the other Dialer takes.
func (g *guard) check(head []byte) (err error) {
	_, key, _ := bytes.Cut(g.request, []byte("\r\nSec-WebSocket-Key: "))
	key, _, _ = bytes.Cut(key, []byte("\r\n"))
	if g.response, err = ParseResponse(head, string(key), g.protocols); err != nil {
		return err
	}
	accept := acceptKey(key)
	g.answer = append(g.answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"+
		"Connection: Upgrade\r\nSec-WebSocket-Accept: "...)
	g.answer = append(append(g.answer, accept[:]...), "\r\n\r\n"...)
	return nil
}
