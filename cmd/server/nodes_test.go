package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/smartsocket/smartsocket/cluster"
)

// startNATS runs a NATS server that asks for a password until the test ends.
func startNATS(t *testing.T) (url string) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true,
		NoSigs: true, Username: "game", Password: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(patience) {
		t.Fatal("the NATS server does not start")
	}
	return "nats://game:s3cret@" + s.Addr().String()
}

// Two servers that share a NATS server share their rooms. Each shows its own people.
func TestTwoNodesShareTheirRooms(t *testing.T) {
	url := startNATS(t)
	a := start(t, "-demo", "-nats", url, "-node-name", "first", "-log-level", "trace")
	b := start(t, "-demo", "-nats", url, "-node-name", "second", "-log-level", "trace")
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if strings.Contains(a.log.String(), "other=second") &&
			strings.Contains(b.log.String(), "other=first") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the nodes do not know each other:\n%s\n%s", a.log, b.log)
		}
	}
	ann, bob := a.dial(t, "/chat"), b.dial(t, "/chat")
	enter(t, ann, "Ann", "lobby")
	enter(t, bob, "Bob", "lobby")
	bob.send(`{"event":"introduce","data":{"name":"Zed"}}`)
	if p := decode[presence](t, bob.await("people", isEvent("people")).Data); p.Count != 1 ||
		p.People[0].Name != "Zed" {
		t.Errorf("%+v: want the one person of this node", p)
	}
	said := decode[saidMessage](t, ann.ask(3, "say", `{"room":"lobby","text":"hello there"}`).Data)
	if got := decode[saidMessage](t, bob.await("said", isEvent("said")).Data); got != said {
		t.Errorf("Bob heard %+v, want %+v", got, said)
	}
	resp, err := http.Get("http://" + b.addr.String() + "/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var stats struct{ Cluster cluster.Stats }
	if err := json.NewDecoder(resp.Body).Decode(&stats); err != nil ||
		stats.Cluster.State != cluster.Connected || stats.Cluster.Nodes != 2 {
		t.Errorf("%+v %v", stats, err)
	}
	http.DefaultClient.CloseIdleConnections()
	ann.conn.Close()
	bob.conn.Close()
	for _, r := range []*running{a, b} {
		if code := r.stop(); code != 0 || strings.Contains(r.log.String(), "s3cret") {
			t.Errorf("exit code %d, or a password in the log:\n%s", code, r.log)
		}
	}
}

func TestNodeSettingsAreChecked(t *testing.T) {
	for _, step := range []struct{ args, want string }{
		{"checkconfig -nats http://game:s3cret@localhost", "flag -nats: address 1"},
		{"checkconfig -nats nats://game:s3cret%zz@localhost", "flag -nats: address 1"},
		{"checkconfig -node-name first", "flag -node-name: a single server"},
		{"checkconfig -nats nats://localhost -node-name " + strings.Repeat("n", 65),
			"flag -node-name: the name has 65 bytes"},
		{"checkconfig -nats nats://localhost -echo", "flag -nats: echo"},
		{"checkconfig -nats nats://game:s3cret@localhost -node-name first", "is valid"},
		{"-print-config -nats nats://game:s3cret@localhost", `"nats": "(hidden)"`},
		{"-print-config -nats nats://localhost:4222", `"nats": "nats://localhost:4222"`},
	} {
		var out bytes.Buffer
		run(context.Background(), strings.Fields(step.args), nil, &out, &out, nil)
		if text := out.String(); !strings.Contains(text, step.want) ||
			strings.Contains(text, "s3cret") {
			t.Errorf("%s: %s, want %s and no password", step.args, text, step.want)
		}
	}
}
