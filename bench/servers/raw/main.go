//go:build unix

// Command raw is the server of the raw echo benchmarks: the reactor and the WebSocket layer,
// without the event layer. It is what cmd/server -echo runs.
package main

import (
	"github.com/smartsocket/smartsocket/bench/serve"
	"github.com/smartsocket/smartsocket/reactor"
	"github.com/smartsocket/smartsocket/websocket"
)

func main() {
	serve.Main(func() (string, error) {
		r, err := reactor.New(reactor.Options{})
		if err != nil {
			return "", err
		}
		s := websocket.NewServer(r, websocket.Options{}, websocket.Echo)
		if err := s.Listen("tcp", "127.0.0.1:0"); err != nil {
			return "", err
		}
		return s.Addr().String(), nil
	})
}
