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

// Shutdown drains the server: it stops accepting, asks the clients to reconnect elsewhere, lets
// queued events run, flushes, closes every connection with 1001 and stops. If ctx ends first, it
// closes the rest at once and returns ctx's error, with the names of what did not end. Idempotent.
//
// It does not wait for its own caller. On an event loop, as in an Inline handler, it returns an
// error at once and goes on afterwards, until ctx's deadline or for Options.ShutdownTimeout.
func (v *Server) Shutdown(ctx context.Context) error {
	if !v.end() {
		return nil
	}
	v.draining.Store(true)
	return ending.Run(ctx, v.reactor.OnLoop(), v.current().ShutdownTimeout, v.log, v.drain)
}

// drain does what Shutdown promises, until whole ends.
func (v *Server) drain(whole context.Context) error {
	ctx, cancel := ending.Early(whole)
	defer cancel()
	v.mu.Lock()
	v.cutShort = cancel
	v.mu.Unlock()
	v.log.Info("shutting down", "connections", v.gate.Open())
	v.endpoint.Close()
	goaway := message.AppendGoaway(nil, &message.Goaway{
		Deadline: ending.Millis(ctx), ReconnectWindow: uint64(v.gate.Open())})
	v.eachLink(func(l *link) {
		if !l.plain {
			l.send(goaway)
		}
	})
	half, end := ending.Half(ctx, 5*time.Second)
	ending.Until(half, v.workers.Quiet) // so that the answers of running handlers still go out
	end()
	v.eachLink(func(l *link) { l.ws.Close(frame.CloseGoingAway, "server shutting down") })
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
	v.draining.Store(true)
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
