package websocket

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/pool"
)

// Send sends one message in one frame. p is copied or written before Send returns. The message is
// deflated if that was negotiated, if it is strictly larger than the threshold, and if it becomes
// smaller.
func (c *Conn) Send(op frame.Opcode, p []byte) Status {
	if c.ep.client || c.deflate {
		return c.sendSlow(op, p)
	}
	return c.write(op, false, p)
}

// SendLast is Send for what is likely the last message before Flush, such as the answer of a
// handler: while nothing else was gathered it leaves at once.
func (c *Conn) SendLast(op frame.Opcode, p []byte) Status {
	if c.ep.client || c.deflate {
		return c.sendSlow(op, p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Load() != stateOpen {
		return Dropped
	}
	return c.rc.WriteLast(frame.AppendHeader(c.head[:0], op, true, false, len(p)), p)
}

// write sends one unmasked frame unless the connection is closing.
func (c *Conn) write(op frame.Opcode, rsv1 bool, p []byte) Status {
	c.mu.Lock()
	if c.state.Load() != stateOpen {
		c.mu.Unlock()
		return Dropped
	}
	status := c.rc.Write2(frame.AppendHeader(c.head[:0], op, true, rsv1, len(p)), p)
	c.mu.Unlock()
	return status
}

// sendSlow is Send for clients, which have to mask, and for connections that may deflate.
func (c *Conn) sendSlow(op frame.Opcode, p []byte) Status {
	if c.state.Load() != stateOpen {
		return Dropped
	}
	if !c.deflate || len(p) <= c.ep.tuned.Load().DeflateThreshold {
		return c.writeFrame(op, false, p)
	}
	b := pool.GetUnsized(pool.Deflated)
	defer pool.PutUnsized(b)
	deflated, err := pool.Deflate(b.B, p, c.ep.tuned.Load().DeflateLevel, true)
	if err != nil || len(deflated) >= len(p) {
		return c.writeFrame(op, false, p)
	}
	b.B = deflated
	return c.writeFrame(op, true, deflated)
}

// writeFrame is write for both sides.
func (c *Conn) writeFrame(op frame.Opcode, rsv1 bool, p []byte) Status {
	if !c.ep.client {
		return c.write(op, rsv1, p)
	}
	b := pool.Get(len(p) + 14)
	b.B = frame.AppendMaskedFrame(b.B, op, rsv1, p, maskKey())
	c.mu.Lock()
	status := Dropped
	if c.state.Load() == stateOpen {
		status = c.rc.Write(b.B)
	}
	c.mu.Unlock()
	pool.Put(b)
	return status
}

// maskKey returns a fresh and unpredictable key (RFC 6455 section 10.3). The top-level functions of
// math/rand/v2 use a ChaCha8 generator per thread, which the runtime seeds from the system's
// randomness and rekeys. A server cannot derive the next key from those it has seen. maskKey
// neither locks nor allocates.
func maskKey() (key [4]byte) {
	binary.LittleEndian.PutUint32(key[:], rand.Uint32())
	return key
}

// SendShared sends bytes made by frame.Prepare, or by PrepareDeflated if Deflate reports true. The
// caller keeps its reference. On a client the result is Dropped, because a client must mask each
// frame separately.
func (c *Conn) SendShared(s *pool.Shared) Status {
	if c.ep.client {
		return Dropped
	}
	c.mu.Lock()
	if c.state.Load() != stateOpen {
		c.mu.Unlock()
		return Dropped
	}
	status := c.rc.WriteShared(s)
	c.mu.Unlock()
	return status
}

// Ping sends a ping frame. p is copied and has at most 125 bytes (RFC 6455 section 5.5); a longer
// one is Dropped.
func (c *Conn) Ping(p []byte) Status { return c.sendControl(frame.Ping, p) }

func (c *Conn) sendControl(op frame.Opcode, p []byte) Status {
	if len(p) > 125 {
		return Dropped
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Load() != stateOpen {
		return Dropped
	}
	return c.writeControl(op, p)
}

// writeControl writes a control frame, which is not held to the outbox limit. mu is held.
func (c *Conn) writeControl(op frame.Opcode, p []byte) Status {
	if !c.ep.client {
		return c.rc.WriteControl(frame.AppendHeader(c.head[:0], op, true, false, len(p)), p)
	}
	b := pool.Get(len(p) + 14)
	b.B = frame.AppendMaskedFrame(b.B, op, false, p, maskKey())
	status := c.rc.WriteControl(b.B, nil)
	pool.Put(b)
	return status
}

// Gather keeps together what is sent until Flush, for a caller that sends several messages from its
// own goroutine. See reactor.Conn.Gather.
func (c *Conn) Gather() { c.rc.Gather() }

// Flush ends Gather and sends what was gathered. See reactor.Conn.Flush.
func (c *Conn) Flush() { c.rc.Flush() }

// Push sends what was gathered so far, and the gathering goes on.
func (c *Conn) Push() { c.rc.Push() }

// Batch is Gather for many connections. It belongs to one goroutine.
type Batch struct{ conns []*Conn }

var batches = sync.Pool{New: func() any { return new(Batch) }}

// NewBatch makes a Batch of no connections. Flush must be called.
func NewBatch() *Batch { return batches.Get().(*Batch) }

// Add calls Gather, and has Flush called.
func (b *Batch) Add(c *Conn) {
	c.Gather()
	b.conns = append(b.conns, c)
}

// Flush calls Flush of all connections. The batch must not be used afterwards.
func (b *Batch) Flush() {
	for _, c := range b.conns {
		c.Flush()
	}
	clear(b.conns)
	b.conns = b.conns[:0]
	batches.Put(b)
}
