//go:build !js

package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

const envelope = 1 << 10 // bytes that a message may add to its payload: name, ids, seal

// netTransport is a WebSocket over TCP or TLS.
type netTransport struct {
	writer
	cfg     frame.Config
	rest    []byte // what the server sent right after its 101
	closing atomic.Bool

	// Only for the reader.
	in      source
	parser  frame.Parser
	vigil   vigil
	handled time.Time // when the newest messages were; zero asks for a new goroutine
	receive func(text bool, p []byte)
	ended   func(ending)
}

// dial connects, upgrades and returns an open transport. Errors are *Error.
func dial(ctx context.Context, at *target, o *Options) (transport, error) {
	d := frame.Dialer{
		NetDial:   func(ctx context.Context) (net.Conn, error) { return reach(ctx, at, o) },
		Host:      at.host,
		Target:    at.request,
		Protocols: message.Subprotocol,
		Header:    headerLines(o.Header),
	}
	if o.Origin != "" {
		d.Header = "Origin: " + o.Origin + "\r\n" + d.Header
	}
	if at.secure {
		d.TLS = tlsConfig(at, o)
	}
	c, err := d.Dial(ctx)
	if err != nil {
		return nil, unopened(ctx, err)
	}
	if err := acceptable(&c.Response); err != nil {
		c.Conn.Close()
		return nil, failed(ctx, "the server refused the upgrade", err)
	}
	handOff := at.secure || o.Dial != nil || runtime.GOOS == "windows"
	return &netTransport{
		writer: writer{nc: c.Conn, tcp: c.Transport, handOff: handOff, mark: o.HighWaterMark},
		in:     newSource(c.Conn, o.ReadBufferBytes),
		rest:   c.Rest,
		cfg:    frame.Config{Client: true, MaxMessage: int64(o.MaxMessageBytes) + envelope},
	}, nil
}

// tlsConfig is how TLS begins.
func tlsConfig(at *target, o *Options) *tls.Config {
	cfg := new(tls.Config)
	if o.TLSConfig != nil {
		cfg = o.TLSConfig.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = at.name
	}
	cfg.NextProtos = []string{"http/1.1"}
	return cfg
}

// acceptable checks what the server chose.
func acceptable(r *frame.Response) error {
	if string(r.Protocol) != message.Subprotocol {
		return &frame.HandshakeError{
			Status: 101,
			Reason: "the server did not choose the subprotocol " + message.Subprotocol,
		}
	}
	_, err := frame.DeflateAnswer(r.Extensions, false)
	return err
}

// unopened returns the error of a dial, which is an *Error already if there was no connection.
func unopened(ctx context.Context, err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	why := "the server refused the upgrade"
	if e := (*frame.DialError)(nil); errors.As(err, &e) {
		err = e.Err
		switch e.Step {
		case frame.DialTLS:
			why = "TLS failed: check the certificate and that the port speaks TLS"
		case frame.DialRequest:
			why = "the server closed before the upgrade"
		case frame.DialAnswer:
			why = "there was no whole answer to the upgrade: is this a WebSocket server?"
		}
	}
	return failed(ctx, why, err)
}

// refused returns the error of a dial that failed.
func refused(ctx context.Context, addr string, err error) *Error {
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &Error{
			Code:    message.CodeTimeout,
			Message: addr + " did not answer in time",
			Cause:   err,
		}
	}
	return &Error{
		Code:    message.CodeRefused,
		Message: "cannot connect to " + addr + ": check the address and that the server runs",
		Cause:   err,
	}
}

// headerLines returns the lines of a header, sorted by name.
func headerLines(header map[string][]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			b.WriteString(name + ": " + value + "\r\n")
		}
	}
	return b.String()
}

// failed returns the error of a connection that broke during TLS or the upgrade.
func failed(ctx context.Context, why string, err error) *Error {
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	e := &Error{Code: message.CodeHandshakeFailed, Message: why, Cause: err}
	if h := (*frame.HandshakeError)(nil); errors.As(err, &h) {
		e.RetryAfter = int64(h.RetryAfter) * 1000
		switch h.Status {
		case 503:
			e.Code = message.CodeMaxConnections
			e.Message = "the server takes no more connections (HTTP 503): try again later"
		case 429:
			e.Code = message.CodeThrottled
			again := "later"
			if h.RetryAfter > 0 {
				again = "in " + strconv.Itoa(h.RetryAfter) + " s"
			}
			e.Message = "throttled: too many failed authentications from this address (HTTP " +
				"429, the server's failureLimit): try again " + again
		}
	}
	return e
}

func (t *netTransport) run(receive func(bool, []byte), ended func(ending)) {
	t.receive, t.ended, t.handled = receive, ended, time.Now()
	p := t.rest
	t.rest = nil
	t.serve(p)
}

