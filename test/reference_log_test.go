package test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
)

func TestReferenceErrorsOnlyLogged(t *testing.T) {
	var log logBuffer
	v := startServer(t, Options{}, func(v *Server) {
		smartsocket.On(v, "typed", func(*Socket, int, Ack) {})
	})
	c := newClient(t, v, client.Options{
		EnableErrorHandling: client.Disabled, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	c.OnError(func(err error) { t.Errorf("the handler was told of %v", err) })
	connected(t, c).Emit("typed", "not a number") // the server answers with an ERROR
	eventually(t, "the log", func() bool { return strings.Contains(log.String(), "ERR_MSG_001") })
}

func TestReferenceLogLines(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(smartsocket.NewLogHandler(&b, smartsocket.LevelTrace))
	for _, level := range []slog.Level{
		slog.LevelError, slog.LevelWarn, slog.LevelInfo, slog.LevelDebug, smartsocket.LevelTrace,
	} {
		log.Log(context.Background(), level, "line", "n", 1, "text", "two words")
	}
	want := ""
	for _, level := range []string{"error", "warn", "info", "debug", "trace"} {
		want += "[smartsocket] [" + level + "] line n=1 text=\"two words\"\n"
	}
	got := ""
	for line := range strings.Lines(b.String()) {
		at, rest, _ := strings.Cut(line, " ")
		if _, err := time.Parse(time.RFC3339Nano, at); err != nil {
			t.Errorf("%q has no time in front: %v", line, err)
		}
		got += rest
	}
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	b.Reset()
	slog.New(smartsocket.NewLogHandler(&b, slog.LevelWarn)).Info("quiet")
	if b.Len() != 0 {
		t.Errorf("info at level warn: %s", b.String())
	}
}

func TestReferenceDebugEnvironment(t *testing.T) {
	for value, want := range map[string]bool{
		"": false, "other": false, "*": true, "smartsocket:*": true, "other,smartsocket:*": true,
	} {
		t.Setenv("DEBUG", value)
		if smartsocket.DebugEnabled() != want {
			t.Errorf("DEBUG=%q: %v", value, !want)
		}
	}
}

func TestReferenceDescriptorWarning(t *testing.T) {
	var log logBuffer
	startServer(t, Options{MaxConnections: 1 << 24, Logger: log.logger()}, nil)
	if !strings.Contains(log.String(), "[warn]") || !strings.Contains(log.String(), "ulimit -n") {
		t.Errorf("16 million connections without a warning: %s", log.String())
	}
}

func TestReferenceClientLogLines(t *testing.T) {
	const payload = "the payload of an event"
	v := startServer(t, Options{}, echoOn)
	for _, level := range []slog.Level{slog.LevelDebug, smartsocket.LevelTrace} {
		var log logBuffer
		logger := slog.New(smartsocket.NewLogHandler(&log, level))
		c := connected(t, newClient(t, v, client.Options{Logger: logger}))
		c.Emit("echo", payload)
		c.Disconnect()
		rest := log.String()
		for _, line := range []string{
			"[info] Connecting to ", "[debug] WebSocket connection opened",
			"[debug] Sending CONNECT message", "[debug] Received CONNECT_ACK",
			"[info] Connected to server", "[debug] Emitting event: echo", "[debug] Sent message (",
		} {
			_, after, ok := strings.Cut(rest, "[smartsocket] "+line)
			if !ok {
				t.Fatalf("%q is missing, or not in its place, in\n%s", line, log.String())
			}
			rest = after
		}
		if strings.Contains(log.String(), payload) != (level == smartsocket.LevelTrace) {
			t.Errorf("at level %v the log is\n%s", level, log.String())
		}
	}
}

// A second answer is a mistake of the program and is logged.
func TestReferenceSecondAckIsLogged(t *testing.T) {
	var log logBuffer
	v := startServer(t, Options{Logger: log.logger()}, func(v *Server) {
		v.On("twice", func(_ *Socket, _ Data, ack Ack) {
			ack.Reply(1)
			ack.Reply(2)
		})
	})
	w := dialFull(t, v, "/")
	w.request(1, "twice", "")
	w.wantAck(1, "1")
	w.request(2, "twice", "")
	w.wantAck(2, "1")
	if !strings.Contains(log.String(), "[warn]") {
		t.Error("no warning")
	}
}
