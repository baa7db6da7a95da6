// Package ending stops the parts of a server by a deadline, and says which parts did not stop.
//
// A part that application code holds, such as an event loop with an inline handler that does not
// return, is left behind: its goroutine goes on, and whoever stops the server does not wait for it.
//
// There are no locks: a Report belongs to the goroutine that stops the server.
package ending

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// grace is how long a part may take whatever the context says, because the context may be over
// while nothing holds the part.
const grace = 100 * time.Millisecond

// Report collects what did not stop. The zero Report is empty. It belongs to one goroutine.
type Report struct {
	left []string
	errs []error
}

// Stop runs stop on a goroutine of its own and waits until it returns, or until ctx ends. what
// names the part if it is left behind.
func (r *Report) Stop(ctx context.Context, what string, stop func() error) {
	done := make(chan error, 1)
	go func() { done <- stop() }()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	over := ctx.Done()
	for patient := true; ; {
		select {
		case err := <-done:
			r.Add(err)
			return
		case <-timer.C:
			patient = false
		case <-over:
			over = nil
		}
		if !patient && ctx.Err() != nil {
			r.left = append(r.left, what)
			return
		}
	}
}

// Left notes that n of what are left behind, unless n is 0.
func (r *Report) Left(n int64, what string) {
	if n > 0 {
		r.left = append(r.left, fmt.Sprintf("%d %s", n, what))
	}
}

// Add notes an error of a part that did stop. nil is ignored.
func (r *Report) Add(err error) { r.errs = append(r.errs, err) }

// Err returns nil if everything stopped without an error. The text names all that was left.
func (r *Report) Err() error {
	err := errors.Join(r.errs...)
	if len(r.left) == 0 {
		return err
	}
	return errors.Join(err, fmt.Errorf("smartsocket: not ended in time: %s",
		strings.Join(r.left, ", ")))
}

// Early returns a context that ends a little before ctx does: a tenth of the time that is left, and
// at most half a second. What follows has that time.
func Early(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-min(time.Until(end)/10, time.Second/2)))
}

// Half returns a context with half of the time that ctx has, and at most d.
func Half(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		d = min(d, time.Until(end)/2)
	}
	return context.WithTimeout(ctx, d)
}

// Millis returns how many milliseconds ctx has, 0 if it has no deadline.
func Millis(ctx context.Context) uint64 {
	if end, ok := ctx.Deadline(); ok {
		return uint64(max(time.Until(end).Milliseconds(), 0))
	}
	return 0
}

// Until looks now and then whether done, and returns ctx's error if that ends first.
func Until(ctx context.Context, done func() bool) error {
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

// ErrOnLoop says that a server goes on stopping when its caller has returned.
var ErrOnLoop = errors.New("smartsocket: called on an event loop, which it would wait for: " +
	"the server stops when this handler has returned")

// Run calls f with ctx. If the caller holds an event loop, f runs on a goroutine of its own, Run
// returns ErrOnLoop at once, and what f returns is logged. Then f's context ends at ctx's deadline,
// or after d when ctx has none. It does not end because the caller, who returns, cancels ctx.
func Run(
	ctx context.Context, onLoop bool, d time.Duration, log *slog.Logger,
	f func(context.Context) error,
) error {
	if !onLoop {
		return f(ctx)
	}
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(d)
	}
	go func() {
		ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
		defer cancel()
		if err := f(ctx); err != nil {
			log.Warn("the server has stopped", "error", err)
		}
	}()
	return ErrOnLoop
}
