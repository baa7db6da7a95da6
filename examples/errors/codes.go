package main

import (
	"errors"

	"github.com/smartsocket/smartsocket"
)

// What server and clients know of each other. In your program this is a package that both import.

// ErrNoGold is for who pays more than they have; a Shortage goes with it. ErrNoPlayer is for who
// pays somebody who does not play.
var (
	ErrNoGold   = smartsocket.NewCode("BANK_NO_GOLD", "not enough gold")
	ErrNoPlayer = smartsocket.NewCode("BANK_NO_PLAYER", "there is no such player")
)

// Shortage says by how much the gold is not enough.
type Shortage struct{ Missing int }

// Payment is what the event "pay" brings.
type Payment struct {
	To   string
	Gold int
}

// Validate says what is wrong with a payment, whoever has it.
func (p Payment) Validate() error {
	if p.Gold < 1 {
		return errors.New("gold is paid from 1 piece on")
	}
	return nil
}
