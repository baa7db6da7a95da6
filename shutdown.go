package smartsocket

import (
	"context"
	"errors"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/ending"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/reactor"
)

// Shutdown drains the server: it stops accepting, tells the clients to
// reconnect elsewhere, lets queued events run, flushes, closes every connection
// with 1001 and stops. When ctx ends first, what is left is closed at once, and the error
// is ctx's and names what did not end: handlers, event loops, the broker. Idempotent.
//
// It does not wait for its own caller. Called by a blocking handler it waits for the others.
// Called on an event loop, as by an Inline handler or a callback of EmitAck, it returns an error at
// once and goes on when that returns, by ctx's deadline or within Options.ShutdownTimeout.
func (v *Server) Shutdown(ctx context.Context) error {
	if !v.end() {
		return nil
	}
	v.draining.Store(true)
	return v.unlessOnLoop(ctx, v.current().ShutdownTimeout, v.drain)
}

// unlessOnLoop runs f, on a goroutine of its own if the caller holds an event loop.
func (v *Server) unlessOnLoop(ctx context.Context, d time.Duration, f func(context.Context) error) error {
	if !v.reactor.OnLoop() {
		return f(ctx)
	}
	go func() {
		ctx, cancel := ending.Detached(ctx, d)
		defer cancel()
		if err := f(ctx); err != nil {
			v.log.Warn("the server has stopped", "error", err)
		}
	}()
	return errOnLoop
}

var errOnLoop = errors.New("smartsocket: called on an event loop, which it would wait for: " +
	"the server stops when this handler has returned")

// drain is Shutdown.
func (v *Server) drain(whole context.Context) error {
	ctx, cancel := ending.Early(whole)
	defer cancel()
	v.mu.Lock()
	v.cutShort = cancel
	v.mu.Unlock()
	v.log.Info("shutting down", "connections", v.gate.Open())
	v.endpoint.Close()
	goaway := message.AppendGoaway(nil, &message.Goaway{Deadline: deadlineMillis(ctx), ReconnectWindow: uint64(v.gate.Open())})
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
		soon, end := context.WithTimeout(whole, time.Second)
		defer end()
		return errors.Join(err, v.stop(soon))
	}
	return v.stop(ctx)
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
		for _, s := range ns.Sockets() {
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

// waitQuiet waits until no handler runs or waits on the goroutines, for at most half of the time
// that ctx has, and 5 s.
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

// stop ends loops, workers and housekeeper; connections that are left are cut.
// Its error names what has not ended when ctx ends. That is left behind.
func (v *Server) stop(ctx context.Context) error {
	var left ending.Report
	left.Stop(ctx, "event loops that inline handlers hold", v.reactor.Close)
	left.Left(v.gate.Open(), "connections")
	left.Stop(ctx, "the housekeeper", v.housekeeper.stop)
	if v.sessions != nil { // nobody comes back any more
		left.Stop(ctx, "sessions", func() error { v.sessions.EndAll(session.Shutdown); return nil })
	}
	left.Left(int64(v.workers.Stop(ctx)), "handlers")
	if b := v.fixed.Broker; b != nil {
		left.Stop(ctx, "the broker", b.Close)
	}
	return left.Err()
}

// Close stops at once, without draining: connections are cut, and handlers that run get a second to
// return. Its error names what did not end within that. Like Shutdown it does not wait for its own
// caller. Idempotent.
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
	return v.unlessOnLoop(context.Background(), time.Second, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return v.stop(ctx)
	})
}

// end moves to the closed phase and reports whether the server was running.
func (v *Server) end() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	was := v.phase
	v.phase = phaseClosed
	return was == phaseRunning
}
