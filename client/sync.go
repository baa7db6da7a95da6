package client

import (
	"context"
	"sync"

	"github.com/smartsocket/smartsocket/message"
)

// syncs are the calls of Sync that wait for their PONG, by the client time that it repeats.
type syncs struct {
	mu   sync.Mutex // a leaf
	last uint64
	open map[uint64]chan<- struct{}
}

// Sync makes a round trip that overtakes nothing. When it returns nil, the server has read all
// that was emitted on this connection before, and all events that the server had sent until then
// have been given to their handlers, which have returned. That says nothing of the server's own
// handlers, which may still be at work. Sync is for tests, and for an orderly end.
//
// Without an open connection, or when it is lost meanwhile, the error is ERR_CONN_006; otherwise it
// is the context's. A server that is far behind with sending to us does not answer, so give it a
// deadline. A handler must not call Sync, which would wait for that handler.
func (c *Client) Sync(ctx context.Context) error {
	l := c.current.Load()
	if l == nil {
		return errUnsynced
	}
	done := make(chan struct{})
	id := c.syncs.add(uint64(c.clock.Now().UnixMicro()), done)
	defer c.syncs.take(id)
	var b [40]byte
	l.sendNow(message.AppendClock(b[:0], message.KindPing, message.Clock{ClientTime: id}))
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-l.done:
		return errUnsynced
	}
}

var errUnsynced = &Error{
	Code:    message.CodeConnectionLost,
	Message: "there is no connection to synchronise with",
}

// ponged takes a PONG: what came before it is queued for the handlers, so done is told behind them.
func (c *Client) ponged(l *link, p []byte) {
	k, err := message.ParseClock(p)
	if err != nil {
		l.malformed(asError(err, message.CodeInvalidFormat))
		return
	}
	if done := c.syncs.take(k.ClientTime); done != nil {
		c.post(job{run: func() { close(done) }})
	}
}

// add notes a call and returns its id, which is now, or more if that was given before.
func (s *syncs) add(now uint64, done chan<- struct{}) (id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(s.last+1, now)
	if s.open == nil {
		s.open = make(map[uint64]chan<- struct{})
	}
	s.open[s.last] = done
	return s.last
}

// take removes the call with this id. It returns nil if there is none.
func (s *syncs) take(id uint64) chan<- struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := s.open[id]
	delete(s.open, id)
	return done
}
