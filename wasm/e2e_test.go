//go:build !js

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/crypto"
)

// TestEndToEnd lets the JavaScript client, on either engine, talk to a real server.
func TestEndToEnd(t *testing.T) {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	server := start(t, smartsocket.Options{Port: -1, Host: "127.0.0.1", Logger: quiet, AckTimeout: 5 * time.Second, MaxMessageBytes: 1 << 20})
	serveTests(server)
	// full has one seat, which the client takes before it is refused a second one.
	full := start(t, smartsocket.Options{Port: -1, Host: "127.0.0.1", Logger: quiet, MaxConnections: 1})
	node(t, "e2e.test.js", "SMARTSOCKET_URL=ws://"+server.Addr().String(), "SMARTSOCKET_FULL_URL=ws://"+full.Addr().String())
}

// TestEndToEndSealed lets it talk to servers that encrypt, and to one that does not.
func TestEndToEndSealed(t *testing.T) {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	key := crypto.GenerateKey()
	o := smartsocket.Options{Port: -1, Host: "127.0.0.1", Logger: quiet, AckTimeout: 5 * time.Second, MaxMessageBytes: 1 << 20}
	plain := start(t, o)
	env := []string{"SMARTSOCKET_KEY=" + key.Encode(), "SMARTSOCKET_PLAIN_URL=ws://" + plain.Addr().String()}
	o.EncryptionKey = key.Encode()
	for _, algorithm := range []crypto.Algorithm{crypto.AES256GCM, crypto.AES256CBC} {
		o.EncryptionAlgorithm = algorithm.String()
		server := start(t, o)
		serveTests(server)
		env = append(env, "SMARTSOCKET_"+strings.ToUpper(strings.ReplaceAll(algorithm.String(), "-", "_"))+"=ws://"+server.Addr().String())
	}
	node(t, "e2e-sealed.test.js", env...)
}

func start(t *testing.T, o smartsocket.Options) *smartsocket.Server {
	t.Helper()
	server, err := smartsocket.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

// serveTests registers what e2e.test.js calls.
func serveTests(server *smartsocket.Server) {
	game := server.Namespace("/game")
	game.Use(func(s *smartsocket.Socket, event string, d smartsocket.Data, next func(error)) {
		if event == "forbidden" {
			next(errors.New("not today"))
			return
		}
		next(nil)
	})
	game.On("echo", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		answer := value(d)
		s.Emit("echoed", answer)
		ack.Reply(answer)
	})
	game.On("ask me", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		answer, err := s.EmitWithAck(context.Background(), "question", value(d))
		if err != nil {
			ack.Fail(err)
			return
		}
		ack.Reply(value(answer))
	})
	game.On("join", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		var room string
		if err := d.Decode(&room); err != nil {
			ack.Fail(err)
			return
		}
		if err := s.Join(room); err != nil {
			ack.Fail(err)
			return
		}
		ack.Reply(s.Rooms())
	})
	game.On("say", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		var v struct {
			Room string `json:"room"`
			Text string `json:"text"`
		}
		if err := d.Decode(&v); err != nil {
			ack.Fail(err)
			return
		}
		delivery, err := game.To(v.Room).Emit("said", v.Text)
		if err != nil {
			ack.Fail(err)
			return
		}
		ack.Reply(delivery.Queued)
	})
	game.On("count", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		n, _ := strconv.Atoi(string(d.Bytes()))
		for i := range n {
			s.Emit("number", i)
		}
	})
	game.On("drop me", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		s.DisconnectWith(3000, "too slow")
	})
	game.On("ban me", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) { s.DisconnectWith(3500, "banned") })
	game.On("forbidden", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		ack.Reply("the middleware let it through")
	})
	game.On("silent", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {})
	game.On("fail", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		ack.Fail(errors.New("out of luck"))
	})
	game.On("panic", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) { panic("on purpose") })
	for _, name := range []string{"constructor", "toString", "hasOwnProperty"} {
		game.On(name, func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) { ack.Reply(name) })
	}
}

// value is d in the form in which Emit sends it on unchanged.
func value(d smartsocket.Data) any {
	switch {
	case d.Empty():
		return nil
	case d.Binary():
		return d.Bytes()
	}
	return json.RawMessage(d.Bytes())
}
