package succession

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/internal/testclock"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Arrived is the owner of a session that has moved, as its Taker sees it.
type Arrived interface {
	// Reply sends the client the answer to a question that it asked the other process.
	Reply(id uint64, answer []byte)
	// Kick disconnects the client for good.
	Kick(code uint16, text string)
}

// Back passes on what a client has answered to a question of the other process.
type Back func(id uint64, a Answer)

// Adopt takes a session in, whose owner is Arrived. back is for the answers of its client. An error
// says why it cannot be taken in: then it is lost.
type Adopt func(x *Session, back Back) (*session.Session, error)

// Taker takes sessions over. Its methods may be called concurrently. A nil Taker has nobody to ask.
type Taker struct {
	line  *Line
	adopt Adopt
	clock *testclock.Clock
	log   *slog.Logger

	mu   sync.Mutex
	last uint64
	asks map[uint64]ask // nil = the line has ended
	here map[uint64]*session.Session
}

type ask struct {
	done  func()
	timer testclock.Stopper
}

// NewTaker begins to take sessions from the process at the other end of conn, which it takes.
// Calls of adopt come one at a time and delay all that follows. It returns nil if there is no such
// process, or no registry.
func NewTaker(
	conn net.Conn, r *session.Registry, clock *testclock.Clock, log *slog.Logger, adopt Adopt,
) *Taker {
	if !usable(conn, r) {
		return nil
	}
	t := &Taker{adopt: adopt, clock: clock, log: log, asks: make(map[uint64]ask),
		here: make(map[uint64]*session.Session)}
	t.mu.Lock() // until there is a line
	defer t.mu.Unlock()
	t.line = open(conn, log, t.receive, func() {
		t.mu.Lock()
		asks := t.asks
		t.asks, t.here = nil, nil
		t.mu.Unlock()
		for _, a := range asks {
			a.timer.Stop()
			a.done()
		}
	})
	return t
}

// Ask asks for the session that a token opens. done is called once, on any goroutine, when the
// session is here, or when it will not come in that time. It reports false, and does not call done,
// if there is nobody to ask.
func (t *Taker) Ask(token session.Hash, within time.Duration, done func()) bool {
	if t == nil {
		return false
	}
	t.mu.Lock()
	if t.asks == nil {
		t.mu.Unlock()
		return false
	}
	t.last++
	n := t.last
	t.asks[n] = ask{done, t.clock.AfterFunc(within, func() { t.settle(n) })}
	t.mu.Unlock()
	if t.line.send(frame{Kind: kindAsk, Ask: n, Token: token, Within: within}) {
		return true
	}
	_, mine := t.claim(n)
	return !mine // else done was called meanwhile
}

// claim takes the nth ask out. ok is false if it is out already.
func (t *Taker) claim(n uint64) (a ask, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a, ok = t.asks[n]; ok {
		delete(t.asks, n)
		a.timer.Stop()
	}
	return a, ok
}

// settle calls done of the nth ask, unless it was.
func (t *Taker) settle(n uint64) {
	if a, ok := t.claim(n); ok {
		a.done()
	}
}

func (t *Taker) receive(f *frame) {
	switch f.Kind {
	case kindNone:
		t.settle(f.Ask)
	case kindHere:
		t.take(f)
	case kindEvent:
		b := pool.Get(len(f.B))
		b.B = append(b.B, f.B...)
		event := pool.NewShared(b)
		defer event.Release()
		for _, of := range f.To {
			if n := t.find(of); n != nil {
				n.Send(event)
			}
		}
	default:
		if n := t.find(f.Of); n != nil { // it could be taken in
			f.tell(n)
		}
	}
}

// tell does what a frame about one session says.
func (f *frame) tell(n *session.Session) {
	switch f.Kind {
	case kindLost:
		n.Skip(f.ID)
	case kindReply:
		n.Owner().(Arrived).Reply(f.ID, f.B)
	case kindDoom:
		n.Owner().(Arrived).Kick(f.Code, f.Text)
	}
}

func (t *Taker) take(f *frame) {
	defer t.settle(f.Ask)
	if f.Session == nil {
		return
	}
	n, err := t.adopt(f.Session, func(id uint64, a Answer) { t.answer(f.Of, id, a) })
	if err != nil {
		t.log.Warn("a session of the process before could not be taken over", "error", err)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.here != nil {
		t.here[f.Of] = n
	}
}

func (t *Taker) find(of uint64) *session.Session {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.here[of]
}

// answer passes on what a client has answered to a question of the other process.
func (t *Taker) answer(of, id uint64, a Answer) {
	f := frame{Kind: kindAnswer, Of: of, ID: id, B: a.Data, Binary: a.Binary}
	if a.Err != nil {
		e := new(message.Error)
		if !errors.As(a.Err, &e) {
			e = &message.Error{Code: message.CodeConnectionLost, Message: a.Err.Error()}
		}
		f.Failed, f.B = true, message.AppendErrorJSON(nil, e)
	}
	t.line.send(f)
}

// Close ends the line when all that is queued is written, or when ctx ends. t may be nil.
func (t *Taker) Close(ctx context.Context) {
	if t != nil {
		t.line.close(ctx)
	}
}
