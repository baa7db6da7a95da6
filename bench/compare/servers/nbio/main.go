//go:build unix

// Command nbio is github.com/lesismal/nbio without a goroutine per connection.
// With -poller the handlers run on its poller, its fastest form for an echo;
// else on its pool, the default.
package main

import (
	"flag"
	"net/http"

	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"

	"github.com/smartsocket/smartsocket/bench/compare/crowd"
	"github.com/smartsocket/smartsocket/bench/serve"
)

var all crowd.Crowd[*websocket.Conn]

func main() {
	poller := flag.Bool("poller", false, "run handlers on the poller")
	flag.Parse()
	logging.SetLevel(logging.LevelNone)
	serve.Main(func() (string, error) {
		conf := nbhttp.Config{
			Network: "tcp",
			Addrs:   []string{"127.0.0.1:0"},
			MaxLoad: 1 << 20,
			NPoller: 1,
			Handler: http.HandlerFunc(upgrade),

			ReleaseWebsocketPayload: true,
		}
		if *poller {
			conf.ServerExecutor = func(f func()) { f() }
		}
		e := nbhttp.NewEngine(conf)
		if err := e.Start(); err != nil {
			return "", err
		}
		return e.Addrs[0], nil
	})
}

func upgrade(w http.ResponseWriter, r *http.Request) {
	up := websocket.NewUpgrader()
	up.KeepaliveTime = 0
	if r.URL.Path == crowd.Path {
		up.OnOpen(all.Add)
		up.OnClose(func(c *websocket.Conn, _ error) { all.Remove(c) })
		up.OnMessage(func(_ *websocket.Conn, t websocket.MessageType, p []byte) {
			all.Each(func(c *websocket.Conn) { _ = c.WriteMessage(t, p) })
		})
	} else {
		up.OnMessage(echo)
	}
	_, _ = up.Upgrade(w, r, nil) // the peer was told
}

func echo(c *websocket.Conn, t websocket.MessageType, p []byte) { _ = c.WriteMessage(t, p) }
