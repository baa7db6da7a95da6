package session

import (
	"time"

	"github.com/smartsocket/smartsocket/pool"
)

// kept is an event that may have to be sent again.
type kept struct {
	event *pool.Shared // the message without a number; the ring has a reference
	at    time.Duration
}

// ring is a queue of events, oldest first. It grows by doubling and keeps its room.
type ring struct {
	slots []kept
	start int // of the oldest
	count int
	bytes int // of all events
}

// at is the i-th oldest event.
func (r *ring) at(i int) *kept { return &r.slots[(r.start+i)%len(r.slots)] }

// push adds an event. It returns how many bytes all rings have more than before, because several
// may have the same event.
func (r *ring) push(k kept) int {
	if r.count == len(r.slots) {
		grown := make([]kept, max(8, 2*len(r.slots)))
		for i := range r.count {
			grown[i] = *r.at(i)
		}
		r.slots, r.start = grown, 0
	}
	r.count++
	*r.at(r.count - 1) = k
	r.bytes += len(k.event.Bytes())
	return k.event.Keep()
}

// pop releases the oldest event. It returns how many bytes all rings have less than before.
func (r *ring) pop() int {
	k := r.at(0)
	r.bytes -= len(k.event.Bytes())
	n := k.event.Unkeep()
	k.event.Release()
	*k = kept{}
	r.start = (r.start + 1) % len(r.slots)
	r.count--
	return n
}
