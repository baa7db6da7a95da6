package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/internal/tail"
)

// tailing is a writer that gives each line on.
type tailing chan string

// Write gives the lines of p on.
func (t tailing) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		t <- strings.TrimSpace(line)
	}
	return len(p), nil
}

// An operator sees an event with tail, and emits one with emit.
func TestTailAndEmit(t *testing.T) {
	addr := "unix:" + filepath.Join(t.TempDir(), "ops")
	r := start(t, "-ops-addr", addr)
	c, err := client.New("ws://"+r.addr.String(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Disconnect()
	heard := make(chan string, 1)
	client.On(c, "news", func(text string, _ client.Ack) { heard <- text })
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, form := range []struct{ flag, want string }{
		{"-json=false", " broadcast    news"}, {"-json", `"event":"news"`},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		lines, ended := make(tailing, 1000), make(chan int, 1)
		go func() {
			ended <- run(ctx, []string{"tail", "-event", "n*", form.flag, "-data"},
				[]string{"SMARTSOCKET_OPS_ADDR=" + addr, "SMARTSOCKET_OTHER=1"}, lines, r.log, nil)
		}()
		// The tail shows what happens once the server has it, so the event is repeated until then.
		for shown := false; !shown; {
			code, text, fault := command("emit", "news", `"hello"`, "-ops-addr", addr)
			if code != 0 || !strings.Contains(text, "queued for 1 sockets here, dropped for 0") {
				t.Fatalf("%d, %s%s", code, text, fault)
			}
			if text := <-heard; text != "hello" {
				t.Fatal(text)
			}
			select {
			case line := <-lines:
				shown = strings.Contains(line, form.want) && strings.Contains(line, `hello`)
				if !shown {
					t.Errorf("%s: %q", form.flag, line)
				}
			default:
			}
		}
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("%s: code %d", form.flag, code)
		}
	}
}

// A client's event cannot clear the operator's terminal, nor begin a line of its own.
func TestTailIsForNoTerminalToObey(t *testing.T) {
	event := tail.Event{Kind: tail.Disconnected, Reason: "a\x1b[2J\nb\u009b\x7f",
		Data: "{\n\"x\":\"é\u202e\"}"}
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	for _, asJSON := range []bool{false, true} {
		server := httptest.NewServer(http.HandlerFunc(
			func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "data: %s\n\n", text) }))
		defer server.Close()
		args := []string{"tail", "-ops-addr", server.Listener.Addr().String()}
		if asJSON {
			args = append(args, "-json")
		}
		_, shown, _ := command(args...)
		line := strings.TrimSuffix(shown, "\n")
		if strings.ContainsFunc(line, func(r rune) bool { return !strconv.IsPrint(r) }) ||
			!strings.Contains(line, `a\u001b[2J`) || !strings.Contains(line, "é") {
			t.Errorf("%v: %q", asJSON, shown)
		}
		var again tail.Event
		if asJSON && (json.Unmarshal([]byte(line), &again) != nil || again != event) {
			t.Errorf("%q is another event", line)
		}
	}
}

func TestOperatorErrors(t *testing.T) {
	socket := "unix:" + filepath.Join(t.TempDir(), "ops")
	const token = "0123456789abcdef0123"
	start(t, "-ops-addr", socket, "-ops-token", token)
	to := "-ops-addr=" + socket
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no server":   {[]string{"emit", "news", "-ops-addr", "127.0.0.1:1"}, 1, "does not answer"},
		"no token":    {[]string{"emit", "news", to}, 1, "ERR_OPS_001"},
		"wrong token": {[]string{"tail", to, "-ops-token", token + "x"}, 1, "ERR_OPS_001"},
		"a token":     {[]string{"emit", "news", to, "-ops-token", token}, 0, "queued for 0"},
		"no namespace": {[]string{"emit", "x", to, "-ops-token", token, "-namespace=/no"}, 1,
			"ERR_OPS_003"},
		"a wrong kind": {[]string{"tail", to, "-ops-token", token, "-kind=x"}, 1, "ERR_OPS_002"},
		"no event":     {[]string{"emit"}, 2, "write the name of an event"},
		"no JSON":      {[]string{"emit", "news", "hello", to}, 2, "hello is no JSON"},
		"an argument":  {[]string{"tail", "x"}, 2, "tail has flags alone"},
		"no address":   {[]string{"tail", "-ops-addr", "x"}, 2, "is no address"},
		"unknown":      {[]string{"tail", "-evnt", "x"}, 2, "did you mean event?"},
		"help":         {[]string{"tail", "-help"}, 0, "-ops-token"},
	} {
		code, text, fault := command(test.args...)
		if code != test.code || !strings.Contains(text+fault, test.want) {
			t.Errorf("%s: code %d, not %d, and this should say %q\n%s%s", name, code, test.code,
				test.want, text, fault)
		}
	}
}
