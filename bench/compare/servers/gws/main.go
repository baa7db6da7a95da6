//go:build unix

// Command gws is github.com/lxzan/gws as its documentation has it: a goroutine
// reads each connection, the handler answers in it; broadcasts by its Broadcaster.
package main

import (
	"net"
	"net/http"

	"github.com/lxzan/gws"

	"github.com/smartsocket/smartsocket/bench/compare/crowd"
	"github.com/smartsocket/smartsocket/bench/serve"
)

type handler struct {
	gws.BuiltinEventHandler
	all crowd.Crowd[*gws.Conn]
}

func (h *handler) OnOpen(c *gws.Conn) {
	if _, ok := c.Session().Load("all"); ok {
		h.all.Add(c)
	}
}

func (h *handler) OnClose(c *gws.Conn, _ error) { h.all.Remove(c) }

func (h *handler) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	if _, ok := c.Session().Load("all"); !ok {
		_ = c.WriteMessage(m.Opcode, m.Bytes())
		return
	}
	b := gws.NewBroadcaster(m.Opcode, m.Bytes())
	defer b.Close()
	h.all.Each(func(c *gws.Conn) { _ = b.Broadcast(c) })
}

func main() {
	serve.Main(func() (string, error) {
		up := gws.NewUpgrader(&handler{}, &gws.ServerOption{
			Authorize: func(r *http.Request, s gws.SessionStorage) bool {
				if r.URL.Path == crowd.Path {
					s.Store("all", true)
				}
				return true
			},
		})
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := up.Upgrade(w, r)
			if err != nil {
				return
			}
			// Not in the handler's goroutine, so that its buffers can be collected.
			go c.ReadLoop()
		}))
		return l.Addr().String(), nil
	})
}
