package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/pool"
)

// retryAfter is the Retry-After, in seconds, of a 429 or 503 whose cause names none.
const retryAfter = 2

// handshake is what a connection needs only until it is open: a head that comes in parts, and what
// a client has asked for.
type handshake struct {
	leave func() // gives back what Options.Arrive counted; nil if there is none
	// proxied means that a PROXY preamble has to come; head holds what has come of it
	proxied bool
	head    *pool.Buffer // owned; nil if nothing is kept
	// where frame.ScanHead resumes, so that a head that drips in takes linear time
	next      int
	request   *pool.Buffer         // on a client: owned, sent by OnOpen
	ctx       context.Context      // of ServeHTTP, as tls
	tls       *tls.ConnectionState // nil without
	session   *tls.Conn            // of a bridge; nil without TLS
	key       string               // on a client
	protocols string               // on a client
}

// onHead consumes bytes before the handshake is complete. What is pipelined after the head goes to
// the parser in the same callback.
func (c *Conn) onHead(p []byte) {
	if c.hs != nil && c.hs.proxied {
		rest, done, err := c.preamble(p)
		if err != nil {
			c.refuse(err, nil, false)
		}
		if err != nil || !done || len(rest) == 0 {
			return
		}
		p = rest
	}
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
	} else if !c.serveHead(head, p, err) {
		return
	}
	c.dropHandshake()
	c.rc.SetTimer(0)
	c.opened = true
	c.h.OnOpen(c)
	c.feed(rest)
}

// serveHead answers a request. bad is what is wrong with its head already, and p are the bytes
// that came last. It reports whether the connection is open now.
func (c *Conn) serveHead(head, p []byte, bad error) bool {
	if bad != nil {
		if frame.IsProxy(p) {
			bad = errPreamble
		}
		if c.hs != nil && c.hs.head != nil {
			p = c.hs.head.B
		}
		c.refuse(bad, nil, frame.IsHead(p))
		return false
	}
	r, err := c.ep.limits.ParseRequest(head)
	if err != nil && frame.IsProxy(head) {
		err = errPreamble
	}
	if err != nil && c.answerGet(head) {
		return false
	}
	if err == nil {
		err = c.upgrade(&r)
	}
	if err != nil {
		c.refuse(err, &r, frame.IsHead(head))
		return false
	}
	return true
}

// errPreamble refuses a PROXY preamble of somebody who may not name addresses.
var errPreamble = &frame.HandshakeError{Status: 400, Cause: frame.CausePreamble,
	Reason: "a PROXY preamble is believed from proxies alone: list this one in trustedProxies, " +
		"and turn proxyProtocol on"}

// preamble takes what a load balancer sends before everything else, and the client's address from
// it. p is borrowed, and so is what it returns.
func (c *Conn) preamble(p []byte) (rest []byte, done bool, err error) {
	hs, all := c.hs, p
	if hs.head != nil {
		hs.head.B = append(hs.head.B, p...)
		all = hs.head.B
	}
	n, client, err := frame.ParseProxy(all)
	if err != nil {
		return nil, false, err
	}
	if n == 0 {
		if hs.head == nil {
			hs.head = pool.Get(len(p))
			hs.head.B = append(hs.head.B, p...)
		}
		return nil, false, nil
	}
	rest = p[n-(len(all)-len(p)):] // what came before p was not enough
	if hs.head != nil {
		pool.Put(hs.head)
		hs.head = nil
	}
	hs.proxied = false
	if client.IsValid() {
		ep := *c.ep
		ep.peer = net.TCPAddrFromAddrPort(client)
		c.ep = &ep
	}
	return rest, true, nil
}

// answerGet gives the answer of Options.Answer to a request that is no upgrade, if it has one.
func (c *Conn) answerGet(head []byte) bool {
	if c.ep.answer == nil {
		return false
	}
	g, ok := c.ep.limits.ParseGet(head)
	if !ok {
		return false
	}
	a, ok := c.ep.answer(string(g.Path))
	if !ok || c.state.Swap(stateDone) == stateDone {
		return false
	}
	b := pool.Get(512)
	b.B = frame.AppendAnswer(b.B, &a, g.Head, time.Now())
	c.rc.Write(b.B)
	pool.Put(b)
	c.releaseBuffers()
	c.rc.Close(nil)
	return true
}

