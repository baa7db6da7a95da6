// Package watchdog notices work that holds its goroutine for too long. Whoever does the work says
// what runs and how much has finished; somebody else looks now and then (Watch), because what is
// stuck cannot report itself. Rounds is the goroutine of that somebody. There are no locks. Read
// watchdog.go, then rounds.go.
package watchdog

import "time"

// Watch looks at one worker that does one thing at a time. It belongs to the goroutine that looks.
type Watch[W comparable] struct {
	suspect  W     // what ran at the last look; the zero value is nothing
	finished int64 // at the last look
	since    time.Duration
	seen     time.Duration // at the last look
	reported bool
}

// Sight is what a look found.
type Sight struct {
	Active bool          // something runs, or has run since the last look
	Over   bool          // it runs for longer than the budget, and this was not said before
	Held   time.Duration // for how long it was seen to run
	Ended  time.Duration // the Held of the run before, if it was Over and is not there any more
}

// Look compares what runs, and how many have finished, with the last look. It never blames one run
// for another: if any has finished in between, a new one has begun.
func (w *Watch[W]) Look(runs W, finished int64, now, budget time.Duration) (s Sight) {
	var nothing W
	s.Active = runs != nothing || finished != w.finished
	if runs == nothing || runs != w.suspect || finished != w.finished {
		if w.reported {
			s.Ended = w.seen - w.since
		}
		*w = Watch[W]{suspect: runs, finished: finished, since: now, seen: now}
		return s
	}
	w.seen, s.Held = now, now-w.since
	if !w.reported && s.Held >= budget {
		w.reported, s.Over = true, true
	}
	return s
}
