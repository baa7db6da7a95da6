package websocket

import (
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/reactor"
)

// events is a Conn as the reactor sees it. It is a separate type so that the reactor's callbacks
// are not methods of Conn.
type events Conn

var (
	_ reactor.Handler   = (*events)(nil)
	_ reactor.Preambler = (*events)(nil)
)

func newConn(ep *endpoint) *events { return (*events)(&Conn{ep: ep}) }

func (e *events) OnOpen(rc *reactor.Conn) {
	c := (*Conn)(e)
	c.rc = rc
	rc.SetTimer(c.ep.handshake)
	if c.hs != nil && c.hs.request != nil {
		rc.Write(c.hs.request.B)
	}
}

func (e *events) OnData(_ *reactor.Conn, p []byte) {
	c := (*Conn)(e)
	defer c.recoverPanic()
	if c.opened {
		c.feed(p)
		return
	}
	if c.state.Load() == stateHead {
		c.onHead(p)
	}
}

// Preamble implements reactor.Preambler for a server with TLS.
func (e *events) Preamble(rc *reactor.Conn, p []byte) (rest []byte, done bool, err error) {
	c := (*Conn)(e)
	if c.hs == nil || !c.hs.proxied {
		return p, true, nil
	}
	rest, done, err = c.preamble(p)
	if err != nil {
		c.ep.refused(c.ep.refusal(err), nil, rc.RemoteAddr)
	}
	return rest, done, err
}

func (e *events) OnWritable(*reactor.Conn) {
	c := (*Conn)(e)
	defer c.recoverPanic()
	c.pongQueued = false
	if c.late != nil {
		c.sendLatePong()
	}
	if c.state.Load() == stateOpen {
		c.h.OnWritable(c)
	}
}

func (e *events) OnTimer(*reactor.Conn) {
	c := (*Conn)(e)
	defer c.recoverPanic()
	switch c.state.Load() {
	case stateOpen:
		c.h.OnTimer(c)
	case stateHead:
		if c.ep.client {
			c.abandon(ErrHandshakeTimeout)
			return
		}
		c.refuse(&frame.HandshakeError{Status: 408, Cause: frame.CauseTimeout,
			Reason: ErrHandshakeTimeout.Error()}, nil, c.hs != nil && c.hs.head != nil &&
			frame.IsHead(c.hs.head.B))
	default:
		if c.closeMoves() {
			c.rc.SetTimer(c.ep.closing)
			return
		}
		c.rc.Abort(ErrCloseTimeout)
	}
}

// closeMoves reports whether our close frame, or what was sent before it, is still on its way to a
// peer that takes it.
func (c *Conn) closeMoves() bool {
	moved, waiting := c.rc.Progress()
	first := !c.lingers
	c.lingers = true
	return waiting && (moved || first)
}

func (e *events) OnClose(rc *reactor.Conn, err error) {
	c := (*Conn)(e)
	if c.rc == nil {
		c.rc = rc // a dial that failed
	}
	c.mu.Lock()
	c.state.Store(stateDone)
	end := c.end
	c.mu.Unlock()
	c.ps.Reset()
	c.noteHeld()
	c.dropHandshake()
	c.late = nil
	if !c.opened && !c.ep.client {
		if err == nil { // a request for the health paths, which was answered
			return
		}
		c.ep.log.Debug("websocket: closed before the handshake was complete", "error", err)
		return
	}
	code, reason := frame.CloseAbnormal, ""
	if end != nil {
		code, reason = end.code, end.reason
		if end.err != nil {
			err = end.err
		} else if end.clean {
			err = nil
		}
	}
	defer c.recoverClose()
	c.h.OnClose(c, code, reason, err)
}

// recoverClose contains a panic of OnClose itself. Nothing is left to close then.
func (c *Conn) recoverClose() {
	if v := recover(); v != nil {
		c.logPanic(v)
	}
}
