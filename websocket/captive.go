package websocket

import (
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/reactor"
)

// Gone returns a connection that is closed. Nothing that is done to it has an effect.
func Gone() *Conn {
	c := Captive(func(frame.Opcode, []byte) {})
	c.state.Store(stateDone)
	return c
}

// Captive returns an open connection of a server that has no peer, for tests of what sends to
// connections, see reactor.Captive. take gets the opcode and the payload of each frame. It borrows
// the payload until it returns, and must not use the connection.
func Captive(take func(op frame.Opcode, p []byte)) *Conn {
	c := &Conn{ep: newEndpoint(Options{}, false, nil), opened: true}
	c.state.Store(stateOpen)
	peer := frame.Config{Client: true, MaxMessage: 1 << 30}
	c.rc = reactor.Captive(func(b []byte) {
		var ps frame.Parser
		for len(b) > 0 {
			m, rest, ok, err := ps.Feed(&peer, b)
			if err != nil || !ok {
				return
			}
			take(m.Op, m.Payload)
			b = rest
		}
	})
	return c
}
