package smartsocket

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/departure"
	"github.com/smartsocket/smartsocket/internal/ending"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/reactor"
)

// Drain gets the server ready for Shutdown, without a loss for those who are connected. At once
// Options.ReadyPath says 503, and the OnDrain hooks run. New clients are served for
// Options.DrainDelay, and then refused: with 503 and Retry-After, or with ERR_SRV_001 where a
// session might come back. Who is connected is served as before, and with the message cache a
// client may still come back to its session. When the hooks have returned and no Hold of the server
// is left, the clients are asked to go elsewhere, Options.DrainRate in a second, or all in half of
// the time that ctx still has. A client of ours opens its next connection first. It is served until
// it has left, for at most 10 s, and what it has asked is answered. Older clients and plain ones
// are closed with 1001 when their handlers have returned. When all have left Drain returns nil.
//
// It returns ctx's error if that ends while the server is held, and ErrClosed if the server ends.
// Clients stay then until Shutdown, which is to follow in any case. Several calls at a time wait
// for the same, each within its ctx. On an event loop Drain returns an error at once and goes on
// afterwards, like Shutdown. Before Start it does nothing.
func (v *Server) Drain(ctx context.Context) error { return v.leave(ctx, false) }

// HandOver is Drain for a server whose listening socket another process has taken over. This one
// accepts nobody any more. Who was accepted before is served, and sent to the same address.
func (v *Server) HandOver(ctx context.Context) error { return v.leave(ctx, true) }

// leave does what Drain or HandOver promises, once the server runs.
func (v *Server) leave(ctx context.Context, handed bool) error {
	v.mu.RLock()
	phase, r, endpoint := v.phase, v.reactor, v.endpoint
	v.mu.RUnlock()
	switch phase {
	case phaseNew:
		return nil
	case phaseClosed:
		return ErrClosed
	}
	if handed {
		v.departure.HandOver()
		endpoint.HandOver()
	}
	o := v.current()
	drain := func(ctx context.Context) error {
		defer v.giver.Load().Rest(ctx)
		return v.drain(ctx)
	}
	return ending.Run(ctx, r.OnLoop(), cmp.Or(o.DrainTimeout, o.ShutdownTimeout), v.log, drain)
}

// drain does what Drain promises.
func (v *Server) drain(ctx context.Context) error {
	o := v.current()
	d := &departure.Server[*link]{
		Log: v.log, Now: v.sinceStart, Open: v.gate.Open, Closed: ErrClosed,
		Panicked: func() { v.counters.panics.Add(1) },
		Delay:    o.DrainDelay, Rate: o.DrainRate,
		Each: v.eachLink, Connected: (*link).isOpen, Moves: func(l *link) bool { return l.moves },
		Idle: func(l *link) bool { return l.s.mail.Idle() },
		SendAway: func(l *link, w departure.Words) {
			l.sendAway(message.Goaway{Deadline: w.Deadline, ReconnectWindow: w.Window})
		},
		Close: func(l *link) { l.ws.Close(frame.CloseGoingAway, goingAway) },
	}
	if f := v.together.Load(); f != nil {
		d.Group = func(l *link) string { return (*f)(l.s) }
	}
	return departure.Drain(ctx, &v.departure, d)
}

// DrainTogether says which clients leave one after the other in a Drain: those for whom group
// returns the same name, as that of their match. "" is nobody's. Drain calls it several times for
// each client.
func (v *Server) DrainTogether(group func(*Socket) string) { v.together.Store(&group) }

// OnDrain registers a hook that runs, on a goroutine of its own, when Drain begins. It ends what
// should not begin any more, and may wait for what must finish first, because Drain waits until
// all hooks have returned. Its context ends with that of the first Drain, or with the server.
func (v *Server) OnDrain(hook func(ctx context.Context)) { v.departure.OnDrain(hook) }

// Hold makes Drain wait until Release, or for at most limit from now on, by which a match says when
// it ends. A limit of 0 or less is over at once. what names it in the log. ErrShuttingDown is
// returned while the server drains or ends: nothing new should begin then.
func (v *Server) Hold(what string, limit time.Duration) (*Hold, error) {
	return v.hold(what, "", limit)
}

// HoldGroup is Hold for the clients of one group of DrainTogether. They are served until their
// match ends, while the others leave. If the time of Drain ends before, they leave too.
func (v *Server) HoldGroup(group string, limit time.Duration) (*Hold, error) {
	return v.hold(group, group, limit)
}

func (v *Server) hold(what, group string, limit time.Duration) (*Hold, error) {
	if h := v.departure.Hold(what, group, v.sinceStart(), limit); h != nil {
		return &Hold{v, h}, nil
	}
	return nil, ErrShuttingDown
}

