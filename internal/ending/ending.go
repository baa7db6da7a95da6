// Package ending stops the parts of a server by a deadline, and says which parts did not stop.
//
// A part that application code holds, such as an event loop with an inline handler that does not
// return, is left behind: its goroutine goes on, and whoever stops the server does not wait for it.
package ending

import (
	"context"
	"errors"
	"fmt"
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

// Detached returns a context that ends when ctx's deadline comes, or after the given time when ctx
// has none, and never because ctx is cancelled. It is for what goes on after the caller of ctx has
// returned.
func Detached(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(d)
	}
	return context.WithDeadline(context.WithoutCancel(ctx), end)
}
