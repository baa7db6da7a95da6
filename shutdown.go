package smartsocket

import (
	"context"
	"errors"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/reactor"
)

// Shutdown drains the server: it stops accepting, asks the clients to reconnect elsewhere, lets
// queued events run, flushes, closes every connection with 1001 and stops. If ctx ends first, it
// closes the rest at once and returns ctx's error. Idempotent.
func (v *Server) Shutdown(ctx context.Context) error {
	if !v.end() {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	v.mu.Lock()
	v.cutShort = cancel
	v.mu.Unlock()
	v.draining.Store(true)
	v.log.Info("shutting down", "connections", v.gate.Open())
	v.endpoint.Close()
	goaway := message.AppendGoaway(nil, &message.Goaway{
		Deadline: deadlineMillis(ctx), ReconnectWindow: uint64(v.gate.Open())})
	v.eachLink(func(l *link) {
		if !l.plain {
			l.send(goaway)
		}
	})
	v.waitQuiet(ctx) // so that the answers of running handlers still go out
	v.eachLink(func(l *link) { l.ws.Close(frame.CloseGoingAway, "server shutting down") })
	err := waitUntil(ctx, func() bool { return v.gate.Open() == 0 })
	if err != nil {
		v.log.Warn("closing what is left", "connections", v.gate.Open())
		v.cut()
	}
	return errors.Join(err, v.stop(ctx))
}

// sendAway asks the client to go elsewhere and closes its connection.
func (l *link) sendAway(goaway []byte) {
	if !l.plain {
		l.send(goaway)
	}
	l.ws.Close(frame.CloseGoingAway, "server shutting down")
}

// cut aborts what is connected: the reactor's Close would still flush for seconds.
func (v *Server) cut() { v.eachLink(func(l *link) { l.ws.Abort(reactor.ErrClosed) }) }

func (v *Server) eachLink(f func(*link)) {
	for _, ns := range v.eachNamespace() {
		for _, s := range ns.hub.Named("") {
			f(s.link.Load())
		}
	}
}

func deadlineMillis(ctx context.Context) uint64 {
	if t, ok := ctx.Deadline(); ok {
		return uint64(max(time.Until(t).Milliseconds(), 0))
	}
	return 0
}

// waitQuiet waits until no handler runs or waits, for at most half of ctx's time, and 5 s.
func (v *Server) waitQuiet(ctx context.Context) {
	limit := 5 * time.Second
	if t, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(t)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	waitUntil(ctx, v.workers.Quiet)
}

// waitUntil looks now and then whether done, and returns ctx's error if it ends first.
func waitUntil(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// stop ends loops, workers and housekeeper, and cuts what is connected. It waits until ctx ends.
func (v *Server) stop(ctx context.Context) error {
	err := v.reactor.Close()
	v.housekeeper.stop()
	if v.sessions != nil { // nobody comes back any more
		v.sessions.EndAll(session.Shutdown)
	}
	if v.hooks != nil && !v.hooks.Close(ctx) || !v.workers.Stop(ctx) {
		err = errors.Join(err, errHandlersLeft)
	}
	v.journal.Close()
	return errors.Join(err, v.closeBroker())
}

var errHandlersLeft = errors.New("smartsocket: handlers were still running at shutdown")

// Close stops at once: it cuts connections and gives handlers a second to return. Idempotent.
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
	v.draining.Store(true)
	v.endpoint.Close()
	v.cut()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return v.stop(ctx)
}

// end moves to the closed phase and reports whether the server was running.
func (v *Server) end() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	was := v.phase
	v.phase = phaseClosed
	return was == phaseRunning
}
