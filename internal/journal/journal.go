// Package journal is what a server says about its connections and their events: at debug the life
// of each, from warn on what goes wrong, as bursts.
//
//	accepted → handshake → CONNECT → authenticated → joined → events → closed
//	                    ↘ refused, and why                  ↗
//
// All methods are cheap when the level is off: one look at the level, and no allocation. None logs
// a key or a token; payloads are logged at trace alone.
//
// # Locks
//
// Journal.mu and that of its burst.Log. Neither is held while the logger is called. The function
// that makes an example runs under burst.Log.mu. It may ask for a peer's address, for which
// reactor.Conn.mu is taken.
//
// Reading order: journal.go, then life.go (the lines of a connection).
package journal

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/internal/budget"
	"github.com/smartsocket/smartsocket/internal/burst"
	"github.com/smartsocket/smartsocket/internal/tail"
)

// LevelTrace is the only level at which payloads are logged.
const LevelTrace = slog.Level(-8)

// Journal writes to a logger, and tells those who look on. Make one with New. Safe for concurrent
// use.
type Journal struct {
	Tail tail.Tail

	log    *slog.Logger
	now    func() time.Duration
	bursts *burst.Log[Cause, example]

	mu      sync.Mutex
	longest map[Cause]time.Duration // of what holds a loop, since the last line
	lost    int64                   // events that had a cause too many, as told
	refused map[string]int64        // connections by cause, see Refused
}

// Cause is what the events of one burst have in common.
type Cause struct {
	What             string // the line's message
	Namespace, Event string
	Detail           string // is not logged
}

// example is the first event of a burst.
type example struct {
	level slog.Level
	args  []any
}

// New makes a Journal. now counts from any fixed moment.
func New(log *slog.Logger, now func() time.Duration) *Journal {
	j := &Journal{log: log, now: now, longest: make(map[Cause]time.Duration),
		refused: make(map[string]int64)}
	j.bursts = burst.New(j.write)
	return j
}

// On reports whether debug is on.
func (j *Journal) On() bool { return j.log.Enabled(context.Background(), slog.LevelDebug) }

// Often tells of something that may happen at any rate: the first of a cause at once, and then at
// most three lines a minute with their count. args is called for the event that is told as the
// example, on the caller's goroutine. It must not block or use the Journal.
func (j *Journal) Often(level slog.Level, c Cause, args func() []any) {
	first := false
	j.bursts.Note(c, j.now(), func() example {
		first = true
		return example{level, args()}
	})
	if first {
		j.bursts.Flush(j.now())
	}
}

// OftenOf is Often for one socket. Lines at error have the caller's stack.
func (j *Journal) OftenOf(socket string, level slog.Level, c Cause, args []any) {
	j.Often(level, c, func() []any {
		args = append(args, "socket", socket)
		if level >= slog.LevelError {
			args = append(args, "stack", string(debug.Stack()))
		}
		return args
	})
}

// HookPanicked tells that an Authenticate hook panicked, with text that has no key in it.
func (j *Journal) HookPanicked(namespace, text string) {
	c := Cause{What: "the authenticate hook panicked"} // one for all, as clients choose the names
	j.Often(slog.LevelError, c, func() []any {
		return []any{"namespace", namespace, "panic", text}
	})
}

// BadGrant tells that an Authenticate hook returned a Grant that cannot be used.
func (j *Journal) BadGrant(namespace string, err error) {
	c := Cause{What: "the authenticate hook returned a Grant that cannot be used: mend it; its " +
		"clients are told to try again later"}
	j.Often(slog.LevelError, c, func() []any {
		return []any{"namespace", namespace, "error", err}
	})
}

// OverBudget tells that a client was cut because b is nearly full, and held most of it.
func (j *Journal) OverBudget(d *Diary, b *budget.Budget) {
	c := Cause{What: "too much waits in the server: those who held most were cut; send less, " +
		"make handlers return sooner, or raise maxBufferedBytes"}
	j.Often(slog.LevelWarn, c, func() []any {
		return []any{"peer", d.Client(), "maxBufferedBytes", b.Limit()}
	})
}

