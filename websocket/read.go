package websocket

import (
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/pool"
)

// maxPongsPerRead is how many pings of one read are answered one by one. Of the others only the
// newest is answered, which RFC 6455 section 5.5.3 allows.
const maxPongsPerRead = 16

// feed runs received bytes through the parser and passes the messages on. It is the hot path.
func (c *Conn) feed(p []byte) {
	cfg := &c.ep.plain
	early := c.early
	if early {
		cfg = &c.ep.early
	} else if c.deflate {
		cfg = &c.ep.deflated
	}
	c.pings = 0
	rate := c.ep.tuned.Load().MaxFrameRate
	for c.state.Load() != stateDone {
		m, rest, ok, err := c.ps.Feed(cfg, p)
		if err != nil {
			c.fail(err)
			return
		}
		if !ok {
			break
		}
		p = rest
		if m.Op >= frame.Close {
			c.onControl(m)
			continue
		}
		if rate > 0 && c.frameFlood(rate) {
			c.failWith(frame.ClosePolicyViolation, "too many frames", ErrFlood)
			return
		}
		if c.late != nil && !c.pongQueued {
			c.sendLatePong()
		}
		if c.state.Load() != stateOpen {
			continue // only the peer's close frame matters now
		}
		if m.Compressed {
			c.inflate(m)
			continue
		}
		c.h.OnMessage(c, m.Op, m.Payload)
		if early && !c.early { // a connection with a subprotocol has no deflate
			early, cfg = false, &c.ep.plain
		}
	}
	if c.late != nil && !c.pongQueued {
		c.sendLatePong()
	}
}

// inflate is the detour that a compressed message takes.
func (c *Conn) inflate(m frame.Message) {
	b, err := frame.InflateMessage(m, pool.InflateLimit(len(m.Payload), c.ep.maxMessage))
	if err != nil {
		c.fail(err)
		return
	}
	if c.CountInflated(len(b.B)) {
		c.h.OnMessage(c, m.Op, b.B)
	}
	pool.Put(b)
}

// second restarts the counting when a second has passed. The loop's clock is fresh while a timer is
// armed, as one always is on a served connection.
func (c *Conn) second() {
	now := uint32(c.rc.Now() / time.Millisecond)
	if now-c.rateSince >= 1000 {
		c.rateSince, c.frames, c.inflated = now, 0, 0
	}
}

// frameFlood counts the frames of a message and reports whether there were more than rate in this
// second.
func (c *Conn) frameFlood(rate int) bool {
	c.second()
	c.frames += uint32(c.ps.Frames())
	return c.frames > uint32(rate)
}

// CountInflated notes that a message was inflated to n bytes. Above Tuning.MaxInflateRate it closes
// the connection with 1008 and returns false, and the message must be dropped. Handlers that
// inflate themselves call it, on the loop.
func (c *Conn) CountInflated(n int) bool {
	rate := c.ep.tuned.Load().MaxInflateRate
	if rate <= 0 {
		return true
	}
	c.second()
	if total := uint64(c.inflated) + uint64(n); total <= uint64(rate) {
		c.inflated = uint32(total)
		return true
	}
	c.failWith(frame.ClosePolicyViolation, "too many inflated bytes", ErrFlood)
	return false
}

// CountControl counts a message that a handler answers, as the connection counts a ping that it
// answers. If these messages and the control frames together exceed Options.MaxControlRate it
// closes the connection with 1008 and returns false. On the loop.
func (c *Conn) CountControl() bool {
	if !c.controlFlood() {
		return true
	}
	c.failWith(frame.ClosePolicyViolation, "too many control messages", ErrFlood)
	return false
}

func (c *Conn) onControl(m frame.Message) {
	if m.Op == frame.Close {
		c.onClose(m.Payload)
		return
	}
	if c.controlFlood() {
		c.failWith(frame.ClosePolicyViolation, "too many control frames", ErrFlood)
		return
	}
	if c.state.Load() != stateOpen {
		return
	}
	if m.Op == frame.Ping {
		c.pong(m.Payload)
		return
	}
	c.h.OnPong(c, m.Payload)
}

// latePong is the payload of the newest ping, kept while its answer has to wait.
type latePong struct {
	n uint8
	b [125]byte
}

// pong answers a ping at once within two limits: at most maxPongsPerRead per read, and none while a
// pong waits in a backpressured outbox. Beyond them it keeps the newest ping.
func (c *Conn) pong(p []byte) {
	if c.pings >= maxPongsPerRead || c.pongQueued {
		if c.late == nil {
			c.late = new(latePong)
		}
		c.late.n = uint8(copy(c.late.b[:], p))
		return
	}
	c.pings++
	c.pongQueued = c.sendControl(frame.Pong, p) == Backpressured
}

func (c *Conn) sendLatePong() {
	late := c.late
	c.late = nil
	c.pongQueued = c.sendControl(frame.Pong, late.b[:late.n]) == Backpressured
}

var startUp = time.Now()

// controlFlood counts a control frame and reports whether the last controlRate+1 of them came
// within one second. It reads the system's clock once per controlRate frames, because the loop's
// coarse clock stands still while no timer is armed.
func (c *Conn) controlFlood() bool {
	c.controlCount++
	if c.controlCount <= c.ep.controlRate && c.controlCount > 1 {
		return false
	}
	now := uint32(time.Since(startUp) / time.Millisecond)
	if c.controlCount > 1 && now-c.controlSince < 1000 {
		return true
	}
	c.controlSince, c.controlCount = now, 1
	return false
}
