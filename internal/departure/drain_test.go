package departure

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var errClosed = errors.New("closed")

// crowd is a server whose clients are numbers. Odd ones are busy until they are released.
type crowd struct {
	movers bool         // they open their next connection first
	open   atomic.Int64 // of movers, who are still here
	closed []int

	mu   sync.Mutex
	log  bytes.Buffer
	gone []int
	free atomic.Bool
	now  atomic.Int64
}

// Write implements io.Writer for the log.
func (c *crowd) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Write(p)
}

func (c *crowd) server(clients ...int) *Server[int] {
	return &Server[int]{
		Log: slog.New(slog.NewTextHandler(c, nil)),
		Now: func() time.Duration { return time.Duration(c.now.Load()) },
		Open: func() int64 {
			if c.movers {
				return c.open.Load()
			}
			return int64(len(clients))
		},
		Rate:     1000,
		Moves:    func(int) bool { return c.movers },
		Close:    func(n int) { c.closed = append(c.closed, n) },
		Closed:   errClosed,
		Panicked: func() {},
		Each: func(f func(int)) {
			for _, n := range clients {
				f(n)
			}
		},
		Connected: func(n int) bool { return n > 0 },
		Idle:      func(n int) bool { return n%2 == 0 || c.free.Load() },
		SendAway: func(n int, _ Words) {
			c.gone = append(c.gone, n)
			c.free.Store(n == 4)
		},
	}
}

func TestDrainSendsTheBusyAwayLast(t *testing.T) {
	var s State
	var c crowd
	if err := Drain(t.Context(), &s, c.server(1, 0, 2, 3, 4)); err != nil || s.Stage() != Left {
		t.Fatal(err, s.Stage())
	}
	if len(c.gone) != 4 || c.gone[0] != 2 || c.gone[1] != 4 || c.gone[2] != 1 {
		t.Errorf("they went in the order %v", c.gone)
	}
	if err := Drain(t.Context(), &s, c.server(5)); err != nil || len(c.gone) != 4 {
		t.Error("a second Drain sends away again", err)
	}
}

// The time of a hold is over, and the log says which.
func TestDrainWaitsForHolds(t *testing.T) {
	var s State
	var c crowd
	h := s.Hold("match 1", "", 0, 10)
	s.Hold("match 2", "", 0, 20)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Drain(over, &s, c.server(2)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if s.Stage() != Draining || c.gone != nil {
		t.Fatal("clients were sent away")
	}
	done := make(chan error)
	for range 2 {
		go func() { done <- Drain(t.Context(), &s, c.server(2)) }()
	}
	h.Release()
	c.now.Store(20)
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	for _, word := range []string{"draining: no new", "draining: new", "time to drain is over",
		"match 2 (0s)", "not released in its time\" hold=\"match 2\"", "msg=drained"} {
		if !strings.Contains(c.log.String(), word) {
			t.Errorf("the log lacks %s: %s", word, &c.log)
		}
	}
	if len(c.gone) != 1 {
		t.Errorf("sent away: %v", c.gone)
	}
}

func TestDrainEndsWithTheServer(t *testing.T) {
	var s State
	var c crowd
	s.Hold("match", "", 0, 10)
	done := make(chan error)
	go func() { done <- Drain(t.Context(), &s, c.server(2)) }()
	s.End()
	if err := <-done; err != errClosed || c.gone != nil {
		t.Error(err, c.gone)
	}
}

func TestSpread(t *testing.T) {
	for _, n := range []int{0, 1, 50} {
		next := 0
		calls := spread(t.Context(), n, 30*time.Millisecond, func(i int) bool {
			if i != next {
				t.Fatalf("%d in place of %d", i, next)
			}
			next++
			return true
		})
		if calls != n || next != n {
			t.Errorf("%d of %d, said %d", next, n, calls)
		}
	}
}

func TestSpreadEndsEarly(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	said := spread(ctx, 1_000_000, time.Hour, func(int) bool { calls++; cancel(); return true })
	if calls == 0 || calls > 100_000 || said != calls {
		t.Errorf("%d calls, said %d", calls, said)
	}
	if n := spread(t.Context(), 9, 0, func(i int) bool { return i < 2 }); n != 3 {
		t.Errorf("%d calls when the third was to be the last", n)
	}
}

func TestShare(t *testing.T) {
	for _, x := range []struct {
		n            int
		passed, span time.Duration
		want         int
	}{
		{1000, 0, time.Second, 10},
		{1000, time.Second / 2, time.Second, 510},
		{1000, time.Second - step, time.Second, 1000},
		{1000, time.Hour, time.Second, 1000},
		{1000, 0, 0, 1000},
		{3, 0, time.Second, 0},
		{50_000_000, time.Hour, 2 * time.Hour, 25_000_069},
	} {
		if got := share(x.n, x.passed, x.span); got != x.want {
			t.Errorf("%d after %v of %v: %d, want %d", x.n, x.passed, x.span, got, x.want)
		}
	}
}

func TestSpan(t *testing.T) {
	if d := spanOf(t.Context(), time.Minute); d != time.Minute {
		t.Errorf("%v without a deadline", d)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if d := spanOf(ctx, 2*time.Hour); d > time.Hour/2 || d < time.Minute {
		t.Errorf("%v of an hour", d)
	}
	over, cancel := context.WithTimeout(t.Context(), -time.Hour)
	defer cancel()
	if d := spanOf(over, time.Minute); d != 0 {
		t.Errorf("%v when the time is over", d)
	}
}

// When the server ends while clients are being sent away, Drain leaves the rest to it. When the
// time of Drain ends, the rest goes at once.
func TestEndsWhileClientsAreSentAway(t *testing.T) {
	for what, stop := range map[string]func(*State, context.CancelFunc){
		"the server": func(s *State, _ context.CancelFunc) { s.End() },
		"the time":   func(_ *State, cancel context.CancelFunc) { cancel() },
	} {
		var s State
		var c crowd
		c.free.Store(true)
		clients := make([]int, 20_000) // they take 20 s
		for i := range clients {
			clients[i] = 2*i + 2
		}
		v := c.server(clients...)
		ctx, cancel := context.WithCancel(t.Context())
		v.SendAway = func(n int, _ Words) {
			if c.gone = append(c.gone, n); len(c.gone) == 1 {
				stop(&s, cancel)
			}
		}
		err := Drain(ctx, &s, v)
		cancel()
		switch {
		case what == "the server" && (err != errClosed || len(c.gone) > 1):
			t.Errorf("%v, and %d clients are sent away when the server has ended", err, len(c.gone))
		case what == "the time" && (err != nil || len(c.gone) != len(clients)):
			t.Errorf("%v, and only %d clients are sent away", err, len(c.gone))
		}
	}
}
