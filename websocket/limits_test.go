package websocket

import (
	"bytes"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/reactor"
)

// handClock is a reactor's clock that a test moves. It begins when the server is an hour old.
type handClock struct{ ns atomic.Int64 }

func newHandClock() *handClock {
	h := new(handClock)
	h.ns.Store(int64(time.Hour))
	return h
}

func (h *handClock) now() time.Duration { return time.Duration(h.ns.Load()) }

// pass lets d go by on c's loop, in steps that are no hold-up.
func (h *handClock) pass(t *testing.T, c *Conn, d time.Duration) {
	t.Helper()
	for ; d > 0; d -= 500 * time.Millisecond {
		h.ns.Add(int64(min(d, 500*time.Millisecond)))
		for end := time.Now().Add(hang); ; {
			seen := make(chan time.Duration, 1)
			if !c.Post(func() {
				c.SetTimer(time.Hour) // keeps the clock going
				seen <- c.Now()
			}) || c.state.Load() == stateDone {
				return
			}
			if wait(t, seen) >= h.now() {
				break
			}
			if time.Now().After(end) {
				t.Fatal("the loop's clock stands still")
			}
		}
	}
}

// served is one connection of a server on a clock of its own.
func served(t *testing.T, o Options, tuning Tuning, header string) (
	*Server, *Conn, *peer, *handClock, chan closing, chan int,
) {
	t.Helper()
	clock := newHandClock()
	s := NewServer(newReactorWith(t, reactor.Options{Clock: clock.now}), o, nil)
	conns, sizes := make(chan *Conn, 1), make(chan int, 1000)
	h := &funcs{open: func(c *Conn) { conns <- c }}
	h.message = func(_ *Conn, _ frame.Opcode, p []byte) { sizes <- len(p) }
	told := h.record()
	s.ep.accept = accepting(h)
	s.Tune(tuning)
	if err := s.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p := connect(t, s.Addr().String(), header)
	return s, wait(t, conns), p, clock, told, sizes
}

// ended reads p's close frame and returns what the server was told.
func ended(t *testing.T, p *peer, want frame.CloseCode, told chan closing) closing {
	t.Helper()
	p.wantClose(t, want)
	return wait(t, told)
}

// The rates are per second, also when the server is old: a flood within one second is cut, and the
// same number of frames spread over several seconds is not.
func TestRatesOfAnOldServer(t *testing.T) {
	t.Run("frames", func(t *testing.T) {
		_, c, p, clock, told, sizes := served(t, Options{}, Tuning{MaxFrameRate: 10}, "")
		for range 5 {
			for range 10 {
				p.send(frame.Text, "x")
				wait(t, sizes)
			}
			clock.pass(t, c, 1100*time.Millisecond)
		}
		for range 11 {
			p.send(frame.Text, "x")
		}
		if c := ended(t, p, frame.ClosePolicyViolation, told); !errors.Is(c.err, ErrFlood) {
			t.Errorf("told %+v", c)
		}
		if n := len(sizes); n != 10 {
			t.Errorf("%d messages of the flood came through, want 10", n)
		}
	})
	t.Run("inflated bytes", func(t *testing.T) {
		_, c, p, clock, told, sizes := served(t, Options{Deflate: true},
			Tuning{MaxInflateRate: 10_000}, deflateHeader)
		m := deflated(t, bytes.Repeat([]byte("a"), 4000))
		for range 5 {
			for range 2 {
				p.Write(m)
				wait(t, sizes)
			}
			clock.pass(t, c, 1100*time.Millisecond)
		}
		for range 3 {
			p.Write(m)
		}
		if c := ended(t, p, frame.ClosePolicyViolation, told); !errors.Is(c.err, ErrFlood) {
			t.Errorf("told %+v", c)
		}
		if n := len(sizes); n != 2 {
			t.Errorf("%d messages of the flood came through, want 2", n)
		}
	})
}

