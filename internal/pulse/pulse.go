// Package pulse notices event loops, and the goroutines of handlers, that do not get to what they
// are given to do. What is held cannot say so. So a Monitor asks each loop for a sign of life four
// times a second, and looks whether those who wait for a goroutine get one.
//
// A loop is held when it has not answered for a second in which the Monitor itself could work. So a
// machine that stood still blames nobody.
//
// There are no locks. Look belongs to one goroutine; the rest is atomics.
package pulse

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/internal/metrics"
)

const (
	// patience is how long an answer may take.
	patience = time.Second
	// every is the time between two questions, if the first was answered.
	every = 250 * time.Millisecond
	// rarely is the time between two looks.
	rarely = 100 * time.Millisecond
	// looks is how many times the Monitor must have looked, each a while after the one before.
	looks = 3
	while = 150 * time.Millisecond
)

// Loops are event loops. The methods must not block.
type Loops interface {
	Loops() int
	// RunOn runs f on a loop, soon.
	RunOn(loop int, f func())
	// Avoid keeps new connections from a loop until Welcome. It sends answer to those who wait for
	// the loop, and closes them.
	Avoid(loop int, answer []byte) (closed int)
	Welcome(loop int)
	// Refuse sends answer to those who have been let in before, and closes them; with all it lets
	// in who waits. It returns how many are not gone yet.
	Refuse(answer []byte, all bool) (left int)
}

// Monitor watches. Set the fields, then Watch.
type Monitor struct {
	// Now is the system's time since any fixed moment. It is called on the loops, too.
	Now func() time.Duration
	// Queue says how far the goroutines of handlers are: how often one of them took something on,
	// and how many wait for one.
	Queue func() (turns uint64, waiting int)
	// Lag gets how long each answer took.
	Lag *metrics.Histogram
	// Answer is what is sent to connections that are refused.
	Answer func(error) []byte
	// Held tells that a loop is held, with how many connections were closed for that, or is back.
	// Queued tells the same of the goroutines. They are called by Look, or on the loop.
	Held   func(loop int, held bool, closed int)
	Queued func(held bool)

	loops Loops
	each  []loop
	next  time.Duration // of Look
	left  int           // see Loops.Refuse

	queue    wait
	due      uint64 // turns at which all who waited at some look have had theirs
	isQueued atomic.Bool
}

// wait is for how long something has not been answered. It belongs to Look.
type wait struct {
	since, counted time.Duration
	looks          int
}

func (w *wait) begin(now time.Duration) { *w = wait{since: now, counted: now} }

// over reports whether it has been too long, and counts that this was looked at.
func (w *wait) over(now time.Duration) bool {
	if now-w.counted >= while {
		w.counted = now
		w.looks++
	}
	return w.looks >= looks && now-w.since >= patience
}

// loop is what is known of one.
type loop struct {
	wait
	asked  atomic.Bool // and has not answered
	held   atomic.Bool
	answer func()
}

// Watch begins to watch. Call it once, before Look.
func (m *Monitor) Watch(loops Loops) {
	m.loops, m.each = loops, make([]loop, loops.Loops())
	for i := range m.each {
		l := &m.each[i]
		l.answer = func() {
			m.Lag.Add(m.Now() - l.since)
			held := l.held.Swap(false)
			l.asked.Store(false)
			if held {
				m.loops.Welcome(i)
				m.Held(i, false, 0)
			}
		}
	}
}

// Look looks. It reports whether something has not been answered for a while, so that the next
// look should come soon. Before Watch it does nothing.
func (m *Monitor) Look() (soon bool) {
	now := m.Now()
	if now < m.next {
		return m.left > 0
	}
	m.next = now + rarely
	free := 0
	for i := range m.each {
		if m.lookAt(i, now) {
			soon = true
		}
		if !m.each[i].held.Load() {
			free++
		}
	}
	all := len(m.each) > 0 && free == 0
	if all || m.left > 0 {
		m.left = m.loops.Refuse(m.Answer(m.Err()), all)
	}
	return m.lookAtQueue(now) || soon || all || m.left > 0
}

// lookAt looks at one loop, and reports whether it owes an answer.
func (m *Monitor) lookAt(i int, now time.Duration) (owes bool) {
	l := &m.each[i]
	switch {
	case l.asked.Load():
		if l.over(now) && !l.held.Load() {
			l.held.Store(true)
			closed := m.loops.Avoid(i, m.Answer(m.Err()))
			m.Held(i, true, closed)
			if !l.asked.Load() { // it has answered just now, and may have welcomed itself too early
				m.loops.Welcome(i)
				if l.held.Swap(false) {
					m.Held(i, false, 0)
				}
			}
		}
		return true
	case now-l.since >= every || l.since == 0:
		l.begin(now)
		l.asked.Store(true)
		m.loops.RunOn(i, l.answer)
	}
	return false
}

// lookAtQueue looks whether those who wait for a goroutine get one.
func (m *Monitor) lookAtQueue(now time.Duration) (owes bool) {
	turns, waiting := m.Queue()
	if turns >= m.due {
		m.due = turns + uint64(waiting)
		m.queue.begin(now)
		if m.isQueued.Swap(false) {
			m.Queued(false)
		}
		return false
	}
	if m.queue.over(now) && !m.isQueued.Swap(true) {
		m.Queued(true)
	}
	return true
}

// Err returns nil if everything answers, and otherwise what does not. It may be called on any
// goroutine, and does not block.
func (m *Monitor) Err() error {
	held, first := 0, 0
	for i := range m.each {
		if m.each[i].held.Load() {
			if held == 0 {
				first = i
			}
			held++
		}
	}
	switch {
	case held > 0:
		return fmt.Errorf("%d of %d event loops do not answer, loop %d among them: an inline "+
			"handler or a hook holds it", held, len(m.each), first)
	case m.isQueued.Load():
		return errQueued
	}
	return nil
}

var errQueued = fmt.Errorf("all goroutines of handlers are held: events have waited for one for "+
	"more than %v", patience)
