package succession

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/internal/testclock"
)

// restTime is how long a session waits for its handlers whose client has not asked for it.
const restTime = time.Second / 2

// mover moves one session, or lets it stay.
//
//	move ──▶ Retry ──Prepare──▶ behind the events ──▶ leave ──Move──▶ the session is in the line
//	           ▲      │ busy                           │ busy
//	           └──────┴────────────────────────────────┘
//
// If the handlers do not return in time, leave comes before they do.
type mover struct {
	g     *Giver
	n     *session.Session
	s     Leaving
	ask   uint64 // 0 = the session was not asked for
	late  testclock.Stopper
	on    *onward     // nil until leave
	begun atomic.Bool // leave runs, or has decided
}

// move moves a session when the events that came have been handled, or after within.
func (g *Giver) move(n *session.Session, ask uint64, within time.Duration) {
	m := &mover{g: g, n: n, s: n.Owner().(Leaving), ask: ask}
	if !g.begin() {
		return
	}
	if !m.s.Pack(new(Session)) {
		m.stay() // before the client's events are kept from coming
		return
	}
	armed := make(chan bool)
	m.late = g.clock.AfterFunc(within, func() {
		<-armed
		m.leave(false)
	})
	close(armed)
	m.Retry()
}

// Retry implements session.Suitor.
func (m *mover) Retry() {
	switch m.n.Prepare(m) {
	case session.Refused:
		if m.begun.CompareAndSwap(false, true) {
			m.stay()
		}
	case session.Resumed:
		m.s.Behind(func() { m.leave(true) })
	}
}

// stay says that the session does not move.
func (m *mover) stay() {
	defer m.g.done()
	if m.late != nil {
		m.late.Stop()
	}
	if m.ask != 0 {
		m.g.line.send(frame{Kind: kindNone, Ask: m.ask})
	}
}

// leave lets the session go. What comes for it from then on follows it. behind says that the events
// which came have been handled.
func (m *mover) leave(behind bool) {
	if !m.begun.CompareAndSwap(false, true) {
		return
	}
	x := new(Session)
	if !m.s.Pack(x) || !m.export(x, behind) || !m.g.line.fits(x.size()+m.n.Bytes()) {
		m.n.Withdraw()
		m.stay()
		return
	}
	if m.on == nil {
		m.on = m.g.onward(m.s)
	}
	result, had := m.n.Move(m.on, func(st *session.State) {
		x.State = *st
		m.s.Freeze(x)
		m.g.line.send(frame{Kind: kindHere, Ask: m.ask, Of: m.on.of, Session: x})
	})
	switch result {
	case session.Refused:
		m.stay()
	case session.Busy:
		m.begun.Store(false)
		m.Retry()
	case session.Resumed:
		defer m.g.done()
		m.late.Stop()
		m.s.GoneOn(had)
	}
}

// export asks the application for what else moves, and reports whether the session may move.
func (m *mover) export(x *Session, behind bool) bool {
	ask := m.s.Export()
	if ask == nil {
		return true
	}
	return behind && Guarded(func() (err error) {
		x.App, err = ask()
		return err
	}) == nil
}

// Guarded calls f, and turns a panic of the application's part of it into an error.
func Guarded(f func() error) (err error) {
	returned := false
	defer func() {
		if !returned {
			err = fmt.Errorf("it panicked: %v", recover())
		}
	}()
	err = f()
	returned = true
	return err
}
