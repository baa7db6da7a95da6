package ratelimit

import "time"

// Limit is how many events may pass in any window of time. MaxRequests is not
// negative, and neither is Window.
type Limit struct {
	Window      time.Duration
	MaxRequests int
}

// Off reports whether l is no limit at all.
func (l Limit) Off() bool { return l.MaxRequests <= 0 || l.Window <= 0 }

// slices is how many parts a window is cut into: the current one, and those in the past, which
// together span at least one Limit.Window.
const slices = 32

// slice is the length of one part of the window, rounded up so that slices-1 of
// them are never shorter than the window.
func (l Limit) slice() time.Duration { return (l.Window-1)/(slices-1) + 1 }

// Window counts how many events passed in each of the last slices. It never lets
// more than the limit through in any window of time. It forgets an event up to
// one slice, 1/31 of the window, later than a list of the times of all events would.
//
// The zero value is empty. A Window is not safe for concurrent use. Its methods do
// not allocate. Times count from some fixed moment and do not go back; the limit
// is on and may change from call to call: then what passed is kept or forgotten,
// as the new slices have it, and after one more window only the new limit counts.
type Window struct {
	current int64 // index of the current slice since the fixed moment
	told    int64 // 1 + index of the window in which Tell said yes
	total   int
	counts  [slices]int32 // by index modulo slices
}

// Allow counts one event at time now and reports whether it is within l, or else
// how long to wait until one will be. A refused event does not count.
func (w *Window) Allow(l Limit, now time.Duration) (ok bool, retry time.Duration) {
	width := l.slice()
	current := int64(now / width)
	for range min(current-w.current, slices) {
		w.current++
		w.total -= int(w.counts[w.current%slices])
		w.counts[w.current%slices] = 0
	}
	w.current = current
	if w.total < l.MaxRequests {
		w.counts[current%slices]++
		w.total++
		return true, 0
	}
	left := w.total
	for i := current - slices + 1; ; i++ {
		if left -= int(w.counts[(i+slices)%slices]); left < l.MaxRequests {
			return false, time.Duration(i+slices)*width - now
		}
	}
}

// Tell reports whether the owner still has to be told that it is over the limit, and notes that it
// was told. It says yes once per window.
func (w *Window) Tell(l Limit, now time.Duration) bool {
	n := int64(now/l.Window) + 1
	if w.told == n {
		return false
	}
	w.told = n
	return true
}
