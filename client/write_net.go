//go:build !js

package client

import (
	"math/rand/v2"
	"net"
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
	fairRounds   = 16 // writes that one caller does for others
)

// errClosed is append's error on a connection that has ended.
var errClosed = &Error{Code: message.CodeConnectionLost, Message: "the connection has ended"}

// writer combines the frames of concurrent senders into few writes: whoever
// finds nobody writing writes what is there and what the others add meanwhile;
// the others return at once. Safe for concurrent use.
type writer struct {
	nc net.Conn

	mu      sync.Mutex
	space   sync.Cond // signalled when out was taken, or the end came
	out     []byte    // frames that wait for the write in progress
	spare   []byte
	writing bool
	ended   bool // nothing may be queued any more
}

// newMask takes a masking key from the runtime's ChaCha8 generator, which is
// seeded by the system: unpredictable, as RFC 6455 section 5.3 wants it.
func newMask() [4]byte {
	k := rand.Uint32()
	return [4]byte{byte(k), byte(k >> 8), byte(k >> 16), byte(k >> 24)}
}

func (w *writer) room() {
	w.mu.Lock()
	for len(w.out) > highWater && !w.ended {
		w.space.Wait()
	}
	w.mu.Unlock()
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
	w.space.Broadcast()
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
	if w.start() && w.drain(fairRounds) {
		go w.drain(-1)
	}
}

func (w *writer) flushLater() {
	if w.start() {
		go w.drain(-1)
	}
}

// drain writes until nothing is queued, or rounds times; more says that it left
// something and that the caller, who has claimed the writing, still owns it.
func (w *writer) drain(rounds int) (more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ; len(w.out) > 0; rounds-- {
		if rounds == 0 {
			return true
		}
		batch, closing := w.out, w.ended
		w.out, w.spare = w.spare[:0], nil
		w.space.Broadcast()
		w.mu.Unlock()
		if !closing { // else close has set a nearer deadline
			w.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
		}
		_, err := w.nc.Write(batch)
		w.mu.Lock()
		if cap(batch) <= keepBytes {
			w.spare = batch[:0]
		}
		if err != nil {
			w.out = nil
			w.end()
			w.nc.Close()
		}
	}
	w.writing = false
	return false
}
