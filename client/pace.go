package client

import (
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/internal/ratelimit"
)

// pace says how many events the server's rate limit still lets pass. It bounds only what has waited
// for a connection, because that would otherwise be sent at once. It is safe for concurrent use.
//
// It counts as the server does, with a somewhat longer window, because events do not arrive as
// evenly as they were sent.
type pace struct {
	mu     sync.Mutex
	limit  ratelimit.Limit // off = the server told none
	window ratelimit.Window
	start  time.Time // from which window counts
	noted  uint64    // how many events window has, of all that were sent
}

// paceOf is the limit to keep for one that the server told, of events in milliseconds.
func paceOf(events, window uint64) ratelimit.Limit {
	w := time.Duration(min(window, 1<<31)) * time.Millisecond
	return ratelimit.Limit{Window: w + w/16, MaxRequests: int(min(events, 1<<30))}
}

// begin is for a new connection. same says that it goes on with the session, so that the server
// goes on counting. sent is the number of all events that were sent.
func (p *pace) begin(limit ratelimit.Limit, same bool, now time.Time, sent uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !same || limit != p.limit {
		p.window, p.noted, p.start = ratelimit.Window{}, sent, now
	}
	p.limit = limit
}

// note counts the events that were sent since the last call.
func (p *pace) note(now time.Time, sent uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count(now, sent)
}

// count is note with mu held.
func (p *pace) count(now time.Time, sent uint64) {
	if p.limit.Off() || sent <= p.noted {
		return
	}
	for range min(sent-p.noted, uint64(p.limit.MaxRequests)) {
		p.window.Allow(p.limit, now.Sub(p.start))
	}
	p.noted = sent
}

// next reports whether one more event may be sent, and counts it, or how long to wait. A tenth of
// the limit is left to what need not wait.
func (p *pace) next(now time.Time, sent uint64) (ok bool, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limit.Off() {
		return true, 0
	}
	p.count(now, sent)
	l := p.limit
	l.MaxRequests = max(1, l.MaxRequests-l.MaxRequests/10)
	if ok, wait = p.window.Allow(l, now.Sub(p.start)); ok {
		p.noted++
	}
	return ok, wait
}

// noteEvery is after how many events of a connection the pace is noted. Those between are counted
// when somebody asks, as if they were just sent.
const noteEvery = 8
