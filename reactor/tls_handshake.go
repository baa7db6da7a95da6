//go:build linux || darwin

package reactor

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

const (
	recordHeader     = 5
	recordHandshake  = 22
	maxSealedRecord  = maxRecord + 2048       // RFC 5246 section 6.2.3
	handshakeMinimum = 500 * time.Millisecond // a younger handshake does not have to give way
)

// tlsServer is what the connections of one ListenTLS share.
//
// crypto/tls blocks during a handshake. Each handshake therefore has a goroutine, and slots limits
// their number. A handshake takes a slot only once a whole record has come. When all slots are
// taken, newcomers wait in line, and each of them ends the oldest handshake if that has had its
// time. Clients that stall half-way therefore cannot shut out the rest.
type tlsServer struct {
	config     *tls.Config
	timeout    time.Duration
	newHandler func(c *Conn) Handler
	early      bool
	notTLS     func(c *Conn, first []byte) []byte
	log        *slog.Logger

	mu      sync.Mutex
	slots   int   // number of free ones
	running queue // oldest first
	waiting queue
}

func (s *tlsServer) accept(c *Conn) Handler {
	c.secure = true // no other goroutine knows c yet
	t := &tlsConn{server: s, c: c, hs: new(handshake)}
	if s.early {
		if t.early = s.newHandler(c); t.early == nil {
			return nil
		}
		t.preamble, _ = t.early.(Preambler)
	}
	t.hs.conn = t
	t.hs.arrived.L = &t.hs.mu
	return t
}

// start runs the handshake of t now or later. On the loop of t.
func (s *tlsServer) start(t *tlsConn) {
	hs := t.hs
	s.mu.Lock()
	if s.slots == 0 {
		s.waiting.push(hs)
		hs.waits = true
		oldest := s.running.first
		if oldest != nil && t.c.loop.r.clock()-oldest.since < handshakeMinimum {
			oldest = nil
		}
		if oldest != nil { // the next newcomer must end another one
			s.running.remove(oldest)
			s.begin(oldest)
		}
		s.mu.Unlock()
		if oldest != nil {
			oldest.conn.c.Abort(ErrTLSTimeout)
		}
		return
	}
	s.slots--
	s.begin(hs)
	s.mu.Unlock()
	go s.run(hs)
}

// begin adds hs to the running ones. mu is held.
func (s *tlsServer) begin(hs *handshake) {
	hs.since = hs.conn.c.loop.r.clock()
	s.running.push(hs)
}

// giveUp removes hs from the queue if it waits for a slot.
func (s *tlsServer) giveUp(hs *handshake) {
	s.mu.Lock()
	if hs.waits {
		s.waiting.remove(hs)
		hs.waits = false
	}
	s.mu.Unlock()
}

// run does the handshake of hs, and then those that wait.
func (s *tlsServer) run(hs *handshake) {
	for hs != nil {
		s.shake(hs)
		s.mu.Lock()
		s.running.remove(hs)
		if hs = s.waiting.first; hs != nil {
			s.waiting.remove(hs)
			hs.waits = false
			s.begin(hs)
		} else {
			s.slots++
		}
		s.mu.Unlock()
	}
}

// shake does one handshake. The outcome is posted to the connection's loop.
func (s *tlsServer) shake(hs *handshake) {
	t := hs.conn
	err := s.try(t)
	if err == nil {
		t.c.Post(t.established)
		return
	}
	t.c.Close(fmt.Errorf("reactor: TLS handshake: %w", err))
}

func (s *tlsServer) try(t *tlsConn) (err error) {
	defer func() { // GetCertificate and similar callbacks belong to the user
		if v := recover(); v != nil {
			s.log.Error("reactor: a TLS handshake panicked; its connection is closed", "panic", v,
				"stack", string(debug.Stack()))
			err = &PanicError{Value: v}
		}
	}()
	return t.tc.Handshake()
}

// handshake is what a connection needs until its session is established.
type handshake struct {
	conn       *tlsConn
	prev, next *handshake // in one of the server's queues; guarded by its mu
	// since is when it got its slot, on the Reactor's clock. It is guarded by the server's mu.
	since   time.Duration
	waits   bool // is in the server's waiting queue; guarded by its mu
	started bool // belongs to the loop

	mu      sync.Mutex
	arrived sync.Cond // signals input or err
	input   []byte    // ciphertext not yet read; guarded by mu
	err     error     // guarded by mu; what read returns
}

// feed appends a copy of p to the input. On the loop.
func (hs *handshake) feed(p []byte) error {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if len(hs.input)+len(p) > maxHandshake {
		return ErrTLSFlood
	}
	hs.input = append(hs.input, p...)
	hs.arrived.Signal()
	if !hs.started && (hs.input[0] != recordHandshake || len(hs.input) >= recordHeader &&
		hs.recordLength() > recordHeader+maxSealedRecord) {
		return ErrNotTLS
	}
	return nil
}

// recordLength returns the length of the first record, whose header must be there.
func (hs *handshake) recordLength() int {
	return recordHeader + int(hs.input[3])<<8 + int(hs.input[4])
}

// hasRecord reports whether the first record is complete. On the loop, before start.
func (hs *handshake) hasRecord() bool {
	return len(hs.input) >= recordHeader && len(hs.input) >= hs.recordLength()
}

// read waits for input.
func (hs *handshake) read(p []byte) (int, error) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for len(hs.input) == 0 && hs.err == nil {
		hs.arrived.Wait()
	}
	if hs.err != nil {
		return 0, hs.err
	}
	n := copy(p, hs.input[:hs.conn.cut.take(hs.input, len(p))])
	hs.input = hs.input[n:]
	return n, nil
}

// end makes reads fail.
func (hs *handshake) end(err error) {
	hs.mu.Lock()
	hs.err = err
	hs.arrived.Signal()
	hs.mu.Unlock()
}

// rest returns the input that the handshake did not need.
func (hs *handshake) rest() []byte {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return hs.input
}

// queue is a list of handshakes, oldest first.
type queue struct{ first, last *handshake }

func (q *queue) push(hs *handshake) {
	hs.prev, hs.next = q.last, nil
	if q.last != nil {
		q.last.next = hs
	} else {
		q.first = hs
	}
	q.last = hs
}

func (q *queue) remove(hs *handshake) {
	if hs.prev != nil {
		hs.prev.next = hs.next
	} else {
		q.first = hs.next
	}
	if hs.next != nil {
		hs.next.prev = hs.prev
	} else {
		q.last = hs.prev
	}
	hs.prev, hs.next = nil, nil
}
