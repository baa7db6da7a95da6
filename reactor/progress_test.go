package reactor

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// handClock is a clock that a test moves.
type handClock struct{ ns atomic.Int64 }

func (h *handClock) now() time.Duration { return time.Duration(h.ns.Load()) }

// pass lets d go by on the only loop of r, in steps that are no hold-up, with a tick after each.
func (h *handClock) pass(t *testing.T, r *Reactor, d time.Duration) {
	t.Helper()
	for ; d > 0; d -= 500 * time.Millisecond {
		h.jump(t, r, min(d, 500*time.Millisecond))
	}
}

// jump lets d go by at once.
func (h *handClock) jump(t *testing.T, r *Reactor, d time.Duration) {
	t.Helper()
	onLoop(t, r, func() {
		h.ns.Add(int64(d))
		r.loops[0].onTick()
	})
}

// onLoop runs f on the only loop of r.
func onLoop(t *testing.T, r *Reactor, f func()) {
	t.Helper()
	done := make(chan struct{})
	r.loops[0].post(task{kind: taskFunc, f: func() { f(); close(done) }})
	await(t, done, "posted function")
}

// slowly is a server-side connection whose peer reads when the test says so.
type slowly struct {
	t     *testing.T
	r     *Reactor
	c     *Conn
	peer  net.Conn
	end   chan error
	clock *handClock
}

func newSlowly(t *testing.T, secure bool, o Options) *slowly {
	s := &slowly{t: t, end: make(chan error, 1), clock: new(handClock)}
	o.Loops, o.Clock = 1, s.clock.now
	if o.SendBuffer == 0 {
		o.SendBuffer = 512 << 10
	}
	s.r = start(t, o)
	opened := make(chan *Conn, 1)
	h := &hooks{
		open:  func(c *Conn) { opened <- c },
		close: func(_ *Conn, err error) { s.end <- err },
		timer: func(c *Conn) { c.Write([]byte("t")) },
	}
	newHandler := func(*Conn) Handler { return h }
	var ln *Listener
	var err error
	if secure {
		ln, err = s.r.ListenTLS("tcp", "127.0.0.1:0",
			TLSOptions{Config: serverConfig(t)}, newHandler)
	} else {
		ln, err = s.r.Listen("tcp", "127.0.0.1:0", newHandler)
	}
	if err != nil {
		t.Fatal(err)
	}
	d := net.Dialer{Control: smallReceiveBuffer}
	if s.peer, err = d.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.peer.Close() })
	_ = s.peer.SetDeadline(time.Now().Add(patience))
	if secure {
		tc := tls.Client(s.peer, &tls.Config{InsecureSkipVerify: true})
		if err := tc.Handshake(); err != nil {
			t.Fatal(err)
		}
		s.peer = tc
	}
	s.c = await(t, opened, "OnOpen")
	return s
}

// unacked returns what the kernel holds for the peer.
func (s *slowly) unacked() uint32 {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	_, n := s.c.delivered()
	return n
}

// take reads n bytes and waits until that has reached the sending kernel.
func (s *slowly) take(n int) {
	s.t.Helper()
	before, queued := s.unacked(), s.c.Queued()
	if _, err := io.ReadFull(s.peer, make([]byte, n)); err != nil {
		s.t.Fatal(err)
	}
	end := time.Now().Add(patience)
	for s.unacked() >= before && s.c.Queued() == queued && time.Now().Before(end) {
		time.Sleep(time.Millisecond)
	}
}

