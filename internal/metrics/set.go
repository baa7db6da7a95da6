package metrics

import "math/rand/v2"

// Set has the histograms of a server. Those of what happens with every event are estimated: of
// some events the time is taken, and counts for those whose time is not.
type Set struct {
	// Inline is the time of handlers that run on their loop, Queued of those that run on a
	// goroutine, each with the middlewares and interceptors around them.
	Inline, Queued Histogram
	// Waiting is the time that an event waits for its goroutine.
	Waiting Histogram
	// LoopLag is how long an event loop takes to get to what it is given to do.
	LoopLag Histogram
	// RoundTrip is that of heartbeats.
	RoundTrip Histogram
	// Broadcast is the time in which an event is queued for all of its receivers here.
	Broadcast Histogram
	// Receivers is how many these are: one counts as a microsecond.
	Receivers Histogram
}

// How many events there are, on average, for one that is measured. So measuring costs 10 to 20 ns
// an event even where it takes 300 ns to read the clock, as in some virtual machines
// (BenchmarkInlineEvent, BenchmarkQueuedEvent).
const (
	EveryInline = 128
	EveryQueued = 64

	// everySmall is for broadcasts to fewer than many receivers.
	everySmall = 64
	many       = 64
)

// Sampler chooses the events of one loop that are measured: at random, so that clients that take
// turns are met alike. It belongs to the loop. The zero value is ready.
type Sampler struct{ inline, queued uint32 }

// Inline reports whether an event that runs inline is measured.
func (s *Sampler) Inline() bool { return next(&s.inline, EveryInline) }

// Queued reports whether an event that waits for a goroutine is measured.
func (s *Sampler) Queued() bool { return next(&s.queued, EveryQueued) }

// next counts down, and begins again at a random number whose mean is every.
func next(left *uint32, every uint32) bool {
	if *left > 1 {
		*left--
		return false
	}
	begun := *left == 1
	*left = 1 + rand.Uint32N(2*every-1)
	return begun
}

// Broadcast returns for how many broadcasts to n receivers this one is measured, 0 if it is not.
func Broadcast(n int) int64 {
	switch {
	case n >= many:
		return 1
	case rand.Uint32()%everySmall == 0:
		return everySmall
	}
	return 0
}
