package succession

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/leaktest"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/internal/testclock"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// patience bounds each wait.
const patience = 10 * time.Second

func awaited[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// owner is that of a session in either process.
type owner struct {
	session.Session
	values   map[string]any
	stays    bool
	app      func() ([]byte, error)
	behind   func(f func())
	gone     chan session.Peer
	answered chan Answer
	orphaned chan bool
	replies  chan string
	kicks    chan string
	ended    chan session.End
	code     uint16
	answer   func(id uint64, a Answer)
}

func newOwner() *owner {
	return &owner{gone: make(chan session.Peer, 9), answered: make(chan Answer, 9),
		orphaned: make(chan bool, 9), replies: make(chan string, 9), kicks: make(chan string, 9),
		ended: make(chan session.End, 9)}
}

func (o *owner) Left()                                 {}
func (o *owner) Back(session.Peer)                     {}
func (o *owner) Ended(why session.End, _ session.Peer) { o.ended <- why }
func (o *owner) Pack(x *Session) bool {
	x.Keep(o.values, nil)
	return !o.stays
}
func (o *owner) Export() func() ([]byte, error) { return o.app }
func (o *owner) Freeze(x *Session)              { x.Rooms = []string{"r"} }
func (o *owner) Behind(f func()) {
	if o.behind != nil {
		o.behind(f)
	} else {
		go f()
	}
}
func (o *owner) GoneOn(had session.Peer)       { o.gone <- had }
func (o *owner) Kicked() (uint16, string)      { return o.code, "kicked" }
func (o *owner) Answered(_ uint64, a Answer)   { o.answered <- a }
func (o *owner) Orphaned()                     { o.orphaned <- true }
func (o *owner) Reply(_ uint64, answer []byte) { o.replies <- string(answer) }
func (o *owner) Kick(_ uint16, text string)    { o.kicks <- text }

// peer is a connection that takes down the numbers of events.
type peer struct{ came chan uint64 }

func newPeer() *peer { return &peer{came: make(chan uint64, 99)} }

func (p *peer) Fits(session.Peer) bool { return true }
func (p *peer) Welcome([]byte, uint64) {}
func (p *peer) Group() session.Group   { return session.Group{} }
func (p *peer) Waits(uint64) bool      { return false }
func (p *peer) Replaced()              {}
func (p *peer) Retry()                 {}
func (p *peer) Send(_ []byte, seq uint64) bool {
	p.came <- seq
	return true
}

func registry() *session.Registry {
	l := session.Limits{Events: 99, Bytes: 1 << 30, Age: time.Hour, TotalBytes: 1 << 30, Away: 99}
	now := func() time.Duration { return 0 }
	return session.NewRegistry(func() session.Limits { return l }, now)
}

// pair are a giver and a taker.
type pair struct {
	t        *testing.T
	from, to *session.Registry
	giver    *Giver
	taker    *Taker
	log      bytes.Buffer
	here     chan *owner // those that were adopted
	got      chan *Session
	refuse   error
}

func newPair(t *testing.T, c *testclock.Clock) *pair {
	a, b := net.Pipe()
	p := &pair{t: t, from: registry(), to: registry(), here: make(chan *owner, 9),
		got: make(chan *Session, 9)}
	p.giver = NewGiver(a, p.from, c, slog.New(slog.DiscardHandler))
	p.taker = NewTaker(b, p.to, c, slog.New(slog.NewTextHandler(&p.log, nil)), p.adopt)
	t.Cleanup(p.close)
	return p
}

func (p *pair) close() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p.giver.Close(ctx)
	p.taker.Close(ctx)
}

func (p *pair) adopt(x *Session, back Back) (*session.Session, error) {
	if p.refuse != nil {
		return nil, p.refuse
	}
	o := newOwner()
	o.answer = back
	p.to.Adopt(&o.Session, o, newPeer(), &x.State)
	o.Done()
	p.here <- o
	p.got <- x
	return &o.Session, nil
}

// start begins a session at the giver. Its client is here.
func (p *pair) start(o *owner) (token session.Hash) {
	t := p.from.Start(&o.Session, o, newPeer(), session.Hash{})
	o.Done()
	return session.HashOf(t)
}

// ask asks for a session, and waits for the end of that.
func (p *pair) ask(token session.Hash) {
	p.t.Helper()
	done := make(chan bool, 2)
	if !p.taker.Ask(token, patience, func() { done <- true }) {
		p.t.Error("there is nobody to ask")
		return
	}
	awaited(p.t, "the answer", done)
}

func event(size int) *pool.Shared {
	b := pool.Get(size)
	m := message.Message{Kind: message.KindEvent, Event: []byte("e")}
	b.B = append(message.Append(b.B, &m), make([]byte, size)...)
	return pool.NewShared(b)
}

