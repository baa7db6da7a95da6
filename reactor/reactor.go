//go:build linux || darwin

package reactor

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Reactor is a set of event loops. Its methods may be called concurrently.
type Reactor struct {
	opts  Options
	loops []*loop
	start time.Time       // zero of every loop's clock
	ctx   context.Context // ends with Close, which must not wait for name servers
	end   context.CancelFunc
	next  atomic.Uint32 // loop of the next connection

	mu        sync.Mutex
	closing   atomic.Bool // written under mu
	listeners map[*Listener]struct{}
	live      sync.WaitGroup // connections and dials whose OnClose has not run; Add under mu
	closeOnce sync.Once

	open, peak, accepted, dialed, closed atomic.Int64
	slow, pauses, overBudget, holdUps    atomic.Int64
	paused                               atomic.Int32 // listeners that wait for a descriptor
	pauseLogged                          atomic.Int64 // clock of the last log line about it
	budget                               budget
	lobby                                lobby
}

// New starts the loops. The caller owns the Reactor and must call Close.
func New(o Options) (*Reactor, error) {
	o = o.withDefaults()
	r := &Reactor{opts: o, start: time.Now(), listeners: make(map[*Listener]struct{})}
	r.budget.r, r.budget.limit = r, o.MaxTotalOutboxBytes
	r.ctx, r.end = context.WithCancel(context.Background())
	for i := range o.Loops {
		l, err := newLoop(r, i)
		if err != nil {
			r.end()
			for _, l := range r.loops {
				l.stop()
			}
			return nil,
				fmt.Errorf("reactor: cannot open an event loop (raise the descriptor limit, "+
					"ulimit -n): %w", err)
		}
		r.loops = append(r.loops, l)
		go l.run()
	}
	return r, nil
}

// Stats are counters since New. Reading them stops nothing.
type Stats struct {
	Open, Peak, Accepted, Dialed, Closed int64
	SlowConsumers, AcceptPauses          int64
	// OutboxBytes is the memory of all outboxes now. OverBudget counts the connections that were
	// closed because of MaxTotalOutboxBytes.
	OutboxBytes, OverBudget int64
	// HoldUps counts how often a loop did not run for longer than a second: a Handler blocked it,
	// or the process or the machine stood still.
	HoldUps                          int64
	BytesIn, BytesOut, Reads, Writes int64
}

// Stats reads the counters. Each is exact, but they are not all of the same moment.
func (r *Reactor) Stats() Stats {
	s := Stats{
		Open: r.open.Load(), Peak: r.peak.Load(), Accepted: r.accepted.Load(),
		Dialed: r.dialed.Load(), Closed: r.closed.Load(),
		SlowConsumers: r.slow.Load(), AcceptPauses: r.pauses.Load(),
		OutboxBytes: r.outboxBytes(), OverBudget: r.overBudget.Load(), HoldUps: r.holdUps.Load(),
	}
	for _, l := range r.loops {
		s.BytesIn += l.bytesIn.Load()
		s.BytesOut += l.bytesOut.Load()
		s.Reads += l.reads.Load()
		s.Writes += l.writes.Load()
	}
	return s
}

// OutboxBytes is Stats.OutboxBytes alone.
func (r *Reactor) OutboxBytes() int64 { return r.outboxBytes() }

// Loops returns the number of event loops.
func (r *Reactor) Loops() int { return len(r.loops) }

// Close closes every listener and connection, waits for each OnClose, and stops the loops. What is
// queued is still flushed, for at most 5 s. OnClose gets ErrClosed. Close may be called more than
// once. It must not be called from a Handler, because it would wait for that Handler to return; see
// OnLoop.
func (r *Reactor) Close() error {
	r.closeOnce.Do(r.shutdown)
	return nil
}

func (r *Reactor) shutdown() {
	r.mu.Lock()
	r.closing.Store(true)
	r.mu.Unlock()
	r.end()
	r.eachListener(func(ln *Listener) { _ = ln.Close() })
	r.lobby.close()
	for _, l := range r.loops {
		l.post(task{kind: taskShutdown})
	}
	r.live.Wait()
	for _, l := range r.loops {
		l.stop()
	}
}

// join counts one more connection that Close waits for. It returns false after Close.
func (r *Reactor) join() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing.Load() {
		return false
	}
	r.live.Add(1)
	return true
}

// pick returns the loops in turn, except those that are avoided, unless all are.
func (r *Reactor) pick() (l *loop) {
	for range r.loops {
		l = r.loops[int(r.next.Add(1)-1)%len(r.loops)]
		if !l.avoided.Load() {
			break
		}
	}
	return l
}

func (r *Reactor) countOpen() {
	n := r.open.Add(1)
	for {
		p := r.peak.Load()
		if n <= p || r.peak.CompareAndSwap(p, n) {
			return
		}
	}
}

// Tick makes every loop look at Options.Clock at once, as it does by itself after Options.Tick of
// the system's time, and waits until what is due has run. So does what was posted before. It must
// not be called from a Handler.
func (r *Reactor) Tick() {
	for _, l := range r.loops {
		ran := make(chan struct{})
		l.post(task{f: func() {
			defer close(ran) // also if a Handler ends the goroutine
			if l.ticking {
				l.onTick()
			}
		}})
		select {
		case <-ran:
		case <-l.done:
		}
	}
}

// clock returns the time since New, from the system.
func (r *Reactor) clock() time.Duration {
	if r.opts.Clock != nil {
		return r.opts.Clock()
	}
	return time.Since(r.start)
}
