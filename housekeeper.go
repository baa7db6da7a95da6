package smartsocket

import (
	"fmt"
	"time"

	"github.com/smartsocket/smartsocket/internal/budget"
	"github.com/smartsocket/smartsocket/internal/journal"
)

// startHousekeeper takes the first sample and starts the goroutine.
func startHousekeeper(v *Server) *housekeeper {
	h := &housekeeper{quit: make(chan struct{}), done: make(chan struct{})}
	v.sampleRates()
	go h.run(v)
	return h
}

// run watches the loops once per InlineBudget while inline handlers run, and ever more rarely, down
// to once a second, while none do. Everything else happens once a second.
func (h *housekeeper) run(v *Server) {
	defer close(h.done)
	defer func() { v.refusals.Close(v.sinceStart()) }()
	pause := v.fixed.InlineBudget
	timer := time.NewTimer(pause)
	defer timer.Stop()
	next := v.sinceStart() + time.Second
	for {
		select {
		case <-h.quit:
			return
		case <-timer.C:
		}
		now := v.sinceStart()
		if v.watchInline(now) {
			pause = v.fixed.InlineBudget
		} else {
			pause = min(2*pause, time.Second)
		}
		if now >= next {
			next = now + time.Second
			v.sampleRates()
			v.refusals.Flush(now)
			v.journal.Flush()
			v.watchWorkers()
			v.memory.Grew()
			if v.sessions != nil {
				v.sessions.Sweep()
			}
		}
		timer.Reset(min(pause, max(next-v.sinceStart(), time.Millisecond)))
	}
}

func (h *housekeeper) stop() error {
	close(h.quit)
	<-h.done
	return nil
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
			l.stuck = journal.Cause{Namespace: s.ns.path, Event: l.event.Load().Event(), Detail: s.ID()}
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
	v.log.Warn("all workers are busy, and what waits for one has waited for more than a second: "+
		"make handlers return sooner, or raise workers",
		"workers", load.Max, "waiting", load.Waiting, "running", fmt.Sprint(busy))
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
