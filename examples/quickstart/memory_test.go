//go:build linux || darwin

package main

import (
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// The handlers in memory, without a port.
func TestMoveReachesTheOthers(t *testing.T) {
	s := smartsockettest.New(t, smartsocket.Options{}, register)
	game := client.Options{Namespace: "/game"}
	alice, bob, spectator := s.Client(t, game), s.Client(t, game), s.Client(t, game)
	alice.Call("join", "arena")
	if n := smartsockettest.Call[int](bob, "join", "arena"); n != 2 {
		t.Errorf("%d in the arena, want 2", n)
	}
	alice.Call("move", move{X: 1, Y: 2})
	bob.Expect("moved", move{X: 1, Y: 2})
	alice.ExpectNothing()
	spectator.ExpectNothing()
}
