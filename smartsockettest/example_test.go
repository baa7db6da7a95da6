//go:build linux || darwin

package smartsockettest_test

import (
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

type move struct{ X, Y int }

// register is what a program registers, and what its tests hand to New.
func register(v *smartsocket.Server) {
	smartsocket.Handle(v, "join", func(s *smartsocket.Socket, room string) (int, error) {
		if err := s.Join(room); err != nil {
			return 0, err
		}
		return v.Namespace("/").RoomLen(room), nil
	})
	smartsocket.On(v, "move", func(s *smartsocket.Socket, m move, _ smartsocket.Ack) {
		s.To("arena").Emit("moved", m)
	})
}

// Two clients of a server in memory. In a test, t is the test's.
func Example() {
	test := func(t *testing.T) {
		s := smartsockettest.New(t, smartsocket.Options{}, register)
		alice, bob := s.Client(t), s.Client(t)
		alice.Call("join", "arena")
		if n := smartsockettest.Call[int](bob, "join", "arena"); n != 2 {
			t.Errorf("%d in the arena, want 2", n)
		}
		alice.Emit("move", move{1, 2})
		bob.Expect("moved", move{1, 2})
		alice.ExpectNothing()
		alice.CallFails("nonsense", nil, message.CodeNoHandler)
	}
	run(test)
}

// A client loses its connection, and the session goes on.
func ExampleClient_Cut() {
	test := func(t *testing.T) {
		s := smartsockettest.New(t, smartsocket.Options{EnableMessageCache: true}, register)
		alice, bob := s.Client(t), s.Client(t)
		alice.Call("join", "arena")
		bob.Call("join", "arena")
		bob.Cut()
		alice.Emit("move", move{1, 2})
		s.Quiet()
		if !bob.Reconnect() {
			t.Error("the session was not recovered")
		}
		bob.Expect("moved", move{1, 2}) // what it missed
	}
	run(test)
}

// Two minutes pass at once.
func ExampleServer_Advance() {
	test := func(t *testing.T) {
		s := smartsockettest.New(t, smartsocket.Options{
			RateLimitMaxRequests: 1, RateLimitWindow: time.Minute,
		}, register)
		c := s.Client(t)
		c.Call("join", "arena")
		c.CallFails("join", "arena", message.CodeRateLimited)
		s.Advance(2 * time.Minute)
		c.Call("join", "arena")
	}
	run(test)
}

// A function that takes a socket is tested with one.
func ExampleSocket() {
	greet := func(s *smartsocket.Socket, name string) { s.Emit("hello", name) }
	test := func(t *testing.T) {
		socket, c := smartsockettest.Socket(t, "/")
		greet(socket, "Alice")
		c.Expect("hello", "Alice")
	}
	run(test)
}

// run stands for go test here. TestExamples runs what the examples are.
func run(test func(*testing.T)) { examples = append(examples, test) }

var examples []func(*testing.T)

func TestExamples(t *testing.T) {
	examples = nil
	for _, example := range []func(){
		Example, ExampleClient_Cut, ExampleServer_Advance, ExampleSocket,
	} {
		example()
	}
	for _, test := range examples {
		test(t)
	}
}
