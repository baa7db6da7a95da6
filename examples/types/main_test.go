package main

import (
	"os/exec"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/nodetest"
)

// The page's types are those of the handlers.
func TestEventsAreUpToDate(t *testing.T) {
	cmd := exec.Command("go", "run", "github.com/smartsocket/smartsocket/cmd/smartsocket",
		"types", "-check", "-o", "events.d.ts", ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: run go generate\n%s", err, out)
	}
}

// The client compiles with these types, and does with the server what they say.
func TestClient(t *testing.T) {
	dir := nodetest.Project(t, "client.ts", "wrong.ts", "events.d.ts")
	if out := nodetest.Compile(t, dir, "--strict", "--target", "es2022", "--module", "esnext",
		"--moduleResolution", "bundler", "client.ts", "wrong.ts"); out != "" {
		t.Fatal(out)
	}
	server, err := smartsocket.New(smartsocket.Options{Port: -1, Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	register(server)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	got := nodetest.Run(t, dir, "client.js", "ws://"+server.Addr().String())
	if want := "seat 0, with 0 others\nAnn rolled fairly\n"; got != want {
		t.Errorf("it printed\n%swant\n%s", got, want)
	}
}