// serve takes p and then reads, until the connection ends or another goroutine goes on.
func (t *netTransport) serve(p []byte) {
	for {
		if end, over := t.take(p); over {
			t.finish(end)
			return
		}
		now := time.Now()
		if t.vigil.heard(now) {
			t.wake()
		}
		if t.idles(now) {
			t.in.prepare()
			go t.serve(nil)
			return
		}
		var err error
		p, err = t.in.read()
		for len(p) == 0 && t.waitsOn(err) {
			p, err = t.in.read()
		}
		if len(p) == 0 && err != nil {
			t.finish(lostBy(err))
			return
		}
	}
}

// restTime is how long nothing has come to a client that counts as idle.
const restTime = 5 * time.Second

// idles is asked before each wait, and reports whether to wait on a new goroutine. One that has
// handled messages has a stack of 4 KiB or more, which the runtime does not shrink again, and to
// wait takes 2 KiB. A new one costs a microsecond or two, which is worth it if what was just
// handled came restTime after what was handled before.
func (t *netTransport) idles(now time.Time) bool {
	idle := now.Sub(t.handled) >= restTime
	t.handled = now
	return idle
}

// take gives the messages in p to receive. over means that the connection has ended.
func (t *netTransport) take(p []byte) (end ending, over bool) {
	for {
		m, rest, ok, err := t.parser.Feed(&t.cfg, p)
		switch {
		case err != nil:
			return t.violation(err), true
		case !ok:
			return ending{}, false
		}
		p = rest
		switch m.Op {
		case frame.Ping:
			t.control(frame.Pong, m.Payload)
			t.flushLater()
		case frame.Pong:
		case frame.Close:
			return t.closed(m.Payload), true
		default:
			t.receive(m.Op == frame.Text, m.Payload)
		}
	}
}

// finish closes the connection, of which nothing is read any more.
func (t *netTransport) finish(end ending) {
	t.in.done()
	t.parser.Reset()
	t.mu.Lock()
	t.end()
	t.mu.Unlock()
	t.nc.Close()
	t.ended(end)
}

// waitsOn reports whether to read again after err: the time is over in which the server must say
// something, and it has just been asked whether it lives.
func (t *netTransport) waitsOn(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || t.closing.Load() || t.vigil.look(time.Now()) {
		return false
	}
	t.wake()
	return true
}

// wake lets the read end when the vigil is due.
func (t *netTransport) wake() {
	if t.closing.Load() {
		return
	}
	t.nc.SetReadDeadline(t.vigil.due)
	if t.closing.Load() { // close has set a nearer deadline meanwhile
		t.nc.SetReadDeadline(time.Now().Add(closeGrace))
	}
}

func lostBy(err error) ending {
	switch {
	case errors.Is(err, io.EOF):
		return ending{closeAbnormal, "the server closed without a close frame", err}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ending{closeAbnormal, "the server was silent for too long", err}
	}
	return ending{closeAbnormal, "the connection broke", err}
}

// violation ends a connection whose server broke RFC 6455.
func (t *netTransport) violation(err error) ending {
	end := ending{uint16(frame.CloseProtocolError), "the server broke RFC 6455", err}
	if e := (*frame.Error)(nil); errors.As(err, &e) {
		end.code = uint16(e.Code)
	}
	t.farewell(frame.CloseCode(end.code), end.reason)
	return end
}

// closed answers the server's close frame (RFC 6455 section 5.5.1).
func (t *netTransport) closed(p []byte) ending {
	code, reason, err := frame.ParseCloseBody(p)
	if err != nil {
		return t.violation(err)
	}
	end := ending{code: uint16(code), reason: string(reason)}
	t.farewell(code, "")
	return end
}

// farewell sends a close frame as the last frame, unless one was sent before, and waits
// until it is written, because the connection is closed afterwards.
func (t *netTransport) farewell(code frame.CloseCode, reason string) {
	t.control(frame.Close, frame.AppendCloseBody(nil, code, reason))
	t.settle(closeGrace)
}

func (t *netTransport) close(code uint16, reason string) {
	t.closing.Store(true)
	t.nc.SetReadDeadline(time.Now().Add(closeGrace)) // ends run, and run ends a write in progress
	t.control(frame.Close, frame.AppendCloseBody(nil, frame.CloseCode(code), reason))
	t.flushLater()
}

func (t *netTransport) abort() { t.tcp.Close() }

func (t *netTransport) limits(silence time.Duration, ask func()) {
	t.vigil.limit, t.vigil.ask = silence, ask
	t.handled = time.Time{} // the handshake is over, and it took a large stack
}
