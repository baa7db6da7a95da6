//go:build linux || darwin

package main

import (
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

func TestChat(t *testing.T) {
	s := smartsockettest.New(t, smartsocket.Options{}, register)
	alice, bob := s.Client(t), s.Client(t)
	alice.Emit("add user", "Alice")
	alice.Expect("login", presence{"Alice", 1})
	bob.Expect("user joined", presence{"Alice", 1})
	bob.Emit("add user", "Bob")
	bob.Expect("login", presence{"Bob", 2})
	alice.Expect("user joined", presence{"Bob", 2})
	bob.Emit("add user", "Robert") // he has a name

	alice.Emit("typing", nil)
	alice.Emit("new message", "hello")
	bob.Expect("typing", "Alice")
	bob.Expect("new message", said{"Alice", "hello"})
	alice.ExpectNothing()

	bob.Disconnect()
	alice.Expect("user left", presence{"Bob", 1})
}

// Who comes and goes without a name is not counted.
func TestWithoutAName(t *testing.T) {
	s := smartsockettest.New(t, smartsocket.Options{}, register)
	alice, bob := s.Client(t), s.Client(t)
	bob.Disconnect()
	alice.ExpectNothing()
	alice.CallFails("add user", 7, message.CodeInvalidFormat)
}
