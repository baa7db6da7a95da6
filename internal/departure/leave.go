package departure

import (
	"context"
	"slices"
	"time"

	"github.com/smartsocket/smartsocket/internal/ending"
)

// departing is the last part of one Drain, in which the clients leave. It belongs to one goroutine.
type departing[L any] struct {
	v   *Server[L]
	s   *State
	ctx context.Context

	window uint64
	before int64 // connections when it began
	moving int   // those who were asked to move
	asked  []asked[L]
	stayed int // those who were asked and closed, because they have not left in their time
	busy   []L // those who cannot move, and have a handler that runs
	held   []L // those whose group is held
}

// asked is a client that was asked to move, and when its time to do so is over.
type asked[L any] struct {
	l    L
	over time.Duration
}

// sendAllAway sends the clients away, evenly over some time, those of a group one after the other.
// A client that moves goes on until it has another connection. Of the others those who are busy
// come last, and have another second. Those whose group is held have until it is released. If there
// is less time than Server.Rate asks for, clients are told to come back within the rest of it. If
// ctx ends, all go at once, and if the server ends, the rest is left to that.
func (d *departing[L]) sendAllAway() {
	all := d.v.together()
	d.before = d.v.Open()
	until, end := d.beforeMoves()
	defer end()
	whole := d.time(len(all))
	span := spanOf(d.ctx, whole)
	d.window = uint64((whole - span).Milliseconds())
	groups := d.s.Held(d.v.Now())
	send := func(i int) bool {
		_ = ending.Until(until, func() bool { return !d.crowded() || d.s.Stage() == Ending })
		l := all[i]
		switch {
		case d.v.Group != nil && groups[d.v.Group(l)] && d.ctx.Err() == nil:
			d.held = append(d.held, l)
		case !d.send(l):
			d.busy = append(d.busy, l)
		}
		return d.s.Stage() < Ending
	}
	if n := spread(d.ctx, len(all), span, send); n < len(all) {
		d.window = uint64(d.time(len(all) - n).Milliseconds())
		for ; n < len(all) && d.s.Stage() < Ending; n++ {
			send(n)
		}
	}
	d.await()
	if d.moving > 0 {
		d.awaitMoves()
	}
}

// underWay is for how many seconds clients are asked to move who have not left yet. If these are
// too many, the other servers cannot keep up, and would time out more and more of them.
const underWay = 2

// crowded reports whether no more clients should be asked before some have left. Those who do not
// leave in their time are closed, so that they cannot keep the others.
func (d *departing[L]) crowded() bool {
	d.closeLate()
	return int64(d.moving)-(d.before-d.v.Open()) >= int64(max(underWay*d.v.Rate, 16))
}

// closeLate closes those who were asked to move and are here when their time is over.
func (d *departing[L]) closeLate() {
	now := d.v.Now()
	for len(d.asked) > 0 && d.asked[0].over <= now {
		if l := d.asked[0].l; d.v.Connected(l) {
			d.stayed++
			d.v.Close(l)
		}
		d.asked = d.asked[1:]
	}
}

// time is how long n clients take to leave.
func (d *departing[L]) time(n int) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(max(d.v.Rate, 1))
}

// together lists the connected clients so that those of a group stand side by side.
func (v *Server[L]) together() (all []L) {
	v.Each(func(l L) {
		if v.Connected(l) {
			all = append(all, l)
		}
	})
	if v.Group == nil {
		return all
	}
	first := make(map[string]int) // where a group was seen first
	at := make([]int, len(all))
	for i, l := range all {
		at[i] = i
		if g := v.Group(l); g != "" {
			if _, ok := first[g]; !ok {
				first[g] = i
			}
			at[i] = first[g]
		}
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return at[a] - at[b] })
	sorted := make([]L, len(all))
	for i, from := range order {
		sorted[i] = all[from]
	}
	return sorted
}

// send sends l away, unless it is busy and cannot move.
func (d *departing[L]) send(l L) bool {
	if !d.v.Moves(l) && d.s.Stage() < Ending && !d.v.Idle(l) {
		return false
	}
	d.away(l)
	return true
}

// away sends l away, whatever it does.
func (d *departing[L]) away(l L) {
	if d.v.Moves(l) {
		d.moving++
		d.asked = append(d.asked, asked[L]{l, d.v.Now() + moveTime})
	}
	d.v.SendAway(l, Words{Deadline: uint64(d.left().Milliseconds()), Window: d.window})
}

// left is how long a client that moves may take from now on.
func (d *departing[L]) left() time.Duration {
	if end, ok := d.ctx.Deadline(); ok {
		return max(min(moveTime, time.Until(end)), 0)
	}
	return moveTime
}

// await waits for those who are busy, for a second, and for the groups that are held, as long as
// their clients still have time to move.
func (d *departing[L]) await() {
	half, end := ending.Half(d.ctx, time.Second)
	_ = ending.Until(half, func() bool {
		d.busy = slices.DeleteFunc(d.busy, d.send)
		return len(d.busy) == 0
	})
	end()
	for _, l := range d.busy {
		d.away(l)
	}
	if len(d.held) == 0 {
		return
	}
	until, end := d.beforeMoves()
	defer end()
	_ = ending.Until(until, func() bool {
		d.closeLate()
		d.v.look(d.s, d.v.Now()) // logs what is over
		groups := d.s.Held(d.v.Now())
		d.held = slices.DeleteFunc(d.held, func(l L) bool {
			free := d.s.Stage() == Ending || !groups[d.v.Group(l)]
			if free {
				d.away(l)
			}
			return free
		})
		return len(d.held) == 0
	})
	if len(d.held) > 0 {
		d.v.Log.Warn("the time to drain is over for groups that are held", "clients", len(d.held))
	}
	for _, l := range d.held {
		d.away(l)
	}
}

// beforeMoves returns a context that ends when there is just the time left to move.
func (d *departing[L]) beforeMoves() (context.Context, context.CancelFunc) {
	end, ok := d.ctx.Deadline()
	if !ok {
		return context.WithCancel(d.ctx)
	}
	return context.WithDeadline(d.ctx, end.Add(-min(moveTime, time.Until(end)/2)))
}

// awaitMoves waits until all have left, and closes those who have not in their time.
func (d *departing[L]) awaitMoves() {
	ctx, end := context.WithTimeout(d.ctx, moveTime)
	defer end()
	if ending.Until(ctx, func() bool {
		d.closeLate()
		return d.v.Open() == 0 || d.s.Stage() == Ending
	}) != nil {
		d.v.Each(func(l L) {
			if d.v.Connected(l) {
				d.stayed++
				d.v.Close(l)
			}
		})
	}
	if d.stayed > 0 {
		d.v.Log.Warn("clients did not move in their time and were closed", "clients", d.stayed)
	}
}
