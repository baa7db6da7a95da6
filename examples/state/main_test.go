//go:build linux || darwin

package main

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/internal/nodetest"
)

func start(t *testing.T) string {
	server, err := smartsocket.New(smartsocket.Options{Port: -1, Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	register(server)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return "ws://" + server.Addr().String()
}

// The page's types are those of the state.
func TestTypesAreUpToDate(t *testing.T) {
	cmd := exec.Command("go", "run", "github.com/smartsocket/smartsocket/cmd/smartsocket",
		"types", "-check", "-o", "field.d.ts", ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: run go generate\n%s", err, out)
	}
}

// The client compiles with these types, and sees what the server does.
func TestClient(t *testing.T) {
	dir := nodetest.Project(t, "client.ts", "wrong.ts", "field.d.ts")
	if out := nodetest.Compile(t, dir, "--strict", "--target", "es2022", "--module", "esnext",
		"--moduleResolution", "bundler", "client.ts", "wrong.ts"); out != "" {
		t.Fatal(out)
	}
	got := nodetest.Run(t, dir, "client.js", start(t))
	const want = `it is waiting
Ann is here
Ann sees herself at 1.5, 3 steps ahead of the server
it is running
the server has her at 1.5, with 97 left, and 0 steps to do
she is shown true
`
	if got != want {
		t.Errorf("it printed\n%swant\n%s", got, want)
	}
}

// A bot in Go sees the same.
func TestBot(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := client.New(start(t), client.Options{Namespace: "/run"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Disconnect()
	x, err := bot(ctx, c, "Bob")
	if err != nil || x != 5 {
		t.Errorf("got %v, %v", x, err)
	}
}
