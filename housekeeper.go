package smartsocket

import (
	"time"

	"github.com/smartsocket/smartsocket/internal/budget"
	"github.com/smartsocket/smartsocket/internal/journal"
	"github.com/smartsocket/smartsocket/internal/watchdog"
)

// The housekeeper is the server's one background goroutine. It samples the counters for the rates,
// watches inline handlers, asks the loops for a sign of life, writes the log lines that wait, and
// ends the sessions of clients that do not come back.

// newHousekeeper takes the first sample and starts the goroutine.
func newHousekeeper(v *Server) *watchdog.Rounds {
	v.sampleRates()
	h := &watchdog.Rounds{
		Now: v.sinceStart, Clock: v.clock, Budget: min(v.fixed.InlineBudget, time.Second/4),
		Look: func(now time.Duration) bool {
			soon := v.pulse.Look()
			return v.watchInline(now) || soon
		},
		EverySecond: v.everySecond,
	}
	h.Start()
	return h
}

// everySecond is what the housekeeper does besides watching inline handlers.
func (v *Server) everySecond(now time.Duration) {
	v.sampleRates()
	v.refusals.Flush(now)
	v.journal.Flush()
	v.watchWorkers()
	v.memory.Grew()
	if v.sessions != nil {
		v.sessions.Sweep()
	}
}

// stopHousekeeper ends the goroutine, and writes the lines about refusals that are left.
func (v *Server) stopHousekeeper() error {
	defer func() { v.refusals.Close(v.sinceStart()) }()
	return v.housekeeper.Stop()
}

// sampleRates records how many messages there were until now.
func (v *Server) sampleRates() {
	in, out := v.totals()
	v.rates.Record(v.sinceStart(), in, out)
}

// watchInline reports handlers that hold a loop for longer than the budget, because a loop that is
// stuck cannot report itself. It returns whether any inline handler ran since the last look.
func (v *Server) watchInline(now time.Duration) (active bool) {
	for i := range v.loops {
		l := &v.loops[i]
		s := l.inline.Load()
		seen := l.watch.Look(s, l.handled.Load(), now, v.fixed.InlineBudget)
		active = active || seen.Active
		if seen.Ended > 0 {
			v.journal.HeldLoop(l.stuck.Namespace, l.stuck.Event, l.stuck.Detail, i, seen.Ended)
		}
		if seen.Over {
			event := l.event.Load().Event()
			l.stuck = journal.Cause{Namespace: s.ns.path, Event: event, Detail: s.ID()}
			v.journal.HoldsLoop(s.ns.path, l.stuck.Event, s.ID(), i, seen.Held)
			v.counters.slowInline.Add(1) // after the log: whoever sees the count finds the line
		}
	}
	return active
}

// watchWorkers reports, in the first of ten seconds, that events wait because all workers are busy.
func (v *Server) watchWorkers() {
	n := v.workers.Stalled()
	if n > 0 {
		v.counters.workerStalls.Add(1)
	}
	if n%10 != 1 {
		return
	}
	busy := make(map[string]int)
	for _, ns := range v.eachNamespace() {
		for _, s := range ns.Sockets() {
			if e := s.running.Load(); e != nil {
				busy[e.Event()]++
			}
		}
	}
	load := v.workers.Load()
	v.journal.WorkersBusy(load.Max, load.Waiting, busy)
}

// holds returns how many bytes wait for l and its socket.
func (l *link) holds() int64 {
	n := l.ws.Holds() + l.s.mail.Bytes() + l.held.Bytes()
	if l.s.kept != nil {
		n += l.s.kept.Bytes()
	}
	return int64(n)
}

// cut ends l, its session and its events that wait, because they hold most of maxBufferedBytes.
func (l *link) cut() {
	if l.s.kept != nil {
		l.s.kept.Doom()
	}
	l.ws.Abort(budget.ErrOver)
	l.s.discard()
}
