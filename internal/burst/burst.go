// Package burst makes few lines of log out of many events of one kind. Whoever sees an event notes
// it, which is cheap and never logs; whoever has the time flushes, about once a second. There is no
// goroutine and no timer.
//
// The first event of a cause is written at the next flush, with what came until then. While more
// come, lines of the same cause are at least 10 s apart, and then 30 and 60 s: at most three in any
// minute, whatever the rate. A cause that was quiet begins again.
//
// # Locks
//
// Log.mu, and no other. The function that makes an example is called under it, the one that writes
// lines is not.
package burst

import (
	"sync"
	"time"
)

// pauses are the distances between the lines of one cause that goes on.
var pauses = [...]time.Duration{10 * time.Second, 30 * time.Second, time.Minute}

// maxCauses bounds how many causes are kept at once. Events of further ones are counted as lost.
const maxCauses = 256

// Line is what became of the events of one cause since its last line.
type Line[K comparable, E any] struct {
	Cause   K
	Count   int64         // events, the example included
	Example E             // the first of them
	Over    time.Duration // from the first event to the flush
}

// Log collects events by cause. Make one with New. All methods are safe for concurrent use.
type Log[K comparable, E any] struct {
	write func(Line[K, E])

	mu   sync.Mutex
	of   map[K]*cause[E]
	lost int64
}

// cause is what is kept of one cause.
type cause[E any] struct {
	count   int64 // since the last line
	example E
	since   time.Duration // of example
	next    time.Duration // no line before
	lines   int           // that were written in a row
}

// New makes a Log that gives its lines to write.
func New[K comparable, E any](write func(Line[K, E])) *Log[K, E] {
	return &Log[K, E]{write: write, of: make(map[K]*cause[E])}
}

// Note counts an event at time now, which counts from any fixed moment. example is called only for
// the first event of a line, under the lock: it must not block or call the Log.
func (l *Log[K, E]) Note(k K, now time.Duration, example func() E) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.of[k]
	if c == nil {
		if len(l.of) >= maxCauses {
			l.lost++
			return
		}
		c = &cause[E]{next: now}
		l.of[k] = c
	}
	if c.count == 0 {
		c.example, c.since = example(), now
	}
	c.count++
}

// Flush writes the lines that are due at time now.
func (l *Log[K, E]) Flush(now time.Duration) {
	for _, line := range l.due(now, false) {
		l.write(line)
	}
}

// Close writes all that is left.
func (l *Log[K, E]) Close(now time.Duration) {
	for _, line := range l.due(now, true) {
		l.write(line)
	}
}

// Lost returns how many events had a cause too many.
func (l *Log[K, E]) Lost() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// due takes the lines that are to be written, and forgets causes that were quiet. all takes those
// that must wait, too.
func (l *Log[K, E]) due(now time.Duration, all bool) (lines []Line[K, E]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, c := range l.of {
		switch {
		case now < c.next && !all:
		case c.count == 0:
			delete(l.of, k)
		default:
			lines = append(lines, Line[K, E]{k, c.count, c.example, now - c.since})
			c.next = now + pauses[min(c.lines, len(pauses)-1)]
			c.lines++
			c.count = 0
			var none E
			c.example = none
		}
	}
	return lines
}
