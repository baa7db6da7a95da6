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

// Add counts one duration, which must not be negative.
func (h *Histogram) Add(d time.Duration) {
	h.n.Add(1)
	h.sum.Add(int64(d))
	h.buckets[bucketOf(uint64(d.Microseconds()))].Add(1)
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