// A session moves when it is asked for, with its values as they are, and what comes for it
// afterwards follows it.
func TestMovesWhenAskedFor(t *testing.T) {
	p := newPair(t, nil)
	o := newOwner()
	o.values = map[string]any{"i": 7, "u": uint8(8), "f": 1.5, "s": "x", "b": []byte{1},
		"l": []string{"y"}, "left": make(chan int)}
	token := p.start(o)
	p.ask(session.Hash{1}) // which nobody has
	if len(p.here) > 0 {
		t.Error("something has moved")
	}
	p.ask(token)
	there, x := awaited(t, "the session", p.here), awaited(t, "it", p.got)
	if awaited(t, "GoneOn", o.gone) == nil {
		t.Error("the connection is not told")
	}
	delete(o.values, "left")
	if !reflect.DeepEqual(x.Values, o.values) || len(x.Rooms) != 1 {
		t.Errorf("it has %#v and the rooms %q", x.Values, x.Rooms)
	}
	q := newPeer()
	there.Resume(token, q, 0)
	there.Done()
	e := event(10)
	defer e.Release()
	o.Send(e)
	o.Answer(3, []byte("late"))
	o.code = 3504
	o.Doom()
	if n := awaited(t, "the event", q.came); n != 1 {
		t.Errorf("it has the number %d", n)
	}
	if s := awaited(t, "the answer", there.replies); s != "late" {
		t.Errorf("the answer is %q", s)
	}
	if s := awaited(t, "the kick", there.kicks); s != "kicked" {
		t.Errorf("the reason is %q", s)
	}
	there.answer(1, Answer{Data: []byte("42"), Binary: true})
	if a := awaited(t, "the client's answer", o.answered); string(a.Data) != "42" || !a.Binary ||
		a.Err != nil {
		t.Errorf("the client's answer is %+v", a)
	}
	there.answer(2, Answer{Err: message.ErrRejected})
	if a := awaited(t, "the client's error", o.answered); !errors.Is(a.Err, message.ErrRejected) {
		t.Errorf("the client's error is %v", a.Err)
	}
	p.close()
	awaited(t, "Orphaned", o.orphaned)
	if p.taker.Ask(token, patience, nil) {
		t.Error("it asks although nobody is there")
	}
}

// A session stays if the application cannot pack it, or if it is too large.
func TestStays(t *testing.T) {
	p := newPair(t, nil)
	for name, app := range map[string]func() ([]byte, error){
		"an error":  func() ([]byte, error) { return nil, io.EOF },
		"a panic":   func() ([]byte, error) { panic("boom") },
		"no":        nil,
		"too large": func() ([]byte, error) { return make([]byte, MaxBytes), nil },
	} {
		o := newOwner()
		o.app, o.stays = app, app == nil
		p.ask(p.start(o))
		e := event(1)
		if o.Send(e) != session.Sent || len(p.here) > 0 || len(o.gone) > 0 || o.Moved() {
			t.Errorf("%s: it has moved", name)
		}
		e.Release()
		o.Doom()
	}
}

// What cannot be taken in is logged, and the client waits no longer.
func TestIsNotTakenIn(t *testing.T) {
	p := newPair(t, nil)
	p.refuse = errors.New("no such namespace")
	p.ask(p.start(newOwner()))
	p.close()
	if !strings.Contains(p.log.String(), "no such namespace") {
		t.Errorf("the log says %q", p.log.String())
	}
}

// If the handlers do not return, the session leaves without them.
func TestDoesNotWaitForEver(t *testing.T) {
	c := new(testclock.Clock)
	p := newPair(t, c)
	o := newOwner()
	waits := make(chan func(), 1)
	o.behind = func(f func()) { waits <- f }
	done := make(chan bool, 1)
	p.taker.Ask(p.start(o), time.Minute, func() { done <- true })
	handlers := awaited(t, "its turn", waits)
	if o.Moved() {
		t.Error("it has moved before its handlers have returned")
	}
	c.Advance(30*time.Second, func() {})
	awaited(t, "GoneOn", o.gone)
	awaited(t, "the answer", done)
	handlers() // too late
	if len(o.gone) > 0 || len(p.here) != 1 {
		t.Error("it has moved twice")
	}
	o = newOwner()
	o.behind = func(f func()) { waits <- f }
	o.app = func() ([]byte, error) { t.Error("it is asked while handlers run"); return nil, nil }
	p.taker.Ask(p.start(o), time.Minute, func() { done <- true })
	awaited(t, "its turn", waits)
	c.Advance(30*time.Second, func() {})
	awaited(t, "the answer", done)
	if o.Moved() {
		t.Error("it has moved without what the application says")
	}
}

