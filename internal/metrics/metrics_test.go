package metrics

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestMappedBytes(t *testing.T) {
	if n := MappedBytes(); n < 1<<20 || n > 1<<40 {
		t.Errorf("%d bytes", n)
	}
}

// Every duration is in a bucket whose top is not below it and at most 1/8 above,
// buckets follow each other without a hole, and tops lie in their own buckets.
func TestBuckets(t *testing.T) {
	top := func(i int) uint64 { return uint64(bucketTop(i).Microseconds()) }
	for i := range buckets - 1 {
		if got := bucketOf(top(i)); got != i {
			t.Fatalf("the top of bucket %d is in bucket %d", i, got)
		}
		if got := bucketOf(top(i) + 1); got != i+1 {
			t.Fatalf("behind the top of bucket %d comes bucket %d", i, got)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		us := r.Uint64() >> r.IntN(64)
		i := bucketOf(us)
		if us > top(buckets-2) {
			if i != buckets-1 {
				t.Fatalf("%d µs are in bucket %d, not the last", us, i)
			}
			continue
		}
		if top(i) < us || top(i)-us > us/8 {
			t.Fatalf("%d µs are in bucket %d, whose top is %d", us, i, top(i))
		}
	}
	if top(buckets-2) < uint64(4*time.Hour/time.Microsecond) {
		t.Errorf("the last bucket begins at %v", bucketTop(buckets-2))
	}
}

// The quantiles are those of a sorted list, rounded up to the buckets' tops.
func TestHistogramAgainstList(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		var h Histogram
		if h.Read() != (Summary{}) {
			t.Fatal("an empty histogram is not empty")
		}
		var list []time.Duration
		var sum time.Duration
		for range 1 + r.IntN(500) {
			d := time.Duration(math.Exp(r.Float64() * math.Log(float64(10*time.Second))))
			h.Add(d)
			list = append(list, d)
			sum += d
		}
		slices.Sort(list)
		quantile := func(percent int) time.Duration {
			d := list[(len(list)*percent+99)/100-1]
			return bucketTop(bucketOf(uint64(d.Microseconds())))
		}
		n := len(list)
		want := Summary{sum / time.Duration(n), quantile(50), quantile(99), int64(n)}
		if got := h.Read(); got != want {
			t.Fatalf("seed %d: got %+v, want %+v", seed, got, want)
		}
	}
}

func TestRatesAgainstList(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 3))
		var rates Rates
		var list []sample
		var now sample
		for range 40 {
			in, out := rates.PerSecond()
			var wantIn, wantOut float64
			if len(list) > 1 {
				first, last := list[max(len(list)-kept, 0)], list[len(list)-1]
				span := (last.at - first.at).Seconds()
				wantIn, wantOut = float64(last.in-first.in)/span, float64(last.out-first.out)/span
			}
			if in != wantIn || out != wantOut {
				t.Fatalf("seed %d, %d samples: %v and %v, want %v and %v",
					seed, len(list), in, out, wantIn, wantOut)
			}
			now.at += 1 + time.Duration(r.Int64N(int64(2*time.Second)))
			now.in += r.Int64N(1000)
			now.out += r.Int64N(1000)
			rates.Record(now.at, now.in, now.out)
			list = append(list, now)
		}
	}
}

// Two samples of one moment have no rate, rather than an infinite one.
func TestRatesOfOneMoment(t *testing.T) {
	var rates Rates
	rates.Record(time.Second, 0, 0)
	rates.Record(time.Second, 5, 5)
	if in, out := rates.PerSecond(); in != 0 || out != 0 {
		t.Errorf("%v and %v", in, out)
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	var h Histogram
	var rates Rates
	if n := testing.AllocsPerRun(100, func() {
		h.Add(time.Millisecond)
		rates.Record(1, 2, 3)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