const deflateHeader = "Sec-WebSocket-Extensions: permessage-deflate\r\n"

// deflated returns a masked and compressed frame.
func deflated(t *testing.T, p []byte) []byte {
	t.Helper()
	d, err := pool.Deflate(nil, p, 6, true)
	if err != nil {
		t.Fatal(err)
	}
	return frame.AppendMaskedFrame(nil, frame.Binary, true, d, [4]byte{4, 3, 2, 1})
}

// Input counts as well as output, because DEFLATE can be made that takes long and inflates to
// nothing. One message a second may hardly compress.
func TestInflateRateCountsInput(t *testing.T) {
	_, c, p, clock, told, sizes := served(t, Options{Deflate: true},
		Tuning{MaxInflateRate: 20_000}, deflateHeader)
	m := deflated(t, []byte(noise(5000)))
	for range 3 {
		p.Write(m)
		if n := wait(t, sizes); n != 5000 {
			t.Errorf("%d bytes", n)
		}
		clock.pass(t, c, 1100*time.Millisecond)
	}
	p.Write(m)
	wait(t, sizes)
	p.Write(m)
	if c := ended(t, p, frame.ClosePolicyViolation, told); !errors.Is(c.err, ErrFlood) {
		t.Errorf("told %+v", c)
	}
	if n := len(sizes); n != 0 {
		t.Errorf("%d more messages came through", n)
	}
}

// Small messages cost most per byte, because their blocks are not counted.
func TestInflateRateCountsSmallMessages(t *testing.T) {
	_, _, p, _, told, sizes := served(t, Options{Deflate: true},
		Tuning{MaxInflateRate: 100_000}, deflateHeader)
	m := deflated(t, []byte(noise(1000)))
	for range 2 { // 40 000 each
		p.Write(m)
		wait(t, sizes)
	}
	p.Write(m)
	if c := ended(t, p, frame.ClosePolicyViolation, told); !errors.Is(c.err, ErrFlood) {
		t.Errorf("told %+v", c)
	}
	if n := len(sizes); n != 0 {
		t.Errorf("%d more messages came through", n)
	}
}

// A compressed message inflates to at most MaxInflateRatio times its size, or 64 KiB.
func TestInflateRatio(t *testing.T) {
	_, _, p, _, told, sizes := served(t, Options{Deflate: true, MaxInflateRatio: 32}, Tuning{},
		deflateHeader)
	p.Write(deflated(t, make([]byte, 64<<10))) // 1000 : 1
	if n := wait(t, sizes); n != 64<<10 {
		t.Errorf("%d bytes", n)
	}
	text := bytes.Repeat([]byte(noise(4096)), 30) // 30 : 1
	p.Write(deflated(t, text))
	if n := wait(t, sizes); n != len(text) {
		t.Errorf("%d bytes", n)
	}
	p.Write(deflated(t, make([]byte, 1<<20)))
	ended(t, p, frame.CloseTooBig, told)
}

// A message that has begun must be complete within MessageTimeout, or come at a rate that any link
// can do.
func TestSlowMessages(t *testing.T) {
	long := masked(frame.Binary, string(make([]byte, 1<<20)))
	for _, x := range []struct {
		name  string
		first int  // bytes of the message that come at once
		drip  int  // bytes that come every second later
		cut   bool // by 1008 within two minutes
	}{
		{"a header byte by byte", 1, 0, true},
		{"a byte a second", 20, 1, true},
		{"a modem", 20, 3 << 10, false},
		{"a link that stalls for 25 s", 1 << 19, 0, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			s, c, p, clock, told, sizes := served(t, Options{}, Tuning{}, "")
			p.Write(long[:x.first])
			at := x.first
			drip := func() {
				n := max(x.drip, 1)
				p.Write(long[at : at+n])
				at += n
			}
			for range 120 {
				clock.pass(t, c, time.Second)
				if c.state.Load() == stateDone {
					end := ended(t, p, frame.ClosePolicyViolation, told)
					if !x.cut || !errors.Is(end.err, ErrSlowMessage) {
						t.Errorf("told %+v", end)
					}
					if n := s.UnfinishedBytes(); n != 0 {
						t.Errorf("%d bytes are held after the end", n)
					}
					return
				}
				drip()
			}
			if x.cut {
				t.Fatal("not cut")
			}
			p.Write(long[at:])
			if n := wait(t, sizes); n != 1<<20 {
				t.Errorf("%d bytes", n)
			}
		})
	}
}

