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
)

const (
	highWater    = 1 << 20 // unsent bytes from which Emit waits
	keepBytes    = 64 << 10
	writeTimeout = 30 * time.Second
	closeGrace   = 2 * time.Second
	fairRounds   = 16                   // writes that one caller does for others
	eager        = 2 * time.Millisecond // how long a caller's own write may take before a goroutine goes on with it
)

// errClosed is append's error on a connection that has ended.
var errClosed = &Error{Code: message.CodeConnectionLost, Message: "the connection has ended"}

// writer combines the frames of concurrent senders into few writes: whoever
// finds nobody writing writes what is there and what the others add meanwhile;
// the others return at once. Safe for concurrent use.
type writer struct {
	nc      net.Conn
	tcp     net.Conn // nc, or what is below its TLS: closing it waits for nobody
	handOff bool     // a write cannot be interrupted and continued (TLS): callers never write themselves

	mu      sync.Mutex
	space   chan struct{} // closed when out was taken, or the end came; nil when nobody waits
	out     []byte        // frames that wait for the write in progress
	spare   []byte
	writing bool
	idle    chan struct{} // closed when writing ends; nil when nobody waits for that
	ended   bool          // nothing may be queued any more

	rest []byte // of an interrupted write; whoever has claimed the writing owns it
}

// newMask takes a masking key from the runtime's ChaCha8 generator, which is
// seeded by the system: unpredictable, as RFC 6455 section 5.3 wants it.
func newMask() [4]byte {
	k := rand.Uint32()
	return [4]byte{byte(k), byte(k >> 8), byte(k >> 16), byte(k >> 24)}
}

func (w *writer) room(cancel <-chan struct{}, after <-chan time.Time) bool {
	for {
		w.mu.Lock()
		if len(w.out) <= highWater || w.ended {
			w.mu.Unlock()
			return true
		}
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

// spread wakes whoever waits for room; mu is held.
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
	w.out = frame.AppendMaskedFrame(w.out, frame.Binary, false, p, newMask())
	return nil
}

// control queues a control frame; it never waits for the peer. A server that
// pings without reading the answers gets no more of them.
func (w *writer) control(op frame.Opcode, p []byte) {
	w.mu.Lock()
	if !w.ended && (op == frame.Close || len(w.out) <= highWater) {
		w.out = frame.AppendMaskedFrame(w.out, op, false, p, newMask())
		if op == frame.Close {
			w.end()
		}
	}
	w.mu.Unlock()
}

// end makes every later append fail; mu is held.
func (w *writer) end() {
	w.ended = true
	w.spread()
}

// start claims the writing, if there is something to write and nobody does it.
func (w *writer) start() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.writing || len(w.out) == 0 {
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

// drain writes until nothing is queued, or rounds times, or until a write takes
// longer than patience and rounds are counted; more says that it left something
// and that the caller, who has claimed the writing, still owns it.
func (w *writer) drain(rounds int, patience time.Duration) (more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.rest) > 0 || len(w.out) > 0 {
		if rounds == 0 {
			return true
		}
		rounds--
		batch := w.rest
		if w.rest = nil; batch == nil {
			batch, w.out, w.spare = w.out, w.spare[:0], nil
			w.spread()
		}
		wait := patience
		if w.ended {
			wait = min(wait, closeGrace)
		}
		w.mu.Unlock()
		w.nc.SetWriteDeadline(time.Now().Add(wait))
		n, err := w.nc.Write(batch)
		w.mu.Lock()
		switch {
		case err == nil:
			if cap(batch) <= keepBytes {
				w.spare = batch[:0]
			}
		case rounds >= 0 && errors.Is(err, os.ErrDeadlineExceeded):
			if n < len(batch) {
				w.rest = batch[n:]
			}
			rounds = 0
		default:
			w.out = nil
			w.end()
			w.tcp.Close()
		}
	}
	w.writing = false
	if w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
	return false
}

// settle writes what is queued, or waits for whoever writes it, for at most patience.
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
