package websocket

import (
	"math"
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
	begins := !c.ps.Unfinished()
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
		begins = true
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
	c.noteHeld()
	if c.ps.Unfinished() {
		c.unfinished(begins)
	}
}

// spared is how much of an unfinished message is kept when there is no memory left.
const spared = 64 << 10

// noteHeld keeps the count of what all connections hold for unfinished messages.
func (c *Conn) noteHeld() {
	if n := c.ps.CountHeld(c.ep.held); n <= 0 || c.ep.grew == nil {
		return
	}
	err := c.ep.grew()
	if err == nil || c.ps.Held() <= spared {
		return
	}
	c.failWith(frame.CloseTryAgainLater, "no memory for this message", err)
	c.ps.Reset() // nothing more is fed to it
	c.noteHeld()
}

// messageRate is how many bytes a second a message must average that takes longer than
// Options.MessageTimeout. Modems are faster.
const messageRate = 2 << 10

// unfinished fails a connection whose message comes too slowly. begins says that it began in this
// read.
func (c *Conn) unfinished(begins bool) {
	now := uint16(c.rc.Now() / time.Second)
	if begins {
		c.begun = now
		return
	}
	// The difference is right for messages of up to 18 hours. Longer ones get another timeout.
	late := int(now-c.begun) - c.ep.messageSeconds
	if late > 0 && c.ps.Buffered() < late*messageRate && c.state.Load() != stateDone {
		c.failWith(frame.ClosePolicyViolation, "message too slow", ErrSlowMessage)
	}
}

// inflate is the detour that a compressed message takes.
func (c *Conn) inflate(m frame.Message) {
	b, err := frame.InflateMessage(m, c.InflateLimit(len(m.Payload)))
	if err != nil {
		c.fail(err)
		return
	}
	if c.CountInflated(len(m.Payload), len(b.B)) {
		c.h.OnMessage(c, m.Op, b.B)
	}
	pool.PutUnsized(b)
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

// InflateLimit returns how many bytes a compressed message of n bytes may inflate to, see
// Options.MaxInflateRatio. Handlers that inflate themselves call it.
func (c *Conn) InflateLimit(n int) int {
	limit := c.ep.maxMessage
	if ratio := c.ep.maxRatio; ratio > 0 && n < limit/ratio {
		limit = min(limit, max(pool.InflateFree, n*ratio))
	}
	return limit
}

// CountInflated notes that a message of in bytes was inflated to out bytes. Above
// Tuning.MaxInflateRate, of which it takes pool.InflateCost, it closes the connection with 1008 and
// returns false, and the message must be dropped. Handlers that inflate themselves call it, on the
// loop.
//
// One message a second may exceed the rate by its compressed bytes, because a large message that
// hardly compresses is no attack.
func (c *Conn) CountInflated(in, out int) bool {
	rate := c.ep.tuned.Load().MaxInflateRate
	if rate <= 0 {
		return true
	}
	c.second()
	total := uint64(c.inflated) + uint64(pool.InflateCost(in, out))
	if total <= uint64(rate) || c.inflated == 0 && out <= rate {
		c.inflated = uint32(min(total, math.MaxUint32))
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
