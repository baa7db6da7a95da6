//go:build unix

// Command gorilla is github.com/gorilla/websocket: a goroutine reads each
// connection and answers; broadcasts by prepared messages.
package main

import (
	"net"
	"net/http"

	"github.com/gorilla/websocket"

	"github.com/smartsocket/smartsocket/bench/compare/crowd"
	"github.com/smartsocket/smartsocket/bench/serve"
)

var all crowd.Crowd[*websocket.Conn]

func main() {
	serve.Main(func() (string, error) {
		up := websocket.Upgrader{}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := up.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			if r.URL.Path == crowd.Path {
				all.Add(c)
				go broadcast(c)
				return
			}
			go echo(c)
		}))
		return l.Addr().String(), nil
	})
}

func echo(c *websocket.Conn) {
	defer c.Close()
	for {
		kind, p, err := c.ReadMessage()
		if err != nil || c.WriteMessage(kind, p) != nil {
			return
		}
	}
}

// broadcast may write to all connections because one of them alone sends.
func broadcast(c *websocket.Conn) {
	defer c.Close()
	defer all.Remove(c)
	for {
		kind, p, err := c.ReadMessage()
		if err != nil {
			return
		}
		m, err := websocket.NewPreparedMessage(kind, p)
		if err != nil {
			return
		}
		all.Each(func(c *websocket.Conn) { _ = c.WritePreparedMessage(m) })
	}
}
