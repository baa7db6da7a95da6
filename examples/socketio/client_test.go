package main

import (
	"log/slog"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/nodetest"
)

// The page's script does with this server what its comments say.
func TestClient(t *testing.T) {
	o := options
	o.Port, o.Host, o.Logger = -1, "127.0.0.1", slog.New(slog.DiscardHandler)
	server, err := smartsocket.New(o)
	if err != nil {
		t.Fatal(err)
	}
	register(server)
	server.On("cut me off", func(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) {
		s.DisconnectWith(3400, "as in the guide")
	})
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	project := nodetest.Project(t, "client.mjs")
	for _, c := range []struct{ token, want string }{
		{"", `connected
users: 1
Ann
undefined there is no room "cellar"
a picture of 1000 bytes
lost, coming back
connected
recovered: true
disconnected
`},
		{"expired", "log in again\n"},
	} {
		got := nodetest.Run(t, project, "client.mjs", "ws://"+server.Addr().String(), c.token)
		if got != c.want {
			t.Errorf("with the token %q it printed\n%swant\n%s", c.token, got, c.want)
		}
	}
}
