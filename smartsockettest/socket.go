//go:build linux || darwin

package smartsockettest

import (
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
)

// Socket returns a socket in this namespace, for a test that calls a handler, or what a handler
// calls, by itself. It is a real one, of a server of its own. What is emitted to it, its client
// gets, for Client.Expect. The server has more of them with Server.Client and Client.Socket.
func Socket(t testing.TB, namespace string) (*smartsocket.Socket, *Client) {
	t.Helper()
	s := New(t, smartsocket.Options{}, func(v *smartsocket.Server) { v.Namespace(namespace) })
	c := s.Client(t, client.Options{Namespace: namespace})
	return c.Socket(), c
}