// passUntil lets d go by, once or more often, until ok reports true, which it returns. A peer that
// reads no more may still acknowledge what its kernel has room for, whenever that gets to it.
func (s *slowly) passUntil(d time.Duration, ok func() bool) bool {
	s.t.Helper()
	for range 50 {
		s.clock.pass(s.t, s.r, d)
		if ok() {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

// wantEnd lets d go by until the connection has ended with want.
func (s *slowly) wantEnd(d time.Duration, want error) {
	s.t.Helper()
	var err error
	if !s.passUntil(d, func() bool { err = s.ended(); return err != nil }) ||
		!errors.Is(err, want) {
		s.t.Errorf("OnClose got %v, want %v", err, want)
	}
}

func (s *slowly) ended() error {
	select {
	case err := <-s.end:
		return err
	default:
		return nil
	}
}

// A message that takes minutes to reach a peer gets there as long as something moves, even if that
// is only seen in the kernel's queue. A peer that takes nothing for MaxOutboxAge is cut.
func TestSlowConsumerIsWhoTakesNothing(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			s := newSlowly(t, secure, Options{})
			if st := s.c.Write(noise(3 << 20)); st != Backpressured {
				t.Fatalf("status %v", st)
			}
			unmoved := 0
			for range 12 { // 72 s; MaxOutboxAge is 10 s
				queued := s.c.Queued()
				s.take(150 << 10)
				s.clock.pass(t, s.r, 6*time.Second)
				if s.c.Queued() == queued {
					unmoved++
				}
				if err := s.ended(); err != nil {
					t.Fatalf("a peer that reads was cut: %v", err)
				}
			}
			if unmoved == 0 {
				t.Error("the outbox moved each time, so the kernel was not asked")
			}
			s.take(150 << 10)
			s.clock.pass(t, s.r, 9*time.Second)
			if err := s.ended(); err != nil {
				t.Fatalf("cut before MaxOutboxAge was over: %v", err)
			}
			s.wantEnd(5*time.Second, ErrSlowConsumer) // looks come every eighth of it
		})
	}
}

// What a peer's kernel acknowledges is a sign of life, as long as something is on its way to it.
func TestLastProgressCountsAcknowledgedBytes(t *testing.T) {
	const limit = 30 * time.Second
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			s := newSlowly(t, secure, Options{MaxOutboxAge: time.Hour})
			idle := func() (d time.Duration) {
				t.Helper()
				onLoop(t, s.r, func() {
					s.c.SetTimer(time.Hour) // keeps the clock going
					d = s.c.Now() - s.c.LastProgress(limit)
				})
				return d
			}
			idle()
			s.clock.pass(t, s.r, limit)
			if d := idle(); d < limit {
				t.Errorf("nothing is on its way, idle %v", d)
			}
			s.c.Write(noise(2 << 20))
			if d := idle(); d != 0 {
				t.Errorf("a message is on its way: idle %v, the first look gives the benefit", d)
			}
			for range 3 {
				s.take(100 << 10)
				s.clock.pass(t, s.r, limit)
				if d := idle(); d != 0 {
					t.Errorf("the peer took something: idle %v", d)
				}
			}
			if !s.passUntil(limit, func() bool { return idle() >= limit }) {
				t.Errorf("the peer took nothing for %v: idle %v", limit, idle())
			}
		})
	}
}

// A peer whose kernel acknowledges pings, and that answers none, is idle all the same.
func TestAcknowledgedPingIsNoSignOfLife(t *testing.T) {
	const limit = 30 * time.Second
	s := newSlowly(t, false, Options{})
	var idle time.Duration
	for range 3 {
		onLoop(t, s.r, func() {
			s.c.SetTimer(time.Hour)
			idle = s.c.Now() - s.c.LastProgress(limit)
			s.c.WriteControl([]byte("ping"), nil)
		})
		for s.unacked() > 0 {
			time.Sleep(time.Millisecond)
		}
		s.clock.pass(t, s.r, limit/2)
	}
	if idle < limit {
		t.Errorf("idle %v", idle)
	}
}

// A close waits for a peer that takes what was sent before, and for no other.
func TestCloseWaitsWhileSomethingMoves(t *testing.T) {
	s := newSlowly(t, false, Options{})
	s.c.Write(noise(2 << 20))
	s.c.Close(io.ErrNoProgress)
	for range 6 {
		s.take(150 << 10)
		s.clock.pass(t, s.r, closeTimeout+time.Second)
		if err := s.ended(); err != nil {
			t.Fatalf("a peer that reads was cut: %v", err)
		}
	}
	s.wantEnd(2*closeTimeout+time.Second, io.ErrNoProgress)
}

