//go:build linux || darwin

package main

import (
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// seated is a table with two seats, which alice and bob have taken.
func seated(t *testing.T) (s *smartsockettest.Server, alice, bob *smartsockettest.Client) {
	t.Helper()
	s = smartsockettest.New(t, options, newTable(2).register)
	alice, bob = as(t, s, "alice"), as(t, s, "bob")
	alice.Call("join", nil)
	bob.Call("join", nil)
	alice.Expect("joined", "bob")
	return s, alice, bob
}

func as(t *testing.T, s *smartsockettest.Server, name string) *smartsockettest.Client {
	t.Helper()
	return s.Client(t, client.Options{APIKey: name})
}

func TestComesBackInTime(t *testing.T) {
	s, alice, bob := seated(t)
	bob.Cut()
	alice.Expect("away", "bob")
	s.To(room).Emit("deal", 7) // he misses nothing
	s.Advance(29 * time.Second)
	if !bob.Reconnect() {
		t.Error("the session was lost")
	}
	bob.Expect("deal", 7)
	alice.Expect("back", "bob")
	alice.Expect("deal", 7)
	alice.ExpectNothing()
}

func TestComesBackTooLate(t *testing.T) {
	s, alice, bob := seated(t)
	bob.Cut()
	alice.Expect("away", "bob")
	s.Advance(31 * time.Second)
	alice.Expect("left", "bob")
	as(t, s, "carol").Call("join", nil)
	alice.Expect("joined", "carol")
	if bob.Reconnect() {
		t.Error("the session was kept")
	}
	bob.CallFails("join", nil, message.CodeHandlerFailed)
}

func TestLeaves(t *testing.T) {
	_, alice, bob := seated(t)
	bob.Disconnect()
	alice.Expect("away", "bob")
	alice.Expect("left", "bob")
	alice.ExpectNothing()
}

// Another device, or the same page loaded again, takes the seat over.
func TestMovesToAnotherDevice(t *testing.T) {
	s, alice, bob := seated(t)
	phone := as(t, s, "bob")
	phone.Call("join", nil)
	bob.ExpectClosed(message.CloseKicked)
	s.Quiet()
	phone.Disconnect()
	alice.Expect("away", "bob")
	alice.Expect("left", "bob")
	alice.ExpectNothing()
}

func TestKick(t *testing.T) {
	s, alice, bob := seated(t)
	bob.CallFails("kick", "alice", message.CodeHandlerFailed)
	admin := as(t, s, "admin")
	admin.Call("kick", "bob")
	bob.ExpectClosed(message.CloseKicked)
	alice.Expect("away", "bob")
	alice.Expect("left", "bob")
	as(t, s, "bob").CallFails("join", nil, message.CodeHandlerFailed)
}

// Who is kicked while away comes back as a stranger.
func TestKickWhileAway(t *testing.T) {
	s, alice, bob := seated(t)
	admin := as(t, s, "admin")
	bob.Cut()
	alice.Expect("away", "bob")
	admin.Call("kick", "bob")
	alice.Expect("left", "bob")
	if bob.Reconnect() {
		t.Error("the session was kept")
	}
	bob.CallFails("join", nil, message.CodeHandlerFailed)
}