// The time of a message begins with its own first byte, also if that comes in one read with the end
// of a slow message before it.
func TestTimeBeginsWithEachMessage(t *testing.T) {
	_, c, p, clock, _, sizes := served(t, Options{}, Tuning{}, "")
	message := masked(frame.Binary, string(make([]byte, 100)))
	p.Write(message[:50])
	for range 5 {
		clock.pass(t, c, 20*time.Second)
		p.Write(message[50:51]) // is looked at
		clock.pass(t, c, 5*time.Second)
		p.Write(append(bytes.Clone(message[51:]), message[:50]...))
		if n := wait(t, sizes); n != 100 {
			t.Errorf("%d bytes", n)
		}
	}
	if c.state.Load() != stateOpen {
		t.Error("cut, although no message took 30 s")
	}
}

// A server knows what its unfinished messages hold: no more than what has come, and nothing once
// they are complete or their connections gone.
func TestUnfinishedBytes(t *testing.T) {
	s, c, p, _, told, sizes := served(t, Options{}, Tuning{}, "")
	held := func(want func(int64) bool) {
		t.Helper()
		for end := time.Now().Add(hang); !want(s.UnfinishedBytes()); {
			if time.Now().After(end) {
				t.Fatalf("%d bytes", s.UnfinishedBytes())
			}
			time.Sleep(time.Millisecond)
		}
	}
	message := masked(frame.Binary, string(make([]byte, 300_000)))
	none := func(n int64) bool { return n == 0 }
	for range 3 {
		p.Write(message[:200_000])
		held(func(n int64) bool { return n >= 200_000-14 && n <= 400_000 })
		p.Write(message[200_000:])
		wait(t, sizes)
		held(none)
	}
	p.Write(message[:100_000])
	held(func(n int64) bool { return n >= 100_000-14 })
	c.Abort(nil)
	wait(t, told)
	held(none)
}

// When there is no memory left, who begins a message or goes on with a small one stays, and a large
// one is refused. The memory is counted, and free again at once.
func TestMessageWithoutMemory(t *testing.T) {
	var full atomic.Bool
	var asked atomic.Int64
	errFull := errors.New("full")
	grew := func() error {
		asked.Add(1)
		if full.Load() {
			return errFull
		}
		return nil
	}
	s, _, p, _, told, sizes := served(t, Options{Grew: grew}, Tuning{}, "")
	long := masked(frame.Binary, string(make([]byte, 1<<20)))
	p.Write(long[:100_000])
	for end := time.Now().Add(hang); s.UnfinishedBytes() < 100_000; {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are counted", s.UnfinishedBytes())
		}
	}
	if held := s.UnfinishedBytes(); held > 1<<20 || asked.Load() == 0 {
		t.Errorf("%d bytes are counted, asked %d times", held, asked.Load())
	}
	p.Write(long[100_000:])
	wait(t, sizes)
	full.Store(true)
	p.send(frame.Binary, strings.Repeat("x", 60_000))
	if n := wait(t, sizes); n != 60_000 {
		t.Errorf("%d bytes", n)
	}
	p.Write(long[:200_000])
	if c := ended(t, p, frame.CloseTryAgainLater, told); !errors.Is(c.err, errFull) {
		t.Errorf("told %+v", c)
	}
	if n := s.UnfinishedBytes(); n != 0 {
		t.Errorf("%d bytes are still counted", n)
	}
}
