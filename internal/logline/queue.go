package logline

import (
	"io"
	"sync"
	"time"
)

const (
	// maxQueued and maxQueuedBytes bound what waits for a writer that blocks.
	maxQueued      = 4096
	maxQueuedBytes = 1 << 20
	// patience is how long a caller waits for its line while the writer is believed to work.
	patience = 100 * time.Millisecond
)

// Queue is an io.Writer for log lines that never blocks for long. A line is written by a goroutine,
// which exists only while there are lines, and Write waits for it, so that a line is there when
// Write returns. When the writer underneath blocks, Write waits once, for 100 ms; then lines are
// queued, and those for which there is no room are dropped and counted. The count is written as
// soon as lines can be written again. Lines stay in order. Make a Queue with NewQueue. Safe for
// concurrent use.
type Queue struct {
	w    io.Writer
	note func(dropped int64) []byte

	mu      sync.Mutex
	lines   []queued
	bytes   int
	running bool // the goroutine exists
	stalled bool // the writer blocks; nobody waits for it
	dropped int64
}

type queued struct {
	b       []byte
	written chan struct{} // closed then
}

// NewQueue makes a Queue that writes to w, with one Write per line. note makes the line that tells
// how many were dropped.
func NewQueue(w io.Writer, note func(dropped int64) []byte) *Queue {
	return &Queue{w: w, note: note}
}

// Write implements io.Writer. It copies p and never returns an error, because the line is written
// later.
func (q *Queue) Write(p []byte) (int, error) {
	q.mu.Lock()
	if len(q.lines) >= maxQueued || q.bytes+len(p) > maxQueuedBytes && len(q.lines) > 0 {
		q.dropped++
		q.mu.Unlock()
		return len(p), nil
	}
	line := queued{b: append([]byte(nil), p...), written: make(chan struct{})}
	q.lines = append(q.lines, line)
	q.bytes += len(p)
	if !q.running {
		q.running = true
		go q.run()
	}
	stalled := q.stalled
	q.mu.Unlock()
	if stalled {
		return len(p), nil
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-line.written:
	case <-timer.C:
		q.mu.Lock()
		q.stalled = q.running
		q.mu.Unlock()
	}
	return len(p), nil
}

// run writes what is queued until there is nothing.
func (q *Queue) run() {
	for {
		line, dropped, ok := q.next()
		if !ok {
			return
		}
		if dropped > 0 {
			_, _ = q.w.Write(q.note(dropped))
		}
		if line.b != nil {
			_, _ = q.w.Write(line.b)
			close(line.written)
		}
	}
}

// next takes a line off the queue, or, when there is none, the count of those that were dropped
// behind it.
func (q *Queue) next() (line queued, dropped int64, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.lines) == 0 {
		dropped, q.dropped = q.dropped, 0
		q.stalled = false
		q.running = dropped > 0
		q.lines = nil
		return line, dropped, dropped > 0
	}
	line = q.lines[0]
	q.lines[0] = queued{}
	q.lines = q.lines[1:]
	q.bytes -= len(line.b)
	return line, 0, true
}
