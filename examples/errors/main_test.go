//go:build linux || darwin

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// open is a bank with alice, who has 100 gold.
func open(
	t *testing.T, b *bank, log *bytes.Buffer,
) (*smartsockettest.Server, *smartsockettest.Client) {
	t.Helper()
	b.gold = map[string]int{"alice": 100, "bob": 0}
	o := options
	o.EnableRateLimiting = smartsocket.Enabled
	s := smartsockettest.New(t, o, func(v *smartsocket.Server) {
		b.register(v, slog.New(slog.NewTextHandler(log, nil)))
	})
	return s, s.Client(t, client.Options{APIKey: "alice"})
}

func pay(c *smartsockettest.Client, to string, gold int) (int, error) {
	return client.Call[Payment, int](context.Background(), c.Client, "pay", Payment{to, gold})
}

func TestWhatAPlayerReads(t *testing.T) {
	var b bank
	var log bytes.Buffer
	s, c := open(t, &b, &log)
	if left, err := pay(c, "bob", 30); left != 70 || err != nil {
		t.Errorf("%d is left, %v", left, err)
	}
	for _, x := range []struct {
		to   string
		gold int
		want string
	}{
		{"bob", 95, "You need 25 pieces of gold more."},
		{"nobody", 1, "Nobody of that name plays here."},
	} {
		if _, err := pay(c, x.to, x.gold); say(err) != x.want {
			t.Errorf("%v is said as %q, want %q", err, say(err), x.want)
		}
	}
	for range 10 {
		pay(c, "bob", 1)
	}
	_, err := pay(c, "bob", 1)
	if !strings.HasPrefix(say(err), "Not so fast: wait for ") {
		t.Errorf("%v is said as %q", err, say(err))
	}
	s.Quiet()
	if log.Len() > 0 {
		t.Errorf("the log is about players:\n%s", &log)
	}
}

// What nobody should see stays on the server, where the log has it.
func TestWhatStaysOnTheServer(t *testing.T) {
	b := bank{down: errors.New("dial tcp 10.0.0.7:5432: connection refused")}
	var log bytes.Buffer
	s, c := open(t, &b, &log)
	_, err := pay(c, "bob", 1)
	if !errors.Is(err, message.ErrHandlerFailed) || strings.Contains(err.Error(), "10.0.0.7") {
		t.Errorf("the client is told %v", err)
	}
	if want := "Something went wrong, and we are looking into it."; say(err) != want {
		t.Errorf("it is said as %q, want %q", say(err), want)
	}
	s.Quiet()
	if !strings.Contains(log.String(), "10.0.0.7") ||
		!strings.Contains(log.String(), "event=pay player=alice") {
		t.Errorf("the log says\n%s", &log)
	}
}

// What the client's program got wrong names the field, and is for its author.
func TestDataThatDoesNotFit(t *testing.T) {
	var b bank
	var log bytes.Buffer
	_, c := open(t, &b, &log)
	for data, want := range map[string]string{
		`{"To":"bob","Gold":"many"}`: "Gold",
		`{"To":"bob","Glod":1}`:      "Glod",
		`{"To":"bob","Gold":0}`:      "from 1 piece on",
	} {
		err := c.CallFails("pay", json.RawMessage(data), message.CodeInvalidFormat)
		if !strings.Contains(err.Message, want) {
			t.Errorf("%s: %q does not say %q", data, err.Message, want)
		}
	}
}