// collectHead returns a complete head and what follows it, or nil if more bytes are needed. In the
// common case all of it comes in one read, and nothing is copied.
func (c *Conn) collectHead(p []byte) (head, rest []byte, err error) {
	limits := &c.ep.limits
	if c.hs == nil || c.hs.head == nil {
		n, next, err := limits.Scan(p, 0)
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
	take := min(len(p), limits.Bytes-kept)
	hs.head.B = append(hs.head.B, p[:take]...)
	n, next, err := limits.Scan(hs.head.B, hs.next)
	if err != nil {
		return nil, nil, err
	}
	hs.next = next
	if n == 0 {
		return nil, nil, nil
	}
	return hs.head.B[:n], p[n-kept:], nil
}

// upgrade checks who asks, asks the Acceptor and sends the 101.
func (c *Conn) upgrade(r *frame.Request) error {
	if err := c.ep.checkOrigin(r); err != nil {
		return err
	}
	h, protocol, err := c.ep.accept(r, c)
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
	b.B = frame.AppendResponse(b.B, r, protocol, extensions)
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

// checkResponse is the client's counterpart of upgrade.
func (c *Conn) checkResponse(head []byte) error {
	r, err := frame.ParseResponse(head, c.hs.key, c.hs.protocols)
	if err != nil {
		return err
	}
	if c.deflate, err = frame.DeflateAnswer(r.Extensions, c.ep.deflate); err != nil {
		return fmt.Errorf("%w: %w", ErrExtension, err)
	}
	c.state.Store(stateOpen)
	return nil
}

// refuse answers a request that is not accepted, and closes. r is what was read of it, nil if that
// is nothing; head says that it was a HEAD.
func (c *Conn) refuse(err error, r *frame.Request, head bool) {
	if c.state.Swap(stateDone) == stateDone {
		return
	}
	he := c.ep.refusal(err)
	c.ep.refused(he, r, c.RemoteAddr)
	b := pool.Get(512)
	if he.Spoken != nil && r != nil {
		b.B = frame.AppendSpoken(b.B, he, r)
	} else {
		b.B = frame.AppendRefusal(b.B, he, head, time.Now())
	}
	c.rc.Write(b.B)
	pool.Put(b)
	c.releaseBuffers()
	c.rc.Close(err)
}

// refusal is what a client is told of err. It may be changed.
func (ep *endpoint) refusal(err error) *frame.HandshakeError {
	told := frame.HandshakeError{Status: 500, Reason: "internal error", Cause: frame.CauseOther}
	var he *frame.HandshakeError
	if errors.As(err, &he) {
		told = *he
	} else {
		ep.log.Error("websocket: upgrade failed", "error", err)
	}
	if told.RetryAfter == 0 && (told.Status == 429 || told.Status == 503) {
		told.RetryAfter = retryAfter
	}
	return &told
}

// abandon ends a client's failed handshake. OnClose reports err.
func (c *Conn) abandon(err error) {
	c.state.Store(stateDone)
	c.rc.Abort(err)
}

// dropHandshake releases what the handshake held, and the place that it took.
func (c *Conn) dropHandshake() {
	if c.hs == nil {
		return
	}
	c.releaseBuffers()
	if c.hs.leave != nil {
		c.hs.leave()
	}
	c.hs = nil
}

// releaseBuffers is dropHandshake for a connection that was refused: its place it keeps until it is
// gone.
func (c *Conn) releaseBuffers() {
	if c.hs == nil {
		return
	}
	if c.hs.head != nil {
		pool.Put(c.hs.head)
	}
	if c.hs.request != nil {
		pool.Put(c.hs.request)
	}
	c.hs.head, c.hs.request = nil, nil
}