// Nobody waits for longer than he wants to.
func TestAskEnds(t *testing.T) {
	c := new(testclock.Clock)
	a, b := net.Pipe() // nobody reads
	defer a.Close()
	taker := NewTaker(b, registry(), c, slog.New(slog.DiscardHandler), nil)
	done := make(chan bool, 9)
	ask := func() bool { return taker.Ask(session.Hash{}, time.Minute, func() { done <- true }) }
	ask()
	c.Advance(time.Minute, func() {})
	awaited(t, "the end of the time", done)
	ask()
	over, end := context.WithCancel(t.Context())
	end()
	taker.Close(over)
	awaited(t, "the end of the line", done)
	if ask() || len(done) > 0 {
		t.Error("it is told twice, or asks although nobody is there")
	}
}

// The rest moves at the end, without being asked for.
func TestRest(t *testing.T) {
	p := newPair(t, nil)
	busy := newOwner()
	var held []func()
	busy.behind = func(f func()) { held = append(held, f) }
	for _, o := range []*owner{newOwner(), newOwner(), busy} {
		p.start(o)
	}
	p.giver.Rest(t.Context())
	for range 3 {
		awaited(t, "a session", p.here)
	}
	if n := len(p.from.Sessions()); n > 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// What the line has no room for is lost, and the client sees that.
func TestLosesWhatHasNoRoom(t *testing.T) {
	a, b := net.Pipe()
	from, to := registry(), registry()
	log := slog.New(slog.DiscardHandler)
	g := NewGiver(a, from, nil, log)
	o := newOwner()
	token := from.Start(&o.Session, o, newPeer(), session.Hash{})
	o.Done()
	g.move(&o.Session, 0, patience)
	awaited(t, "GoneOn", o.gone) // nobody reads yet
	const fit, size = 16, 1<<20 - 100
	kept := 0
	for range fit + 5 {
		e := event(size)
		if o.Send(e) == session.Kept {
			kept++
		}
		e.Release()
	}
	if kept != fit {
		t.Errorf("%d events have room, want %d", kept, fit)
	}
	p := &pair{to: to, here: make(chan *owner, 9), got: make(chan *Session, 9)}
	taker := NewTaker(b, to, nil, log, p.adopt)
	there := awaited(t, "the session", p.here)
	q := newPeer()
	there.Resume(session.HashOf(token), q, 0)
	there.Done()
	for n := range uint64(fit) {
		if seq := awaited(t, "an event", q.came); seq != n+1 {
			t.Fatalf("event %d has the number %d", n+1, seq)
		}
	}
	e := event(1)
	defer e.Release()
	o.Send(e)
	if seq := awaited(t, "the next event", q.came); seq != fit+5+1 {
		t.Errorf("the event behind those that are lost has the number %d", seq)
	}
	g.Close(t.Context())
	taker.Close(t.Context())
}

// Another version says nothing further, and no session moves.
func TestOtherVersion(t *testing.T) {
	a, b := net.Pipe()
	var log bytes.Buffer
	taker := NewTaker(a, registry(), nil, slog.New(slog.NewTextHandler(&log, nil)), nil)
	done := make(chan bool, 1)
	taker.Ask(session.Hash{}, patience, func() { done <- true })
	go io.Copy(io.Discard, b)
	if _, err := io.WriteString(b, strings.Replace(greeting, "1", "2", 1)); err != nil {
		t.Fatal(err)
	}
	awaited(t, "the end", done)
	if taker.Ask(session.Hash{}, patience, nil) || !strings.Contains(log.String(), "version") {
		t.Errorf("it goes on, the log says %q", log.String())
	}
	taker.Close(t.Context())
	b.Close()
}

// When the other process is gone the rest stays.
func TestNothingMovesToNobody(t *testing.T) {
	p := newPair(t, nil)
	o := newOwner()
	p.start(o)
	p.close()
	p.giver.mu.Lock()
	p.giver.over = false // as if the other process had closed the line
	p.giver.mu.Unlock()
	p.giver.Rest(t.Context())
	if o.Moved() || len(o.gone) > 0 {
		t.Error("it has moved")
	}
}

// Without another process, or without sessions, there is nothing to do.
func TestNobodyThere(t *testing.T) {
	a, b := net.Pipe()
	log := slog.New(slog.DiscardHandler)
	if NewGiver(a, nil, nil, log) != nil || NewTaker(nil, registry(), nil, log, nil) != nil {
		t.Error("there is one")
	}
	if _, err := b.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the connection is not closed: %v", err)
	}
	var g *Giver
	var taker *Taker
	g.Rest(t.Context())
	g.Close(t.Context())
	taker.Close(t.Context())
	if taker.Ask(session.Hash{}, 0, nil) {
		t.Error("it asks nobody")
	}
}
