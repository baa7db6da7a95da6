package websocket

import (
	"errors"

	"github.com/smartsocket/smartsocket/frame"
)

// Close starts the close handshake. Queued messages are sent first, then the close frame. If the
// peer does not answer within CloseTimeout the connection is aborted; while it still takes what was
// sent before, the time begins anew. Later sends are Dropped and
// no OnMessage follows. A code that may not be on the wire (RFC 6455 section 7.4) is sent as 1011;
// CloseNoStatus sends no code. A reason is cut to 123 bytes. Only the first Close has an effect.
func (c *Conn) Close(code frame.CloseCode, reason string) {
	if c.state.Load() == stateHead {
		if c.rc != nil {
			c.rc.Close(nil)
		}
		return
	}
	if c.sendClose(&ending{code: code, reason: reason}, stateClosing) {
		c.rc.Post(c.armClose)
	}
}

// maxUnread is how much may be on its way to a peer that CloseIfRead closes.
const maxUnread = 16 << 10

// CloseIfRead is Close if the peer has acknowledged what was sent before, up to 16 KiB. Otherwise
// the connection is aborted, so that the kernel keeps nothing for a peer that may never read it.
func (c *Conn) CloseIfRead(code frame.CloseCode, reason string) {
	if c.rc == nil || c.rc.Undelivered() <= maxUnread {
		c.Close(code, reason)
		return
	}
	c.Abort(nil)
}

// armClose starts the wait for the peer's close frame. On the loop.
func (c *Conn) armClose() {
	if c.state.Load() == stateClosing {
		c.rc.SetTimer(c.ep.closing)
	}
}

// Abort closes TCP at once, without a close frame. OnClose gets 1006 and err.
func (c *Conn) Abort(err error) {
	c.mu.Lock()
	if c.state.Load() == stateOpen {
		c.end = &ending{code: frame.CloseAbnormal, err: err}
	}
	c.state.Store(stateDone)
	c.mu.Unlock()
	if c.rc != nil {
		c.rc.Abort(err)
	}
}

// sendClose sends the close frame that end describes and changes to state next. It returns false if
// a close frame has already been sent.
func (c *Conn) sendClose(end *ending, next uint32) bool {
	var body [125]byte
	code := end.code
	if code != frame.CloseNoStatus && !code.OnWire() {
		code = frame.CloseInternal
	}
	b := frame.AppendCloseBody(body[:0], code, end.reason)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Load() != stateOpen {
		return false
	}
	c.end = end
	c.state.Store(next)
	c.writeControl(frame.Close, b)
	return true
}

// onClose handles the peer's close frame. It echoes the frame, unless the frame answers ours. Then
// the server closes TCP first (RFC 6455 section 7.1.1).
func (c *Conn) onClose(p []byte) {
	code, reason, err := frame.ParseCloseBody(p)
	if err != nil {
		c.fail(err)
		return
	}
	end := &ending{code: code, reason: string(reason), clean: true}
	if !c.sendClose(&ending{code: code, clean: true}, stateDone) {
		c.mu.Lock()
		if c.state.Load() == stateClosing {
			c.state.Store(stateDone)
			c.end.clean = true
		}
		c.mu.Unlock()
	} else {
		c.mu.Lock()
		c.end = end
		c.mu.Unlock()
	}
	if c.ep.client {
		c.rc.SetTimer(c.ep.closing) // the server has this long to close TCP
		return
	}
	c.rc.Close(nil)
}

// fail answers the peer's violation with the close frame that err asks for.
func (c *Conn) fail(err error) {
	var fe *frame.Error
	if errors.As(err, &fe) {
		c.failWith(fe.Code, fe.Reason, err)
		return
	}
	c.failWith(frame.CloseInternal, "internal error", err)
}

// failWith sends a close frame if none has been sent. It closes TCP without waiting for the peer's
// close frame (RFC 6455 section 7.1.7) and ignores what the peer still sends.
func (c *Conn) failWith(code frame.CloseCode, reason string, err error) {
	if err == nil {
		err = &frame.Error{Code: code, Reason: reason}
	}
	if !c.sendClose(&ending{code: code, reason: reason, err: err}, stateDone) {
		c.mu.Lock()
		c.state.Store(stateDone)
		c.mu.Unlock()
	}
	c.rc.Close(err)
}