// Flush writes the lines that are due. Call it about once a second.
func (j *Journal) Flush() {
	j.bursts.Flush(j.now())
	j.tellLost()
}

// Close writes the lines that wait.
func (j *Journal) Close() {
	j.bursts.Close(j.now())
	j.tellLost()
}

func (j *Journal) tellLost() {
	lost := j.bursts.Lost()
	j.mu.Lock()
	n := lost - j.lost
	j.lost = lost
	j.mu.Unlock()
	if n > 0 {
		j.log.Warn("events of too many causes are not logged", "count", n)
	}
}

func (j *Journal) write(l burst.Line[Cause, example]) {
	var args []any
	if l.Cause.Event != "" {
		args = append(args, "event", l.Cause.Event)
	}
	if l.Cause.Namespace != "" {
		args = append(args, "namespace", l.Cause.Namespace)
	}
	args = append(args, "count", l.Count)
	if l.Count > 1 {
		args = append(args, "over", l.Over)
	}
	j.mu.Lock()
	if d, ok := j.longest[l.Cause]; ok {
		args = append(args, "longest", d)
		delete(j.longest, l.Cause)
	}
	j.mu.Unlock()
	args = append(args, l.Example.args...)
	j.log.Log(context.Background(), l.Example.level, l.Cause.What, args...)
}

// LoopHeld tells that an event loop does not answer, with how many connections were closed because
// they waited for it, or that it is back.
func (j *Journal) LoopHeld(loop int, held bool, closed int) {
	level, c := slog.LevelWarn, Cause{What: "an event loop has not answered for a second: new " +
		"connections go to others; an inline handler or a hook holds it"}
	if !held {
		level, c.What = slog.LevelInfo, "an event loop answers again"
	}
	j.Often(level, c, func() []any { return []any{"loop", loop, "closed", closed} })
}

// WorkersBusy tells that all goroutines of handlers are busy, with what, and that owners wait.
func (j *Journal) WorkersBusy(workers, waiting int, running map[string]int) {
	j.log.Warn("all workers are busy, and what waits for one has waited for more than a second: "+
		"make handlers return sooner, or raise workers",
		"workers", workers, "waiting", waiting, "running", fmt.Sprint(running))
}

// QueueHeld tells that the goroutines of handlers take nothing on, or do so again.
func (j *Journal) QueueHeld(held bool) {
	level, c := slog.LevelWarn, Cause{What: "no goroutine has taken an event on for a second, so " +
		"the server is not healthy: make handlers return sooner, or raise workers"}
	if !held {
		level, c.What = slog.LevelInfo, "goroutines take events on again"
	}
	j.Often(level, c, func() []any { return nil })
}

// HoldsLoop tells that an inline handler runs for longer than its budget.
func (j *Journal) HoldsLoop(namespace, event, socket string, loop int, held time.Duration) {
	const what = "an inline handler holds its event loop: " +
		"register it without Inline, or make it return sooner"
	j.held(Cause{What: what, Namespace: namespace, Event: event}, socket, loop, held)
}

// HeldLoop tells how long it ran, as far as was seen.
func (j *Journal) HeldLoop(namespace, event, socket string, loop int, held time.Duration) {
	const what = "an inline handler has held its event loop"
	j.held(Cause{What: what, Namespace: namespace, Event: event}, socket, loop, held)
}

func (j *Journal) held(c Cause, socket string, loop int, held time.Duration) {
	j.mu.Lock()
	j.longest[c] = max(j.longest[c], held)
	j.mu.Unlock()
	j.Often(slog.LevelWarn, c, func() []any {
		return []any{"socket", socket, "loop", loop, "held", held}
	})
}
