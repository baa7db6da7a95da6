package room

import (
	"sync"
	"time"

	"github.com/smartsocket/smartsocket"
)

// schedule wakes rooms and tickers when something of theirs is due. It has one alarm for all, and
// nothing runs while that waits.
type schedule struct {
	alarm *smartsocket.Alarm
	start time.Time // the moment that it calls 0

	mu   sync.Mutex
	heap []*entry      // by due
	set  time.Duration // for when the alarm is set; 0 = it is not
}

// unplanned is entry.at of an owner that has to plan anew.
const unplanned time.Duration = -1

// entry is a place in the schedule. at belongs to the owner's turn; the rest is guarded by
// schedule.mu.
type entry struct {
	at    time.Duration // when it is due by its owner; 0 = never
	owner *turns
	due   time.Duration
	index int // in the heap, from 1; 0 = it is not there
}

func newSchedule(v *smartsocket.Server) *schedule {
	s := new(schedule)
	s.alarm = v.NewAlarm(s.ring)
	s.start = s.alarm.Now().Add(-time.Nanosecond) // so that now is never 0
	return s
}

// now is the time since start, by the server's clock.
func (s *schedule) now() time.Duration { return s.alarm.Now().Sub(s.start) }

// plan makes e due at a time, 0 for never. It is called in the turn of e's owner.
func (s *schedule) plan(e *entry, at time.Duration) {
	if e.at == at {
		return
	}
	e.at = at
	s.mu.Lock()
	defer s.mu.Unlock()
	if at == 0 {
		s.remove(e)
		return
	}
	e.due = at
	if e.index == 0 {
		s.heap = append(s.heap, e)
		e.index = len(s.heap)
	}
	s.up(e.index)
	s.down(e.index)
	s.arm()
}

// arm sets the alarm for the entry that is due first, unless it rings before that. mu is held.
func (s *schedule) arm() {
	if len(s.heap) == 0 {
		return
	}
	if first := s.heap[0].due; s.set == 0 || first < s.set {
		s.set = first
		s.alarm.Reset(max(first-s.now(), 0))
	}
}

// rings are what a ring needs.
var rings = sync.Pool{New: func() any { return new(ring) }}

type ring struct {
	all sync.WaitGroup
	due []*turns
}

// ring wakes those who are due. Each has a goroutine of its own, so that none waits for another.
func (s *schedule) ring() {
	r := rings.Get().(*ring)
	s.mu.Lock()
	s.set = 0
	for now := s.now(); len(s.heap) > 0 && s.heap[0].due <= now; {
		e := s.heap[0]
		s.remove(e)
		r.due = append(r.due, e.owner)
	}
	s.arm()
	s.mu.Unlock()
	var last func()
	for _, t := range r.due {
		f := t.due(&r.all)
		if f == nil {
			continue
		}
		r.all.Add(1)
		if last != nil {
			go last()
		}
		last = f
	}
	if last != nil {
		last()
	}
	r.all.Wait() // a test's clock goes on when all have run
	clear(r.due)
	r.due = r.due[:0]
	rings.Put(r)
}

// remove takes e out of the heap if it is there. mu is held.
func (s *schedule) remove(e *entry) {
	i := e.index
	if i == 0 {
		return
	}
	n := len(s.heap)
	s.swap(i, n)
	s.heap[n-1] = nil
	s.heap = s.heap[:n-1]
	if e.index = 0; i < n {
		s.up(i)
		s.down(i)
	}
}

func (s *schedule) swap(i, j int) {
	h := s.heap
	h[i-1], h[j-1] = h[j-1], h[i-1]
	h[i-1].index, h[j-1].index = i, j
}

func (s *schedule) before(i, j int) bool { return s.heap[i-1].due < s.heap[j-1].due }

func (s *schedule) up(i int) {
	for i > 1 && s.before(i, i/2) {
		s.swap(i, i/2)
		i /= 2
	}
}

func (s *schedule) down(i int) {
	for {
		j := 2 * i
		if j > len(s.heap) {
			return
		}
		if j < len(s.heap) && s.before(j+1, j) {
			j++
		}
		if !s.before(j, i) {
			return
		}
		s.swap(i, j)
		i = j
	}
}
