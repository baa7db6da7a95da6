package room

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Stats say how the rooms of a kind are. Counters grow; Rooms, Players, Spectators and Away are of
// this moment.
type Stats struct {
	Rooms      int
	Players    int // with those who are away
	Spectators int
	Away       int

	Opened, Ended int64
	Panics        int64 // rooms that ended because their code panicked
	Ticks         int64
	Skipped       int64 // ticks that were left out, see Options.CatchUp
	Inputs        int64
	InputsDropped int64 // because too many waited, or they were too large or malformed
	SaveErrors    int64
	RecordErrors  int64 // recordings that could not begin, or ended early

	Snapshots  int64 // states that were sent whole
	Deltas     int64 // changes that were sent
	Behind     int64 // states that were not sent, because the client had not taken the last ones
	StateBytes int64 // of all of them, before encryption and compression

	// Lateness is how much later than planned ticks began, Busy how long they took.
	Lateness, Busy Times
}

// Times describes durations. Quantiles are upper bounds, exact to 1/8.
type Times struct {
	P50, P99, Max time.Duration
	Samples       int64
}

// counters are what Stats are read from.
type counters struct {
	players, spectators, away             atomic.Int64
	opened, ended, panics, skipped        atomic.Int64
	inputs, inputsDropped                 atomic.Int64
	saveErrors, recordErrors              atomic.Int64
	snapshots, deltas, behind, stateBytes atomic.Int64
	lateness, busy                        times
}

// Stats reads the statistics of this kind of rooms.
func (k *Rooms[S]) Stats() Stats {
	c := &k.stats
	s := Stats{
		Rooms: k.Len(), Players: int(c.players.Load()), Spectators: int(c.spectators.Load()),
		Away: int(c.away.Load()), Opened: c.opened.Load(), Ended: c.ended.Load(),
		Panics: c.panics.Load(), Skipped: c.skipped.Load(), Inputs: c.inputs.Load(),
		InputsDropped: c.inputsDropped.Load(), SaveErrors: c.saveErrors.Load(),
		RecordErrors: c.recordErrors.Load(),
		Snapshots:    c.snapshots.Load(), Deltas: c.deltas.Load(), Behind: c.behind.Load(),
		StateBytes: c.stateBytes.Load(), Lateness: c.lateness.read(), Busy: c.busy.read(),
	}
	s.Ticks = s.Lateness.Samples
	return s
}

// buckets is how many times has: eight for each power of two of microseconds.
const buckets = 256

// times counts durations.
type times struct {
	n, longest atomic.Int64
	buckets    [buckets]atomic.Int64
}

func (t *times) add(d time.Duration) {
	d = max(d, 0)
	t.n.Add(1)
	t.buckets[bucketOf(uint64(d.Microseconds()))].Add(1)
	for {
		longest := t.longest.Load()
		if int64(d) <= longest || t.longest.CompareAndSwap(longest, int64(d)) {
			return
		}
	}
}

func (t *times) read() Times {
	n := t.n.Load()
	if n == 0 {
		return Times{}
	}
	longest := time.Duration(t.longest.Load())
	return Times{
		P50: min(t.quantile(n, 50), longest), P99: min(t.quantile(n, 99), longest),
		Max: longest, Samples: n,
	}
}

func (t *times) quantile(n, percent int64) time.Duration {
	want, seen := (n*percent+99)/100, int64(0)
	for i := range t.buckets {
		if seen += t.buckets[i].Load(); seen >= want {
			return bucketTop(i)
		}
	}
	return bucketTop(buckets - 1)
}

// bucketOf maps microseconds to a bucket: exact below 8, then by the leading bit and the three
// behind it.
func bucketOf(us uint64) int {
	if us < 8 {
		return int(us)
	}
	shift := bits.Len64(us) - 4
	return min(shift*8+int(us>>shift), buckets-1)
}

// bucketTop is the longest duration of a bucket.
func bucketTop(i int) time.Duration {
	if i < 8 {
		return time.Duration(i) * time.Microsecond
	}
	shift := i/8 - 1
	return time.Duration((uint64(i%8+8)+1)<<shift-1) * time.Microsecond
}
