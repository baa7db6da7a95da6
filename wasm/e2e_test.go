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
func TestEndToEnd(t *testing.T) { node(t, "e2e.test.js", plainServers(t).list()...) }

// TestEndToEndSealed lets the client talk to servers that encrypt, and to one that does not.
func TestEndToEndSealed(t *testing.T) { node(t, "e2e-sealed.test.js", sealedServers(t).list()...) }

// TestAdapters renders with React, Vue and Svelte on top of a real server.
func TestAdapters(t *testing.T) {
	env := plainServers(t).list()
	for _, framework := range []string{"react", "vue", "svelte"} {
		node(t, "adapters-"+framework+".test.js", env...)
	}
}

// environment is what the tests in JavaScript must know: the addresses of servers and their key.
type environment map[string]string

func (e environment) list() []string {
	var list []string
	for name, value := range e {
		list = append(list, name+"="+value)
	}
	return list
}

// plainServers starts the servers for e2e.test.js.
func plainServers(t *testing.T) environment {
	o := testOptions()
	o.AckTimeout, o.MaxMessageBytes = 5*time.Second, 1<<20
	server := start(t, o)
	serveTests(server)
	// full has one seat. The client takes it before it is refused a second one.
	o = testOptions()
	o.MaxConnections = 1
	full := start(t, o)
	o = testOptions()
	o.EnableMessageCache, o.EnableRateLimiting = true, smartsocket.Disabled
	caching := start(t, o)
	serveTallies(caching)
	return environment{"SMARTSOCKET_URL": url(server), "SMARTSOCKET_FULL_URL": url(full),
		"SMARTSOCKET_CACHE_URL": "ws://" + caching.Addr().String()}
}

// sealedServers starts the servers for e2e-sealed.test.js.
func sealedServers(t *testing.T) environment {
	key := crypto.GenerateKey()
	o := testOptions()
	o.AckTimeout, o.MaxMessageBytes = 5*time.Second, 1<<20
	e := environment{"SMARTSOCKET_KEY": key.Encode(), "SMARTSOCKET_PLAIN_URL": url(start(t, o))}
	o.EncryptionKey = key.Encode()
	for _, algorithm := range []crypto.Algorithm{crypto.AES256GCM, crypto.AES256CBC} {
		o.EncryptionAlgorithm = algorithm.String()
		server := start(t, o)
		serveTests(server)
		name := strings.ToUpper(strings.ReplaceAll(algorithm.String(), "-", "_"))
		e["SMARTSOCKET_"+name] = url(server)
	}
	return e
}

func testOptions() smartsocket.Options {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	return smartsocket.Options{Port: -1, Host: "127.0.0.1", Logger: quiet,
		AllowedOrigins: []string{"*"}, EnableRateLimiting: smartsocket.Disabled}
}

func url(server *smartsocket.Server) string { return "ws://" + server.Addr().String() }

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
	game.On("ban me", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		s.DisconnectWith(3500, "banned")
	})
	game.On("forbidden", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		ack.Reply("the middleware let it through")
	})
	game.On("silent", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {})
	game.On("fail", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		ack.Fail(errors.New("out of luck"))
	})
	game.On("panic", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		panic("on purpose")
	})
	for _, name := range []string{"constructor", "toString", "hasOwnProperty"} {
		game.On(name, func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
			ack.Reply(name)
		})
	}
}

// serveTallies counts for each socket how often the handler of each number ran.
func serveTallies(server *smartsocket.Server) {
	game := server.Namespace("/game")
	smartsocket.Handle(game, "tally", func(s *smartsocket.Socket, n int) (int, error) {
		counts, _ := s.Get("tallies").(map[int]int)
		if counts == nil {
			counts = make(map[int]int)
			s.Set("tallies", counts)
		}
		counts[n]++ // the handlers of one socket run one after the other
		_, err := s.Emit("ran", n)
		return n, err
	})
	smartsocket.Handle(game, "tallies", func(s *smartsocket.Socket, _ any) (any, error) {
		return s.Get("tallies"), nil
	})
}

// value returns d in the form in which Emit passes it on unchanged.
func value(d smartsocket.Data) any {
	switch {
	case d.Empty():
		return nil
	case d.Binary():
		return d.Bytes()
	}
	return json.RawMessage(d.Bytes())
}
