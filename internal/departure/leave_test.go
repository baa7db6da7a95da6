package departure

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// New clients are refused when the delay is over by the server's clock, and those who are here stay
// until then.
func TestDelay(t *testing.T) {
	var s State
	var c crowd
	v := c.server(2)
	v.Delay = 100
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Drain(over, &s, v); !errors.Is(err, context.Canceled) || s.Stage() != Announced {
		t.Fatal(err, s.Stage())
	}
	if s.Refuses(false) || s.Hold("match", "", 0, 10) != nil {
		t.Error("a new client is refused early, or a match may begin")
	}
	c.now.Store(99)
	if v.free(&s) || s.Stage() != Announced {
		t.Error("it goes on early")
	}
	c.now.Store(100)
	if !v.free(&s) || s.Stage() != Draining || !s.Refuses(false) || s.Refuses(true) {
		t.Error("it does not go on, or refuses the wrong clients")
	}
	s.Reach(Leaving)
	if !s.Refuses(true) {
		t.Error("a session comes back to a server that its clients leave")
	}
	s.HandOver()
	if s.Refuses(false) {
		t.Error("it refuses whoever it had accepted when another process took over")
	}
}

// Clients of a group leave side by side, in the order in which their groups were found.
func TestGroupsLeaveTogether(t *testing.T) {
	var s State
	var c crowd
	v := c.server(1, 12, 3, 11, 13, 2)
	v.Idle = func(int) bool { return true }
	v.Group = func(n int) string {
		if n < 10 {
			return "" // alone
		}
		return strconv.Itoa(n % 2)
	}
	if err := Drain(t.Context(), &s, v); err != nil ||
		!slices.Equal(c.gone, []int{1, 12, 3, 11, 13, 2}) {
		t.Fatal(err, c.gone)
	}
	c.gone = nil
	v = c.server(1, 12, 3, 11, 14, 13, 2)
	v.Group = func(n int) string { return strconv.Itoa(n % 2) }
	if got := v.together(); !slices.Equal(got, []int{1, 3, 11, 13, 12, 14, 2}) {
		t.Errorf("they leave as %v", got)
	}
}

// A group that is held stays while the others leave, until it is released or the time is over.
func TestHeldGroupLeavesLast(t *testing.T) {
	var s State
	var c crowd
	h := s.Hold("match 1", "1", 0, time.Hour)
	v := c.server(1, 2, 3, 4)
	v.Idle = func(int) bool { return true }
	v.Group = func(n int) string { return strconv.Itoa(n % 2) }
	away := v.SendAway
	v.SendAway = func(n int, w Words) {
		if away(n, w); len(c.gone) == 2 {
			if !slices.Equal(c.gone, []int{2, 4}) {
				t.Errorf("%v left first", c.gone)
			}
			if !h.Extend(0, time.Hour) {
				t.Error("there is no overtime while the others leave")
			}
			h.Release()
		}
	}
	if err := Drain(t.Context(), &s, v); err != nil || !slices.Equal(c.gone, []int{2, 4, 1, 3}) {
		t.Error(err, c.gone)
	}

	var late State
	c.gone = nil
	late.Hold("match 1", "1", 0, 10)
	over := c.server(1, 2)
	over.Idle = v.Idle
	over.Group = v.Group
	c.now.Store(5)
	over.SendAway = func(n int, w Words) {
		away(n, w)
		c.now.Store(10)
	}
	if err := Drain(t.Context(), &late, over); err != nil || len(c.gone) != 2 {
		t.Error(err, c.gone)
	}
	if !strings.Contains(c.log.String(), "not released in its time") {
		t.Error("the log does not say that the match took too long")
	}
}

// Those who move are asked even if they are busy, and Drain waits until they have left.
func TestDrainWaitsForMoves(t *testing.T) {
	var s State
	c := crowd{movers: true}
	c.open.Store(3)
	v := c.server(1, 2, 3)
	v.SendAway = func(n int, w Words) {
		if w.Deadline != uint64(moveTime.Milliseconds()) {
			t.Errorf("a client has %d ms", w.Deadline)
		}
		c.gone = append(c.gone, n)
		go c.open.Add(-1)
	}
	if err := Drain(t.Context(), &s, v); err != nil || len(c.gone) != 3 || c.closed != nil {
		t.Error(err, c.gone, c.closed)
	}
}

// If the other servers cannot keep up, no more clients are asked to move until some have left.
func TestDrainDoesNotHurry(t *testing.T) {
	var s State
	c := crowd{movers: true}
	c.open.Store(20)
	clients := make([]int, 20)
	v := c.server(clients...)
	v.Connected = func(int) bool { return true }
	v.Rate = 8 // 16 may be under way
	most := 0
	v.SendAway = func(n int, _ Words) {
		c.gone = append(c.gone, n)
		under := len(c.gone) - 20 + int(c.open.Load())
		if most = max(most, under); under == 16 || len(c.gone) == 20 {
			go c.open.Add(int64(-under))
		}
	}
	if err := Drain(t.Context(), &s, v); err != nil || len(c.gone) != 20 || most != 16 {
		t.Errorf("%v; of %d clients %d were under way at a time", err, len(c.gone), most)
	}
}

// Who has not moved when the time is over is closed.
func TestDrainClosesWhoDoesNotMove(t *testing.T) {
	var s State
	c := crowd{movers: true}
	c.open.Store(2)
	v := c.server(1, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	v.SendAway = func(_ int, w Words) {
		if w.Deadline > 50 {
			t.Errorf("a client has %d ms, more than there are", w.Deadline)
		}
	}
	if err := Drain(ctx, &s, v); err != nil || !slices.Equal(c.closed, []int{1, 2}) {
		t.Error(err, c.closed)
	}
	if !strings.Contains(c.log.String(), "did not move in their time") {
		t.Error("the log does not say so")
	}
}

// Clients that say they move, and do not leave, keep the others for as long as a move may take, and
// not for ever, when Drain has no limit.
func TestThoseWhoStayDoNotKeepTheOthers(t *testing.T) {
	var s State
	c := crowd{movers: true}
	c.open.Store(40)
	v := c.server()
	v.Rate = 8 // 16 may be under way
	d := &departing[int]{v: v, s: &s, ctx: t.Context(), before: 40}
	for n := range 16 {
		if d.crowded() {
			t.Fatalf("%d are too many", n)
		}
		d.away(n + 1)
	}
	c.now.Store(int64(moveTime) - 1)
	if !d.crowded() || c.closed != nil {
		t.Fatalf("closed early: %v", c.closed)
	}
	c.now.Store(int64(moveTime))
	if d.crowded(); len(c.closed) != 16 || d.stayed != 16 {
		t.Fatalf("closed %v", c.closed)
	}
	c.open.Add(-16)
	if d.crowded() {
		t.Error("nobody may follow those who were closed")
	}
}
