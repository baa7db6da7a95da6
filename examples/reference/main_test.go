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
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	got := nodetest.Run(t, nodetest.Project(t, "client.mjs"), "client.mjs",
		"ws://"+server.Addr().String())
	want := `heard hello
sent: true
true the field text is missing or empty
slow down: delete
true true
away (3400), coming back
back, nothing is lost
heard I am back
2 attempts
gone (1000)
`
	if got != want {
		t.Errorf("it printed\n%swant\n%s", got, want)
	}
}
