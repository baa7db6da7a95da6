package ratelimit

import (
	"sync"
	"time"
)

// Over says which limit an event is over.
type Over uint8

// What Windows.Allow found.
const (
	Within    Over = iota // none: the event passes
	OverEvent             // the limit of this event
	OverAll               // the limit of all events together
)

// Verdict is the answer about one event. Retry and Tell are zero when it is Within.
type Verdict struct {
	Over  Over
	Retry time.Duration // after this time an event passes
	Tell  bool          // tell the owner now: it was not yet told in this window of time
}

// Windows are the counts of one owner. The zero value is empty. Its methods are safe for concurrent
// use, since the connections of one session may be on several event loops.
type Windows struct {
	mu     sync.Mutex
	all    Window
	events map[string]*Window // by event, of those with a limit of their own; nil until one came
}

// Allow counts one event at time now against the event's own limit, which may be off, and then
// against the limit of all events, which must be on. An event that is over its own limit does not
// count for the other. The name is borrowed, and copied for the first such event.
func (w *Windows) Allow(event []byte, one, all Limit, now time.Duration) Verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !one.Off() {
		if v := w.of(event).judge(one, now, OverEvent); v.Over != Within {
			return v
		}
	}
	return w.all.judge(all, now, OverAll)
}

// of returns the window of an event, and makes it for the first one. w.mu is held.
func (w *Windows) of(event []byte) *Window {
	if e := w.events[string(event)]; e != nil {
		return e
	}
	if w.events == nil {
		w.events = make(map[string]*Window)
	}
	e := new(Window)
	w.events[string(event)] = e
	return e
}

// judge is Allow and Tell in one, with over as the name of the limit.
func (w *Window) judge(l Limit, now time.Duration, over Over) Verdict {
	ok, retry := w.Allow(l, now)
	if ok {
		return Verdict{}
	}
	return Verdict{Over: over, Retry: retry, Tell: w.Tell(l, now)}
}
