// Package budget bounds the bytes that wait somewhere in a server: events in the mailboxes of
// sockets and those that are held back, outboxes, messages of which parts are missing, and what is
// kept for sessions.
//
// What changes with every message is taken from the Budget and given back, each with one atomic
// addition. What other packages count anyway is asked for when it has grown, see Watch and Grew.
//
//	nothing ──── seven eighths ──────────────── the limit
//	   all is well │ Guard cuts who holds most │ Take and Grew refuse
//
// There are no locks. Read budget.go, then default.go (how much a machine allows).
package budget

import (
	"cmp"
	"errors"
	"slices"
	"sync/atomic"
	"time"
)

// ErrOver is why a connection is cut that holds most of a Budget that is nearly full, or that asks
// for more when nothing is left.
var ErrOver = errors.New(
	"too much waits in the server, and most of it for this connection: see maxBufferedBytes")

// pause is the time between two runs of what Guard does.
const pause = 10 * time.Millisecond

// Budget is a number of bytes for a whole server. All methods but Watch are safe for concurrent
// use.
type Budget struct {
	limit   int64
	counts  []func() int64
	relieve func() // see Guard; nil for none
	runs    atomic.Bool
	taken   atomic.Int64
	counted atomic.Int64 // the sum of counts, when it was last asked for
}

// New returns a Budget of limit bytes.
func New(limit int64) *Budget { return &Budget{limit: limit} }

// Watch makes what others count part of the Budget. Call it before the Budget is used. The counts
// may be read at any time, under any lock.
func (b *Budget) Watch(counts ...func() int64) { b.counts = append(b.counts, counts...) }

// Take takes n bytes, unless that would exceed the limit. It reports whether it did.
func (b *Budget) Take(n int) bool {
	taken := b.taken.Add(int64(n))
	if taken+b.counted.Load() <= b.limit || taken+b.count() <= b.limit {
		return true
	}
	b.taken.Add(-int64(n))
	b.wake()
	return false
}

// Give gives n bytes back, which were taken.
func (b *Budget) Give(n int) { b.taken.Add(-int64(n)) }

// Limit returns how many bytes there are in all.
func (b *Budget) Limit() int64 { return b.limit }

// Taken returns the bytes that were taken and not given back.
func (b *Budget) Taken() int64 { return b.taken.Load() }

// Grew tells that one of the counts has grown, which Take does not notice by itself. It never
// blocks. It returns ErrOver if nothing is left.
func (b *Budget) Grew() error {
	used := b.taken.Load() + b.count()
	if used > b.mark() {
		b.wake()
	}
	if used > b.limit {
		return ErrOver
	}
	return nil
}

// Over returns how many bytes there are above seven eighths of the limit, 0 if there are none. So
// much has to go, because a Budget that is full refuses everybody.
func (b *Budget) Over() int64 { return max(b.taken.Load()+b.count()-b.mark(), 0) }

func (b *Budget) mark() int64 { return b.limit / 8 * 7 }

// count asks for the counts.
func (b *Budget) count() (n int64) {
	for _, f := range b.counts {
		n += f()
	}
	b.counted.Store(n)
	return n
}

// wake starts what Guard does, unless it runs already or did just now.
func (b *Budget) wake() {
	if b.relieve == nil || !b.runs.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer b.runs.Store(false)
		b.relieve()
		time.Sleep(pause)
	}()
}

// Guard makes b cut holders, the worst first, whenever more than seven eighths of it are in use:
// so many that what is left will be below. each lists them, holds says how many bytes one of them
// will give back when it is cut, and cut does it. They run on a goroutine that lives no longer than
// there is something to do. When holds returns less than before, the Budget must have got back the
// difference already. Call Guard before the Budget is used.
func Guard[H comparable](b *Budget, each func(func(H)), holds func(H) int64, cut func(H)) {
	var r relief[H]
	b.relieve = func() { r.run(b, each, holds, cut) }
}

// relief is what Guard keeps between two runs.
type relief[H comparable] struct {
	going map[H]bool // were cut, and have not given all back yet
}

// run asks those who are going before it asks how much is over. So what one of them gives back
// meanwhile is expected once too often, never once too few: then others would be cut for it.
func (r *relief[H]) run(b *Budget, each func(func(H)), holds func(H) int64, cut func(H)) {
	cutBefore, going := r.going, make(map[H]bool)
	expected := int64(0)
	for h := range cutBefore {
		if n := holds(h); n > 0 {
			expected += n
			going[h] = true
		}
	}
	over := b.Over()
	if over == 0 {
		r.going = nil
		return
	}
	holders := make(map[H]int64)
	each(func(h H) {
		if !cutBefore[h] {
			holders[h] = holds(h)
		}
	})
	for _, h := range worst(holders, over-expected) {
		going[h] = true
		cut(h)
	}
	r.going = going
}

// worst returns the holders that hold most, the worst first: no more than it takes to free so many
// bytes, and nobody who holds nothing.
func worst[H comparable](holders map[H]int64, free int64) (list []H) {
	for h, n := range holders {
		if n > 0 {
			list = append(list, h)
		}
	}
	slices.SortFunc(list, func(x, y H) int { return cmp.Compare(holders[y], holders[x]) })
	for i, h := range list {
		if free <= 0 {
			return list[:i]
		}
		free -= holders[h]
	}
	return list
}
