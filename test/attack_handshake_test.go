package test

import (
	"bytes"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// A13: heads that trickle, heads that stop, and upgrades without a CONNECT cost no goroutine, keep
// nobody out, and are cut at the deadline.
func TestAttackSlowHandshakes(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 200
	}
	v := startServer(t, Options{HandshakeTimeout: time.Second}, echoOn)
	stillServes(t, v)
	before := runtime.NumGoroutine()
	upgrade := upgradeRequest(message.Subprotocol, "")
	starts := []string{"", "G", upgrade[:40], upgrade}
	conns := make([]net.Conn, n)
	for i := range conns {
		conns[i] = dialRaw(t, v, starts[i%len(starts)])
		if i%len(starts) == 1 {
			conns[i].Write([]byte("ET"))
		}
	}
	began := time.Now()
	good := dialFull(t, v, "/")
	t.Logf("with %d unfinished handshakes another client connected within %v", n, time.Since(began))
	good.nc.Close()
	stillServes(t, v)
	if now := runtime.NumGoroutine(); now > before+8 {
		t.Errorf("%d goroutines with %d unfinished handshakes, %d before", now, n, before)
	}
	for _, nc := range conns {
		wantGone(t, nc)
	}
	stillServes(t, v)
}

// A15: before CONNECT nothing is inflated or dispatched, and the server reads one message of at
// most 4 KiB.
func TestAttackBeforeConnect(t *testing.T) {
	v := startServer(t, Options{APIKeys: []string{"a-key-nobody-knows"}}, func(v *Server) {
		v.On("echo", func(*Socket, Data, Ack) {
			t.Error("a handler ran before authentication")
		})
	})
	event := eventBytes(message.FlagBinary, 0, "echo", "x")
	long := message.Connect{Version: 1, APIKey: bytes.Repeat([]byte{'k'}, 4096)}
	for name, p := range map[string][]byte{
		"over 4 KiB": append(message.AppendConnect(nil, &long), 0),
		"1 MiB":      make([]byte, 1<<20),
		"an event":   event,
	} {
		t.Run(name, func(t *testing.T) {
			w := dialWire(t, v, "/", message.Subprotocol)
			w.message()
			w.send(frame.Binary, p)
			w.send(frame.Binary, event)
			if name != "an event" { // refused by its header, before any of it is kept
				w.wantClose(frame.CloseTooBig)
				return
			}
			w.wantError(message.CodeInvalidFormat)
			w.wantClose(frame.ClosePolicyViolation)
		})
	}
	if st := v.ConnectionStats(); st.HandlerPanics != 0 || v.Stats().Connections != 0 {
		t.Errorf("%+v", st)
	}
}

// A16: the origin decides which pages may connect. It is compared as a whole.
func TestAttackForeignOrigins(t *testing.T) {
	same := startServer(t, Options{AllowedHosts: []string{"game.example"}}, nil)
	origins := []string{"https://good.example", "http://localhost:8080"}
	listed := startServer(t, Options{AllowedOrigins: origins}, nil)
	none := startServer(t, Options{ // as in a config file
		AllowedOrigins: []string{}, AllowedHosts: []string{"game.example"},
	}, nil)
	for _, c := range []struct {
		v      *Server
		name   string
		header string
		want   string
	}{
		{same, "none", "", "101"},
		{same, "the same host", "Origin: http://game.example\r\n", "101"},
		{same, "the same host in capitals", "Origin: http://GAME.example\r\n", "101"},
		{same, "another host", "Origin: http://evil.example\r\n", "403"},
		{same, "null", "Origin: null\r\n", "403"},
		{same, "the host as a prefix", "Origin: http://game.example.evil.example\r\n", "403"},
		{same, "the host as a suffix", "Origin: http://evilgame.example\r\n", "403"},
		{same, "another port", "Origin: http://game.example:81\r\n", "403"},
		{same, "userinfo", "Origin: http://game.example@evil.example\r\n", "403"},
		{same, "two", "Origin: http://game.example\r\nOrigin: http://evil.example\r\n", "40"},
		{none, "an empty list, the same host", "Origin: http://game.example\r\n", "101"},
		{none, "an empty list, another host", "Origin: http://evil.example\r\n", "403"},
		{listed, "listed", "Origin: https://good.example\r\n", "101"},
		{listed, "listed with a port", "Origin: http://localhost:8080\r\n", "101"},
		{listed, "listed, other scheme", "Origin: http://good.example\r\n", "403"},
		{listed, "listed, other port", "Origin: https://good.example:444\r\n", "403"},
		{listed, "listed, subdomain", "Origin: https://a.good.example\r\n", "403"},
		{listed, "not listed, same host", "Origin: http://game.example\r\n", "403"},
	} {
		t.Run(c.name, func(t *testing.T) {
			key := frame.NewKey()
			request := frame.AppendRequest(nil, "game.example", "/", key, "", "", "", c.header)
			nc := dialRaw(t, c.v, string(request))
			var buf [512]byte
			n, _ := nc.Read(buf[:])
			if !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 "+c.want) {
				t.Errorf("answered with %.40q, want %s", buf[:n], c.want)
			}
		})
	}
}
