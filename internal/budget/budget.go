// Package budget bounds the bytes that wait somewhere in a server: in the mailboxes of sockets, in
// outboxes, in messages of which parts are missing.
//
// What changes with every message is taken from the Budget and given back, each with one atomic
// addition. What other packages count anyway is sampled now and then, see Sample.
//
// There are no locks. Read budget.go, then default.go (how much a machine allows).
package budget

import (
	"cmp"
	"slices"
	"sync/atomic"
)

// Budget is a number of bytes for a whole server. All methods are safe for concurrent use.
type Budget struct {
	limit   int64
	taken   atomic.Int64
	sampled atomic.Int64
}

// New returns a Budget of limit bytes.
func New(limit int64) *Budget { return &Budget{limit: limit} }

// Take takes n bytes, unless that would exceed the limit. It reports whether it did.
func (b *Budget) Take(n int) bool {
	if b.taken.Add(int64(n))+b.sampled.Load() > b.limit {
		b.taken.Add(-int64(n))
		return false
	}
	return true
}

// Give gives n bytes back, which were taken.
func (b *Budget) Give(n int) { b.taken.Add(-int64(n)) }

// Sample says how many bytes wait besides those that were taken.
func (b *Budget) Sample(n int64) { b.sampled.Store(n) }

// Taken returns the bytes that were taken and not given back.
func (b *Budget) Taken() int64 { return b.taken.Load() }

// Over returns how many bytes there are above seven eighths of the limit, 0 if there are none. So
// much has to go, because a Budget that is full refuses everybody.
func (b *Budget) Over() int64 { return max(b.taken.Load()+b.sampled.Load()-b.limit/8*7, 0) }

// Worst returns the holders that hold most, the worst first: no more than it takes to free so many
// bytes, and nobody who holds nothing.
func Worst[H comparable](holders map[H]int64, free int64) (list []H) {
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
