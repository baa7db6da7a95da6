// Package flow has events whose namespaces, names and types come by many ways.
package flow

import (
	"context"
	"time"

	"github.com/smartsocket/smartsocket"
)

// The events that both ends know.
const (
	// Moved says where somebody went.
	Moved smartsocket.Event[Move] = "moved"

	nameOfJump = "jump"
)

const chatPath = "/chat/"

type (
	// Move is a step.
	Move struct{ X, Y int }
	// Answer answers.
	Answer struct{ OK bool }
)

type game struct {
	ns    *smartsocket.Namespace
	rooms map[string]*room
	seats []*smartsocket.Socket
	queue chan *smartsocket.Socket
}

type room struct {
	all  *smartsocket.Target
	from *game
}

// emit is a wrapper, which is called with constants.
func (r *room) emit(event string, v any) { _, _ = r.all.Emit(event, v) }

// emitLater is a wrapper of a wrapper.
func (r *room) emitLater(v any, event string) { go func() { r.emit(event, v) }() }

type embedding struct {
	*smartsocket.Namespace
	note string
}

// guarded is a Registrar of the application.
type guarded struct{ smartsocket.Registrar }

func (g guarded) On(event string, h smartsocket.Handler, opts ...smartsocket.HandlerOption) {
	g.Registrar.On(event, func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		h(s, d, ack)
	}, opts...)
}

func request[Req, Res any](
	ns *smartsocket.Namespace, event string, h func(*smartsocket.Socket, Req) (Res, error),
) {
	smartsocket.Handle(ns, event, func(s *smartsocket.Socket, r Req) (Res, error) {
		return h(s, r)
	})
}

func tell[T any](to smartsocket.Emitter, event string, list ...T) { _, _ = to.Emit(event, list) }

func newGame(server *smartsocket.Server, path string) *game {
	g := &game{ns: server.Namespace(path), queue: make(chan *smartsocket.Socket)}
	g.rooms = map[string]*room{"a": {all: g.ns.To("a"), from: g}}
	return g
}

// Start registers everything.
func Start(server *smartsocket.Server) {
	g := newGame(server, "/game")
	smartsocket.On(g.ns, "move", g.move)
	type move2 = struct{ At Move }
	smartsocket.On(g.ns, "move@2", func(s *smartsocket.Socket, m move2, ack smartsocket.Ack) {
		ack.Reply(true)
		if m.At.X > 0 {
			ack.Reply(m.At)
		}
	})
	smartsocket.OnContext(g.ns, nameOfJump,
		func(_ context.Context, s *smartsocket.Socket, m *Move, _ smartsocket.Ack) {
			_, _ = Moved.Emit(s.Broadcast(), *m)
		}, smartsocket.Timeout(time.Second))
	smartsocket.Handle(g.ns, "join", g.join)
	smartsocket.Handle[*Move, *Answer](g.ns, "explicit", nil)
	smartsocket.HandleContext(g.ns, "look",
		func(context.Context, *smartsocket.Socket, struct{}) ([]byte, error) { return nil, nil })
	smartsocket.On(guarded{g.ns}, "guarded", func(*smartsocket.Socket, []byte, smartsocket.Ack) {})
	request(g.ns, "wrapped", func(*smartsocket.Socket, Move) ([]Answer, error) {
		return nil, nil
	})
	g.plain()
	g.ns.OnConnected(func(s *smartsocket.Socket) {
		_, _ = s.Emit("welcome", nil)
		_, _ = s.Emit("welcome", s.ID())
		g.seats = append(g.seats, s)
	})
	g.ns.On("connected", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {})
	chat(server)
}

// move moves.
func (g *game) move(s *smartsocket.Socket, m Move, _ smartsocket.Ack) {
	_, _ = s.To("arena").Except("x").Local().Emit("went", m)
	g.rooms["a"].emit("score", map[string]int{})
	g.rooms["b"].emitLater(uint16(1), "later")
	for _, other := range g.seats {
		_, _ = other.Emit("nudge", []byte{1}, smartsocket.Volatile)
	}
	_, _ = (<-g.queue).Emit("next", &m)
	what := "left"
	if m.X > 0 {
		what = "gone"
	}
	_, _ = g.ns.Emit(what, 1.5)
}

func (g *game) join(s *smartsocket.Socket, name string) (Answer, error) {
	d, err := s.EmitWithAck(context.Background(), "who are you", name)
	if err != nil {
		return Answer{}, err
	}
	var card struct{ Age int }
	if err := d.Decode(&card); err != nil {
		return Answer{}, err
	}
	g.queue <- s
	err = s.EmitAck("ready?", nil, 0, func(d smartsocket.Data, err error) {
		var ready bool
		_ = d.Decode(&ready)
	})
	return Answer{OK: true}, err
}

// plain registers handlers of Data.
func (g *game) plain() {
	g.ns.On("decoded", func(_ *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		var m Move
		if err := d.Decode(&m); err != nil {
			ack.Fail(err)
			return
		}
		reply(ack, m)
	})
	g.ns.Once("ignored", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {})
	g.ns.On("raw", func(_ *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		ack.Reply(len(d.Bytes()))
	})
	g.ns.On("kept", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
		keep = ack
	})
	//smartsocket:ts (data: Uint8Array) => Answer | undefined
	g.ns.On("said", func(_ *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		d.Bytes()
	})
	smartsocket.On(g.ns, "twice", func(*smartsocket.Socket, struct{ A int }, smartsocket.Ack) {})
	smartsocket.On(g.ns, "twice", func(*smartsocket.Socket, struct{ B *int }, smartsocket.Ack) {})
}

var keep smartsocket.Ack

func reply(ack smartsocket.Ack, m Move) { ack.Reply([]Move{m}) }

func chat(server *smartsocket.Server) {
	e := embedding{server.Namespace(chatPath), ""}
	answer := func(event string) smartsocket.Handler {
		return func(s *smartsocket.Socket, d smartsocket.Data, _ smartsocket.Ack) {
			_, _ = s.Emit(event, d)
		}
	}
	e.On("shout", answer("shouted"))
	tell(e, "names", "a", "b")
	tell[Move](e.To("x"), "moves")
	_, _ = server.Emit("to all", Answer{})
	_, _ = server.To("room").Emit("to root", Answer{})
	_, _ = server.ToSocket("id").Emit("to one", Answer{})
	for name, h := range map[string]smartsocket.Handler{"one": nil, "two": nil} {
		e.On(name, h)
	}
	var dynamic = time.Now().String()
	//smartsocket:ignore
	_, _ = e.Emit(dynamic, 1)
	e.Use(func(s *smartsocket.Socket, _ string, _ smartsocket.Data, next func(error)) {
		_, _ = s.Emit("used", true)
	})
}
