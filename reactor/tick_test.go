package reactor

import (
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

// timed counts the timers that fire, on its loop. What Tick waited for needs no other guard.
type timed struct {
	opened chan *Conn
	fired  int
	exits  bool // the first one ends the goroutine
}

func (h *timed) OnOpen(c *Conn) {
	c.SetTimer(time.Second)
	h.opened <- c
}

func (h *timed) OnData(*Conn, []byte) {}

func (h *timed) OnWritable(*Conn) {}

func (h *timed) OnTimer(c *Conn) {
	h.fired++
	if h.exits {
		runtime.Goexit()
	}
	c.SetTimer(time.Second)
}

func (h *timed) OnClose(*Conn, error) {}

// Tick runs what is due by Options.Clock, and returns when it has.
func TestTickRunsTimers(t *testing.T) {
	var clock handClock
	r := start(t, Options{Loops: 2, Clock: clock.now})
	h := &timed{opened: make(chan *Conn, 1)}
	nc, err := net.Dial("tcp", listen(t, r, h).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	<-h.opened
	for tick := range 50 {
		clock.ns.Add(int64(100 * time.Millisecond))
		r.Tick()
		if want := (tick + 1) / 10; h.fired < want-1 || h.fired > want {
			t.Fatalf("%d timers fired after %d ticks", h.fired, tick+1)
		}
	}
	if h.fired < 4 {
		t.Errorf("%d timers fired in 5 s", h.fired)
	}
}

// A loop without timers takes no time into account, however much has passed.
func TestTickOfAnIdleLoop(t *testing.T) {
	var clock handClock
	r := start(t, Options{Loops: 1, Clock: clock.now})
	clock.ns.Add(int64(time.Hour))
	r.Tick()
	if n := r.Stats().HoldUps; n != 0 {
		t.Errorf("%d hold-ups", n)
	}
}

// Tick returns also when a handler ends the loop's goroutine, and on a reactor that is closed.
func TestTickAlwaysReturns(t *testing.T) {
	var clock handClock
	r := start(t, Options{Loops: 1, Clock: clock.now})
	h := &timed{opened: make(chan *Conn, 1), exits: true}
	nc, err := net.Dial("tcp", listen(t, r, h).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	<-h.opened
	for range 15 {
		clock.ns.Add(int64(100 * time.Millisecond))
		r.Tick()
	}
	if _, err := io.Copy(io.Discard, nc); err == nil && h.fired != 1 {
		t.Errorf("%d timers fired", h.fired)
	}
	r.Close()
	r.Tick()
}

// A timer whose handler ends the loop's goroutine does not stop the timers of other connections.
func TestTimersGoOnAfterGoexit(t *testing.T) {
	r := start(t, Options{Loops: 1, Tick: time.Millisecond})
	opened, fired := make(chan *Conn, 2), make(chan *Conn, 2)
	var exits *Conn
	ln := listen(t, r, &hooks{
		open: func(c *Conn) { opened <- c },
		timer: func(c *Conn) {
			if c == exits {
				runtime.Goexit()
			}
			fired <- c
		},
	})
	var conns [2]*Conn
	for i := range conns {
		nc, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		conns[i] = await(t, opened, "OnOpen")
	}
	onLoop(t, r, func() {
		exits = conns[0]
		conns[0].SetTimer(time.Millisecond)
		conns[1].SetTimer(100 * time.Millisecond)
	})
	if c := await(t, fired, "the other timer"); c != conns[1] {
		t.Error("it is of another connection")
	}
}
