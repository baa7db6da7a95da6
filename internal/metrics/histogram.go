package metrics

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// buckets is the number of buckets: 8 per power of two. The last one is for all
// that takes longer than four hours.
const buckets = 256

// Histogram counts durations, from 1 µs up and with a resolution of 1/8. The
// zero value is empty and ready. Its methods are safe for concurrent use, take
// no lock and do not allocate.
type Histogram struct {
	n, sum  atomic.Int64
	buckets [buckets]atomic.Int64
}

// Summary describes the durations that a Histogram has counted. P50 and P99 are
// upper bounds: at least half, or 99 %, of the durations are at most as long,
// as far as whole microseconds tell.
type Summary struct {
	Mean, P50, P99 time.Duration
	Samples        int64
}

// Add counts one duration. A negative one, as of a clock that was set, counts as 0.
func (h *Histogram) Add(d time.Duration) { h.AddN(d, 1) }

// AddN counts n durations, of which one was measured.
func (h *Histogram) AddN(d time.Duration, n int64) {
	d = max(d, 0)
	h.n.Add(n)
	h.sum.Add(int64(d) * n)
	h.buckets[bucketOf(uint64(d.Microseconds()))].Add(n)
}

// Distribution counts how many durations were below each of bounds, which ascend and are powers of
// two in µs: then the counts are exact. n is how many there are at all, and sum their sum.
func (h *Histogram) Distribution(bounds []time.Duration) (
	below []int64, n int64, sum time.Duration,
) {
	below = make([]int64, len(bounds))
	i := 0
	for b := range h.buckets {
		for i < len(bounds) && bucketTop(b) >= bounds[i] {
			below[i] = n
			i++
		}
		n += h.buckets[b].Load()
	}
	for ; i < len(bounds); i++ {
		below[i] = n
	}
	return below, n, time.Duration(h.sum.Load())
}

// Read describes all durations so far. What is added meanwhile may count in part.
func (h *Histogram) Read() Summary {
	n := h.n.Load()
	if n == 0 {
		return Summary{}
	}
	return Summary{
		Mean: time.Duration(h.sum.Load() / n), Samples: n,
		P50: h.quantile(n, 50), P99: h.quantile(n, 99),
	}
}

// quantile is the top of the bucket in which the given part of n durations is reached.
func (h *Histogram) quantile(n, percent int64) time.Duration {
	want, seen := (n*percent+99)/100, int64(0)
	for i := range h.buckets {
		if seen += h.buckets[i].Load(); seen >= want {
			return bucketTop(i)
		}
	}
	return bucketTop(buckets - 1)
}

// bucketOf maps microseconds to a bucket: exact below 8, then by the leading
// bit and the three bits behind it.
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
