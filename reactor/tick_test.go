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

// Hasten moves a timer up and never out, and arms one that is not armed.
func TestHasten(t *testing.T) {
	for what, c := range map[string]struct {
		set  func(*Conn)
		want int // tenths of a second until OnTimer, or up to two ticks more
	}{
		"moved up":  {func(c *Conn) { c.SetTimer(time.Hour); c.Hasten(time.Second) }, 10},
		"not out":   {func(c *Conn) { c.SetTimer(time.Second); c.Hasten(time.Minute) }, 10},
		"not armed": {func(c *Conn) { c.SetTimer(0); c.Hasten(2 * time.Second) }, 20},
		"twice":     {func(c *Conn) { c.Hasten(time.Second); c.Hasten(2 * time.Second) }, 10},
	} {
		var clock handClock
		r := start(t, Options{Loops: 1, Clock: clock.now})
		opened, fired := make(chan bool), 0
		nc, err := net.Dial("tcp", listen(t, r, &hooks{
			open:  func(conn *Conn) { c.set(conn); opened <- true },
			timer: func(*Conn) { fired++ },
		}).Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		<-opened
		ticks := 0
		for ; fired == 0 && ticks < 100; ticks++ {
			clock.ns.Add(int64(100 * time.Millisecond))
			r.Tick()
		}
		if ticks < c.want || ticks > c.want+2 {
			t.Errorf("%s: fired after %d ticks, want %d", what, ticks, c.want)
		}
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
