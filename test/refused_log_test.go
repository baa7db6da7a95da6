package test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
)

// The operator reads why an Authenticate hook said no, and the client does not.
func TestWhatTheHookSaidIsLogged(t *testing.T) {
	var log logBuffer
	v := startServer(t, Options{
		Logger: slog.New(smartsocket.NewLogHandler(&log, slog.LevelWarn)),
		Authenticate: func(context.Context, smartsocket.AuthRequest) (any, error) {
			return nil, errors.New("the token is of yesterday")
		},
	}, nil)
	w := dialWire(t, v, "/", message.Subprotocol)
	w.message()
	w.sendConnect(message.Connect{})
	e, err := message.ParseErrorJSON(w.message().Payload)
	if err != nil || e.Code != message.CodeAuthFailed || strings.Contains(e.Message, "yesterday") {
		t.Errorf("the client is told %v, %v", e, err)
	}
	eventually(t, "the hook's words in the log", func() bool {
		return strings.Contains(log.String(), `error="the token is of yesterday"`)
	})
}

// Who does not get a session back can find out why.
func TestSessionsThatAreNotResumedAreLogged(t *testing.T) {
	var log logBuffer
	v := cacheServer(t, Options{
		Logger: slog.New(smartsocket.NewLogHandler(&log, slog.LevelDebug))})
	var r resumer
	r.connect(t, v, "/", "a key")
	r.nc.Close()
	r.connect(t, v, "/", "another key")
	if r.recovered {
		t.Fatal("a session is opened by another key")
	}
	eventually(t, "the reason in the log", func() bool {
		return strings.Contains(log.String(), "session not resumed")
	})
}
