package websocket

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/pool"
)

// retryAfter is the Retry-After, in seconds, of a 429 or 503.
const retryAfter = 2

// handshake is what a connection needs only until it is open: a head that comes in parts, and what
// a client has asked for.
type handshake struct {
	head *pool.Buffer // owned; nil if nothing is kept
	// where frame.ScanHead resumes, so that a head that drips in takes linear time
	next      int
	request   *pool.Buffer         // on a client: owned, sent by OnOpen
	ctx       context.Context      // of ServeHTTP, as tls
	tls       *tls.ConnectionState // nil without
	key       string               // on a client
	protocols string               // on a client
}

// onHead consumes bytes before the handshake is complete. What is pipelined after the head goes to
// the parser in the same callback.
func (c *Conn) onHead(p []byte) {
	head, rest, err := c.collectHead(p)
	if err == nil && head == nil {
		return // more bytes are needed
	}
	if c.ep.client {
		if err == nil {
			err = c.checkResponse(head)
		}
		if err != nil {
			c.abandon(err)
			return
		}
	} else {
		if err == nil {
			err = c.answer(head)
		}
		if err != nil {
			c.refuse(err)
			return
		}
	}
	c.dropHandshake()
	c.rc.SetTimer(0)
	c.opened = true
	c.h.OnOpen(c)
	c.feed(rest)
}

// collectHead returns a complete head and what follows it, or nil if more bytes are needed. In the
// common case all of it comes in one read, and nothing is copied.
func (c *Conn) collectHead(p []byte) (head, rest []byte, err error) {
	if c.hs == nil || c.hs.head == nil {
		n, next, err := frame.ScanHead(p, 0)
		if err != nil {
			return nil, nil, err
		}
		if n > 0 {
			return p[:n], p[n:], nil
		}
		if c.hs == nil {
			c.hs = new(handshake)
		}
		c.hs.next = next
		c.hs.head = pool.Get(len(p))
		c.hs.head.B = append(c.hs.head.B, p...)
		return nil, nil, nil
	}
	hs := c.hs
	kept := len(hs.head.B)
	take := min(len(p), frame.MaxHeadBytes-kept)
	hs.head.B = append(hs.head.B, p[:take]...)
	n, next, err := frame.ScanHead(hs.head.B, hs.next)
	if err != nil {
		return nil, nil, err
	}
	hs.next = next
	if n == 0 {
		if len(hs.head.B) >= frame.MaxHeadBytes {
			return nil, nil, &frame.HandshakeError{Status: 431,
				Reason: "request head exceeds 8 KiB"}
		}
		return nil, nil, nil
	}
	return hs.head.B[:n], p[n-kept:], nil
}

// answer checks a request, asks the Acceptor and sends the 101.
func (c *Conn) answer(head []byte) error {
	r, err := frame.ParseRequest(head)
	if err != nil {
		return err
	}
	if err := c.ep.checkOrigin(&r); err != nil {
		return err
	}
	h, protocol, err := c.ep.accept(&r, c)
	if err != nil {
		return err
	}
	if protocol != "" && !frame.HasProtocol(r.Protocols, protocol) {
		return errors.New("websocket: the acceptor chose the subprotocol " + protocol +
			", which was not offered; check with frame.HasProtocol")
	}
	extensions := ""
	if c.ep.deflate && protocol == "" {
		extensions, c.deflate = frame.NegotiateDeflate(r.Extensions)
	}
	c.early = protocol != "" && c.ep.early.MaxMessage > 0
	b := pool.Get(256)
	b.B = frame.AppendResponse(b.B, &r, protocol, extensions)
	c.mu.Lock()
	if c.state.Load() == stateHead { // otherwise the acceptor has aborted it
		c.h = h
		c.rc.Write(b.B)
		c.state.Store(stateOpen)
	}
	c.mu.Unlock()
	pool.Put(b)
	if c.state.Load() != stateOpen {
		return errAborted
	}
	return nil
}

var errAborted = errors.New("websocket: aborted by the acceptor")

// checkResponse is the client's counterpart of answer.
func (c *Conn) checkResponse(head []byte) error {
	r, err := frame.ParseResponse(head, c.hs.key, c.hs.protocols)
	if err != nil {
		return err
	}
	if len(r.Extensions) > 0 {
		if !c.ep.deflate || !acceptableDeflate(r.Extensions) {
			return ErrExtension
		}
		c.deflate = true
	}
	c.state.Store(stateOpen)
	return nil
}

// acceptableDeflate checks a server's answer to frame.DeflateOffer (RFC 7692 section 7.1). The
// server must promise not to keep its context, because our inflater does not keep one. It may not
// limit a window that we did not offer to limit.
func acceptableDeflate(extension []byte) bool {
	fields := bytes.Split(extension, []byte(";"))
	if string(bytes.TrimSpace(fields[0])) != "permessage-deflate" {
		return false
	}
	noContext := false
	for _, f := range fields[1:] {
		name, _, _ := bytes.Cut(bytes.TrimSpace(f), []byte("="))
		switch string(bytes.TrimSpace(name)) {
		case "server_no_context_takeover":
			noContext = true
		case "client_no_context_takeover", "server_max_window_bits":
		default:
			return false
		}
	}
	return noContext
}

// refuse answers a request that is not accepted, and closes.
func (c *Conn) refuse(err error) {
	if c.state.Swap(stateDone) == stateDone {
		return
	}
	var he *frame.HandshakeError
	if !errors.As(err, &he) {
		c.ep.log.Error("websocket: upgrade failed", "err", err)
		he = &frame.HandshakeError{Status: 500, Reason: "internal error"}
	}
	retry := 0
	if he.Status == 429 || he.Status == 503 {
		retry = retryAfter
	}
	b := pool.Get(512)
	b.B = frame.AppendRefusal(b.B, he, retry)
	c.rc.Write(b.B)
	pool.Put(b)
	c.dropHandshake()
	c.rc.Close(err)
}

// abandon ends a client's failed handshake. OnClose reports err.
func (c *Conn) abandon(err error) {
	c.state.Store(stateDone)
	c.rc.Abort(err)
}

// dropHandshake releases what the handshake held.
func (c *Conn) dropHandshake() {
	if c.hs == nil {
		return
	}
	if c.hs.head != nil {
		pool.Put(c.hs.head)
	}
	if c.hs.request != nil {
		pool.Put(c.hs.request)
	}
	c.hs = nil
}