// Hold is what Drain waits for, see Server.Hold. Its methods are safe for concurrent use.
type Hold struct {
	srv  *Server
	hold *departure.Hold
}

// Release lets Drain go on. Further calls do nothing.
func (h *Hold) Release() { h.hold.Release() }

// Extend gives the hold limit from now on, as for overtime, also while Drain waits. It reports
// false if the hold was over already.
func (h *Hold) Extend(limit time.Duration) bool { return h.hold.Extend(h.srv.sinceStart(), limit) }

// Shutdown stops the server: it accepts nobody, asks the clients to reconnect elsewhere, lets
// queued events run, flushes, closes every connection with 1001 and stops. If ctx ends first, it
// closes the rest at once and returns ctx's error, with the names of what did not end. Idempotent.
// It does not wait for a Hold or for an OnDrain hook, whose context it ends: see Drain.
//
// It does not wait for its own caller. On an event loop, as in an Inline handler, it returns an
// error at once and goes on afterwards, until ctx's deadline or for Options.ShutdownTimeout.
func (v *Server) Shutdown(ctx context.Context) error {
	if !v.end() {
		return nil
	}
	v.departure.End()
	return ending.Run(ctx, v.reactor.OnLoop(), v.current().ShutdownTimeout, v.log, v.shutDown)
}

const returnRate = 3 // clients that may come back in a millisecond

// shutDown does what Shutdown promises, until whole ends.
func (v *Server) shutDown(whole context.Context) error {
	ctx, cancel := ending.Early(whole)
	defer cancel()
	v.mu.Lock()
	v.cutShort = cancel
	v.mu.Unlock()
	v.log.Info("shutting down", "connections", v.gate.Open())
	v.endpoint.Close()
	goaway := message.AppendGoaway(nil, &message.Goaway{
		Deadline: ending.Millis(ctx), ReconnectWindow: uint64(v.gate.Open()) / returnRate})
	v.eachLink(func(l *link) {
		if !l.plain {
			l.send(goaway)
		}
	})
	half, end := ending.Half(ctx, 5*time.Second)
	ending.Until(half, v.workers.Quiet) // so that the answers of running handlers still go out
	end()
	v.eachLink(func(l *link) { l.ws.Close(frame.CloseGoingAway, goingAway) })
	err := ending.Until(ctx, func() bool { return v.gate.Open() == 0 })
	if err != nil {
		v.log.Warn("closing what is left", "connections", v.gate.Open())
		v.cut()
		soon, end := context.WithTimeout(whole, time.Second)
		defer end()
		return errors.Join(err, v.stop(soon))
	}
	return v.stop(ctx)
}

// cut aborts what is connected: the reactor's Close would still flush for seconds.
func (v *Server) cut() { v.eachLink(func(l *link) { l.ws.Abort(reactor.ErrClosed) }) }

// stop ends loops, workers and housekeeper, and cuts what is connected. It waits until ctx ends.
// What does not end is left behind, and named by the error.
func (v *Server) stop(ctx context.Context) error {
	var left ending.Report
	left.Stop(ctx, "event loops that inline handlers hold", v.reactor.Close)
	left.Left(v.gate.Open(), "connections")
	left.Stop(ctx, "the housekeeper", v.stopHousekeeper)
	if v.sessions != nil { // nobody comes back any more
		left.Stop(ctx, "sessions", func() error { v.sessions.EndAll(session.Shutdown); return nil })
	}
	left.Left(int64(v.workers.Stop(ctx)), "handlers")
	v.giver.Load().Close(ctx)
	v.taker.Load().Close(ctx)
	if v.hooks != nil && !v.hooks.Close(ctx) {
		left.Left(1, "or more authenticate hooks")
	}
	if b := v.fixed.Broker; b != nil {
		left.Stop(ctx, "the broker", b.Close)
	}
	v.journal.Close()
	return left.Err()
}

// Close stops at once: it cuts connections and gives handlers a second to return. Its error names
// what did not end. Like Shutdown it does not wait for its own caller. Idempotent.
func (v *Server) Close() error {
	if !v.end() {
		v.mu.RLock()
		cutShort := v.cutShort
		v.mu.RUnlock()
		if cutShort != nil {
			cutShort()
		}
		return nil
	}
	v.departure.End()
	v.endpoint.Close()
	v.cut()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return ending.Run(ctx, v.reactor.OnLoop(), time.Second, v.log, v.stop)
}

// end moves to the closed phase and reports whether the server was running.
func (v *Server) end() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	was := v.phase
	v.phase = phaseClosed
	return was == phaseRunning
}
