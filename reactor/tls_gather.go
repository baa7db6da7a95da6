//go:build linux || darwin

package reactor

import "github.com/smartsocket/smartsocket/pool"

// Gathering keeps plaintext of a TLS connection and not what it becomes, so that all of it shares
// its records. The outbox holds ciphertext only. What is kept counts as memory of outboxes.

// gather keeps head and body until flushLate. mu is held, and the handshake is complete.
func (t *tlsConn) gather(head, body []byte) Status {
	c, n := t.c, len(head)+len(body)
	if n >= corkMaxWrite || t.gathered()+n >= gatherMax {
		return t.release(head, body)
	}
	if !c.hasRoom(t.gathered() + n) {
		return Dropped
	}
	t.keep(head)
	t.keep(body)
	c.delay()
	return Sent
}

// gathered returns the number of bytes of plaintext that are kept. mu is held.
func (t *tlsConn) gathered() int {
	if t.plain == nil {
		return 0
	}
	return len(t.plain.B)
}

// keep adds p to what is kept. mu is held.
func (t *tlsConn) keep(p []byte) {
	if size := t.gathered() + len(p); t.plain == nil {
		t.plain = pool.Get(max(size, minQueueBytes))
	} else if size > cap(t.plain.B) {
		larger := pool.Get(2 * size)
		larger.B = append(larger.B, t.plain.B...)
		pool.Put(t.plain)
		t.plain = larger
	}
	t.plain.B = append(t.plain.B, p...)
	t.c.loop.outboxBytes.Add(int64(len(p)))
}

// release ends what gather began: it sends what is kept, and head and body behind it. mu is held.
func (t *tlsConn) release(head, body []byte) Status {
	c, kept := t.c, t.plain
	c.late, c.urgent = false, false
	if kept == nil {
		return t.seal(nil, head, body)
	}
	t.plain = nil
	c.loop.outboxBytes.Add(-int64(len(kept.B)))
	status := t.seal(kept.B, head, body)
	pool.Put(kept)
	return status
}

// flushLate sends what is kept, unless it is in vain. mu is held.
func (t *tlsConn) flushLate() {
	c := t.c
	if t.failed || c.broken || c.state >= stateLingering {
		c.late, c.urgent = false, false
		t.forget()
		return
	}
	t.release(nil, nil)
}

// forget drops what is kept. mu is held.
func (t *tlsConn) forget() {
	if t.plain != nil {
		t.c.loop.outboxBytes.Add(-int64(len(t.plain.B)))
		pool.Put(t.plain)
		t.plain = nil
	}
}
