//go:build !js

package client

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

const (
	keepBytes    = 512 // a larger buffer goes back to the pool when it is written
	writeTimeout = 30 * time.Second
	closeGrace   = 2 * time.Second
	maxHead      = 14                   // of a masked frame (RFC 6455 section 5.2)
	fairRounds   = 16                   // writes that one caller does for others
	eager        = 2 * time.Millisecond // after this time a goroutine continues a caller's write
)

// errClosed is append's error on a connection that has ended.
var errClosed = &Error{Code: message.CodeConnectionLost, Message: "the connection has ended"}

// writer combines the frames of concurrent senders into few writes. A sender that finds
// nobody writing writes its own frames and those that others add meanwhile. The others
// return at once. It is safe for concurrent use.
type writer struct {
	nc  net.Conn
	tcp net.Conn // nc, or the connection below its TLS, which closes without waiting
	// handOff is for connections whose writes cannot be interrupted and continued, as those
	// of TLS: callers never write themselves.
	handOff bool

	mark    int    // how many bytes may be unsent; 0 = 1 MiB
	drained func() // see transport.onDrain; nil = none

	mu      sync.Mutex
	space   chan struct{} // closed when there is room or the end has come; nil when nobody waits
	full    bool          // there was no room, and drained has not run since
	out     *pool.Buffer  // frames that wait for the write in progress; nil = none
	spare   *pool.Buffer  // for the next out, small; nil = none
	usual   int           // how much is written at once, of late
	flight  int           // bytes of the write in progress
	writing bool
	idle    chan struct{} // closed when writing ends; nil when nobody waits for that
	ended   bool          // nothing may be queued any more

	rest *pool.Buffer // of an interrupted write, for who claims the writing next; nil = none
}

// newMask takes a masking key from the runtime's ChaCha8 generator. The system seeds it,
// so the key is unpredictable, as RFC 6455 section 5.3 demands.
func newMask() [4]byte {
	k := rand.Uint32()
	return [4]byte{byte(k), byte(k >> 8), byte(k >> 16), byte(k >> 24)}
}

func (w *writer) room(cancel <-chan struct{}, after <-chan time.Time) bool {
	for {
		w.mu.Lock()
		if w.unsent() <= w.most() || w.ended {
			w.mu.Unlock()
			return true
		}
		w.full = true
		if cancel == nil && after == nil {
			w.mu.Unlock()
			return false
		}
		if w.space == nil {
			w.space = make(chan struct{})
		}
		space := w.space
		w.mu.Unlock()
		select {
		case <-space:
		case <-cancel:
			return false
		case <-after:
			return false
		}
	}
}

// most is how many bytes may be unsent.
func (w *writer) most() int {
	if w.mark == 0 {
		return 1 << 20
	}
	return w.mark
}

// unsent is how many bytes are. mu is held.
func (w *writer) unsent() int { return length(w.out) + length(w.rest) + w.flight }

// length is how many bytes b holds, which may be nil.
func length(b *pool.Buffer) int {
	if b == nil {
		return 0
	}
	return len(b.B)
}

func (w *writer) buffered() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.unsent()
}

func (w *writer) onDrain(f func()) { w.drained = f }

// eased tells those who wait for room that something was sent. mu is held.
func (w *writer) eased() {
	if w.unsent() <= w.most() {
		w.spread()
	}
	if w.full && w.unsent() <= w.most()/2 && !w.ended {
		if w.full = false; w.drained != nil {
			go w.drained()
		}
	}
}

// spread wakes everybody who waits for room. mu is held.
func (w *writer) spread() {
	if w.space != nil {
		close(w.space)
		w.space = nil
	}
}

func (w *writer) append(p []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return errClosed
	}
	w.add(frame.Binary, p)
	return nil
}

// add appends a frame to out. mu is held.
func (w *writer) add(op frame.Opcode, p []byte) {
	if w.out == nil {
		w.out, w.spare = w.spare, nil
	}
	if need := length(w.out) + len(p) + maxHead; w.out == nil {
		w.out = pool.Get(max(need, w.usual))
	} else if need > cap(w.out.B) {
		b := pool.Get(max(need, w.usual, 2*cap(w.out.B)))
		b.B = append(b.B, w.out.B...)
		pool.Put(w.out)
		w.out = b
	}
	w.out.B = frame.AppendMaskedFrame(w.out.B, op, false, p, newMask())
}

// recycle puts b, which may be nil, back into the pool. A small one is kept for the next frame.
// mu is held.
func (w *writer) recycle(b *pool.Buffer) {
	switch {
	case b == nil:
	case w.spare == nil && w.usual <= keepBytes && cap(b.B) <= keepBytes:
		b.B = b.B[:0]
		w.spare = b
	default:
		pool.Put(b)
	}
}

// control queues a control frame without waiting for the peer. A server that pings
// without reading the answers gets no more of them.
func (w *writer) control(op frame.Opcode, p []byte) {
	w.mu.Lock()
	if !w.ended && (op == frame.Close || length(w.out) <= 1<<20) {
		w.add(op, p)
		if op == frame.Close {
			w.end()
		}
	}
	w.mu.Unlock()
}

// end makes every later append fail. mu is held.
func (w *writer) end() {
	w.ended = true
	w.spread()
}

// start claims the writing if there is something to write and nobody is writing. It
// reports whether it did.
func (w *writer) start() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.writing || w.out == nil {
		return false
	}
	w.writing = true
	return true
}

func (w *writer) flush() {
	if w.handOff {
		w.flushLater()
		return
	}
	if w.start() && w.drain(fairRounds, eager) {
		go w.drain(-1, writeTimeout)
	}
}

func (w *writer) flushLater() {
	if w.start() {
		go w.drain(-1, writeTimeout)
	}
}

// drain writes until nothing is queued. With rounds of at least 0 it also stops after
// that many writes, or after a write that takes longer than patience. more means that
// something is left and that the caller, who has claimed the writing, still owns it.
func (w *writer) drain(rounds int, patience time.Duration) (more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.rest != nil || w.out != nil {
		if rounds == 0 {
			return true
		}
		rounds--
		batch := w.rest
		if w.rest = nil; batch == nil {
			batch, w.out = w.out, nil
			w.usual = max(len(batch.B), w.usual-w.usual/8)
		}
		w.flight = len(batch.B)
		wait := patience
		if w.ended {
			wait = min(wait, closeGrace)
		}
		w.mu.Unlock()
		w.nc.SetWriteDeadline(time.Now().Add(wait))
		n, err := w.nc.Write(batch.B)
		w.mu.Lock()
		w.flight = 0
		switch {
		case err == nil:
			w.recycle(batch)
		case rounds >= 0 && errors.Is(err, os.ErrDeadlineExceeded):
			if n < len(batch.B) {
				batch.B = batch.B[n:]
				w.rest = batch
			} else {
				w.recycle(batch)
			}
			rounds = 0
		default:
			w.out = nil
			w.end()
			w.tcp.Close()
		}
		w.eased()
	}
	w.writing = false
	if w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
	return false
}

// settle writes what is queued, or waits for the goroutine that is writing it, for at
// most patience.
func (w *writer) settle(patience time.Duration) {
	if w.start() {
		w.drain(-1, patience)
		return
	}
	w.mu.Lock()
	if !w.writing {
		w.mu.Unlock()
		return
	}
	if w.idle == nil {
		w.idle = make(chan struct{})
	}
	idle := w.idle
	w.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	}
}