// A close does not wait for the end of a peer that has taken everything.
func TestCloseWaitsForNoEnd(t *testing.T) {
	for _, n := range []int{0, 100} {
		s := newSlowly(t, false, Options{})
		s.c.Write(noise(n))
		if _, err := io.ReadFull(s.peer, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		s.c.Close(io.ErrNoProgress)
		onLoop(t, s.r, func() {}) // the FIN is sent
		eventually(t, "it is acknowledged", func() bool { return s.unacked() == 0 })
		s.clock.pass(t, s.r, 2*closeTimeout+time.Second)
		if err := await(t, s.end, "OnClose"); err != io.ErrNoProgress {
			t.Errorf("OnClose got %v", err)
		}
	}
}

// What is being sent does not count against what follows it, and a heartbeat never cuts.
func TestMessageBeingSentDoesNotCount(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		for _, gather := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				s := newSlowly(t, secure, Options{MaxOutboxBytes: 50_000, SendBuffer: 16 << 10})
				write := func(n int, want Status) {
					t.Helper()
					got := s.c.Write(noise(n))
					if (got == Dropped) != (want == Dropped) {
						t.Fatalf("%d bytes: status %v, want %v, queued %d", n, got, want,
							s.c.Queued())
					}
				}
				if gather {
					s.c.Gather()
					defer s.c.Flush()
				}
				write(2<<20, Backpressured)
				write(10, Backpressured)
				write(40_000, Backpressured)
				s.take(1 << 20) // the first one is still being sent
				write(8_000, Backpressured)
				if st := s.c.WriteControl(nil, noise(1000)); st == Dropped {
					t.Error("a heartbeat was dropped")
				}
				if st := s.c.WriteControl(nil, noise(1000)); st == Dropped {
					t.Error("a heartbeat was dropped over the limit")
				}
				write(3_000, Dropped)
				if err := await(t, s.end, "OnClose"); !errors.Is(err, ErrSlowConsumer) {
					t.Errorf("OnClose got %v", err)
				}
			})
		}
	}
}

// Two large messages in a row are one that is sent and one that is next. A third one is too much.
func TestSecondLargeMessageIsAdmitted(t *testing.T) {
	s := newSlowly(t, false, Options{MaxOutboxBytes: 50_000, SendBuffer: 16 << 10})
	const n = 1 << 20
	for range 2 {
		if st := s.c.Write(noise(n)); st != Backpressured {
			t.Fatalf("status %v", st)
		}
	}
	for s.c.Queued() >= n { // until the second one is being sent
		s.take(64 << 10)
	}
	if st := s.c.Write(noise(n)); st != Backpressured {
		t.Errorf("one large message behind the one that is being sent: %v", st)
	}
	if st := s.c.Write(noise(40_000)); st != Backpressured {
		t.Errorf("a small one behind both: %v", st)
	}
	if st := s.c.Write(noise(n)); st != Dropped {
		t.Errorf("a third one: %v", st)
	}
}

// A loop that did not run for longer than a second counts that as one tick: neither timers nor
// idleness nor the age of outboxes judge by it.
func TestHoldUpsDoNotCount(t *testing.T) {
	s := newSlowly(t, false, Options{})
	fired := func() bool {
		_ = s.peer.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		defer s.peer.SetReadDeadline(time.Now().Add(patience))
		_, err := s.peer.Read(make([]byte, 1))
		return err == nil
	}
	onLoop(t, s.r, func() { s.c.SetTimer(15 * time.Second) })
	s.clock.pass(t, s.r, 10*time.Second)
	s.clock.jump(t, s.r, 35*time.Second)
	if fired() {
		t.Error("the timer fired because the loop was held up")
	}
	onLoop(t, s.r, func() {
		if idle := s.c.Now() - s.c.LastRead(); idle > 11*time.Second {
			t.Errorf("idle %v after a hold-up", idle)
		}
	})
	s.clock.pass(t, s.r, 6*time.Second)
	if !fired() {
		t.Error("the timer did not fire")
	}
	s.c.Write(noise(2 << 20))
	s.clock.pass(t, s.r, 2*time.Second)
	for range 5 {
		s.clock.jump(t, s.r, time.Hour)
	}
	if err := s.ended(); err != nil {
		t.Errorf("cut after hold-ups: %v", err)
	}
	if n := s.r.Stats().HoldUps; n != 6 {
		t.Errorf("%d hold-ups counted, want 6", n)
	}
	s.clock.pass(t, s.r, 20*time.Second)
	if err := await(t, s.end, "OnClose"); !errors.Is(err, ErrSlowConsumer) {
		t.Errorf("OnClose got %v", err)
	}
}

// smallReceiveBuffer is a net.Dialer's Control. It must run before the connect, so that the window
// stays small.
func smallReceiveBuffer(_, _ string, rc syscall.RawConn) error {
	return rc.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 32<<10)
	})
}
