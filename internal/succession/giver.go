package succession

import (
	"context"
	"log/slog"
	"net"
	"sync"

	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/internal/testclock"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Leaving is the owner of a session that moves, as its Giver sees it.
type Leaving interface {
	// Pack writes down what moves by itself, and reports whether the session may move. It may be
	// called several times, also while handlers run.
	Pack(x *Session) bool
	// Export returns what asks the application what else moves, or nil. It is only asked when the
	// handlers have returned, because it may read what they change. The session stays after an
	// error.
	Export() func() ([]byte, error)
	// Freeze writes down what handlers may still have changed, and ends it here. It is called under
	// the session's lock.
	Freeze(x *Session)
	// Behind calls f when the events that came have been handled.
	Behind(f func())
	// GoneOn is told that the session has moved. had is the connection that it had, or nil.
	GoneOn(had session.Peer)
	// Kicked says with which close code and reason the session was doomed, 0 if with none. It is
	// called under the session's lock.
	Kicked() (code uint16, text string)
	// Answered is told what the client has answered to a question that was asked here.
	Answered(id uint64, a Answer)
	// Orphaned is told that no such answer will come any more.
	Orphaned()
}

// Giver gives sessions away. Its methods may be called concurrently.
type Giver struct {
	line     *Line
	log      *slog.Logger
	sessions *session.Registry
	clock    *testclock.Clock

	mu     sync.Mutex
	last   uint64
	moved  map[uint64]Leaving // by their numbers; nil = the line has ended
	moving int                // sessions that are about to move, or to stay
	still  sync.Cond          // moving may be 0
	over   bool               // no more move
}

// NewGiver begins to give sessions, whose owners are Leaving, to the process at the other end of
// conn, which it takes. It returns nil if there is no such process, or no registry.
func NewGiver(
	conn net.Conn, r *session.Registry, clock *testclock.Clock, log *slog.Logger,
) *Giver {
	if !usable(conn, r) {
		return nil
	}
	g := &Giver{log: log, sessions: r, clock: clock, moved: make(map[uint64]Leaving)}
	g.still.L = &g.mu
	g.mu.Lock() // until there is a line
	defer g.mu.Unlock()
	g.line = open(conn, log, g.receive, func() {
		g.mu.Lock()
		all := g.moved
		g.moved = nil
		g.mu.Unlock()
		for _, s := range all {
			s.Orphaned()
		}
	})
	return g
}

func (g *Giver) receive(f *frame) {
	g.mu.Lock()
	s, moved := g.moved[f.Of]
	g.mu.Unlock()
	switch {
	case f.Kind == kindAsk:
		if n := g.sessions.Holder(f.Token); n != nil {
			g.move(n, f.Ask, f.Within/2)
		} else {
			g.line.send(frame{Kind: kindNone, Ask: f.Ask})
		}
	case f.Kind == kindAnswer && moved:
		s.Answered(f.ID, f.answer())
	}
}

// answer is what a client has answered.
func (f *frame) answer() Answer {
	if !f.Failed {
		return Answer{Data: f.B, Binary: f.Binary}
	}
	e, err := message.ParseErrorJSON(f.B)
	if err != nil {
		e = message.Error{Code: message.CodeAckInvalid, Message: "the answer could not be read",
			Cause: err}
	}
	return Answer{Err: &e}
}

// begin counts a session that is about to move, and reports false if none may any more.
func (g *Giver) begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.over {
		g.moving++
	}
	return !g.over
}

// done is the end of what began.
func (g *Giver) done() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.moving--
	g.still.Broadcast()
}

// Rest moves the sessions that are left, and waits for that: for a second, whatever ctx says. It
// logs how many sessions have moved in all. g may be nil.
func (g *Giver) Rest(ctx context.Context) {
	if g == nil {
		return
	}
	ctx, end := context.WithTimeout(context.WithoutCancel(ctx), 2*restTime)
	defer end()
	for _, n := range g.sessions.Sessions() {
		g.move(n, 0, restTime)
	}
	stop := context.AfterFunc(ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.still.Broadcast()
	})
	defer stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.moving > 0 && ctx.Err() == nil {
		g.still.Wait()
	}
	g.log.Info("sessions go on in the other process", "sessions", g.last)
}

// Close ends the line when all that is queued is written, or when ctx ends. g may be nil.
func (g *Giver) Close(ctx context.Context) {
	if g != nil {
		g.mu.Lock()
		g.over = true
		g.mu.Unlock()
		g.line.close(ctx)
	}
}

// onward gives s a number, under which it is known from now on.
func (g *Giver) onward(s Leaving) *onward {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last++
	if g.moved != nil {
		g.moved[g.last] = s
	}
	return &onward{line: g.line, of: g.last, s: s}
}

// onward is where that goes which still comes for a session that has moved (session.Onward).
type onward struct {
	line *Line
	of   uint64
	s    Leaving
	lost uint64 // events, since the last one that was taken
}

func (o *onward) Event(event *pool.Shared) bool {
	if o.lost > 0 && !o.line.send(frame{Kind: kindLost, Of: o.of, ID: o.lost}) {
		o.lost++
		return false
	}
	o.lost = 0
	if !o.line.sendEvent(event, o.of) {
		o.lost++
		return false
	}
	return true
}

func (o *onward) Answer(id uint64, answer []byte) {
	o.line.send(frame{Kind: kindReply, Of: o.of, ID: id, B: append([]byte(nil), answer...)})
}

func (o *onward) Doom() {
	if code, text := o.s.Kicked(); code != 0 {
		o.line.send(frame{Kind: kindDoom, Of: o.of, Code: code, Text: text})
	}
}
