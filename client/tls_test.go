//go:build !js

package client

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// TestTLS puts a proxy that ends TLS before the real server.
func TestTLS(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoes)
	certified := httptest.NewTLSServer(nil)
	defer certified.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0",
		&tls.Config{Certificates: certified.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			outer, err := l.Accept()
			if err != nil {
				return
			}
			inner, err := net.Dial("tcp", v.Addr().String())
			if err != nil {
				outer.Close()
				return
			}
			go func() { io.Copy(inner, outer); inner.Close() }()
			go func() { io.Copy(outer, inner); outer.Close() }()
		}
	}()
	url := "wss://" + l.Addr().String()
	roots := certified.Client().Transport.(*http.Transport).TLSClientConfig
	for _, c := range pair(t, url, Options{TLSConfig: roots}) {
		big := strings.Repeat("x", 100_000)
		if s, err := Request[string](testContext(t), c, "echo", big); err != nil || s != big {
			t.Errorf("%d bytes came back, %v", len(s), err)
		}
	}
	if err := newClient(
		t, url, Options{}).Connect(testContext(t)); !errors.Is(err, message.ErrHandshakeFailed) {
		t.Errorf("an unknown certificate: %v", err)
	}
}

// TestClock answers the server's PING, a WebSocket ping and a close frame.
func TestClock(t *testing.T) {
	answers := make(chan []byte, 3)
	url := fakeServer(t, func(_ int, nc net.Conn) {
		if !accept(nc) {
			return
		}
		nc.Write(frame.AppendFrame(nil, frame.Binary, message.AppendClock(nil, message.KindPing,
			message.Clock{ServerTime: 7, RTT: 3})))
		p, _ := readMessage(nc)
		answers <- p
		nc.Write(frame.AppendFrame(nil, frame.Ping, []byte("ping")))
		p, _ = readMessage(nc)
		answers <- p
		nc.Write(closeFrame(message.CloseReplaced))
		p, _ = readMessage(nc)
		answers <- p
	})
	connect(t, newClient(t, url, Options{}))
	k, err := message.ParseClock(take(t, answers, "PONG"))
	if err != nil || k.ServerTime != 7 || k.RTT != 3 || k.ClientTime == 0 {
		t.Errorf("PONG carries %+v, %v", k, err)
	}
	if p := take(t, answers, "the pong frame"); string(p) != "ping" {
		t.Errorf("the pong frame carries %q", p)
	}
	if code, _, err := frame.ParseCloseBody(take(t, answers, "the close frame")); err != nil ||
		uint16(code) != message.CloseReplaced {
		t.Errorf("the close frame carries %d, %v", code, err)
	}
}

// TestShutdown: a server that shuts down says when to come back.
func TestShutdown(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, nil)
	one, k := clocked(t, urlOf(v, "/"), Options{})
	two, k2 := clocked(t, urlOf(v, "/"), Options{})
	events := journal(one)
	connect(t, one)
	connect(t, two)
	if err := v.Shutdown(testContext(t)); err != nil {
		t.Fatal(err)
	}
	expect(t, events, "connected", "disconnected 1001")
	take(t, k.waits, "the first client's wait")
	take(t, k2.waits, "the second client's wait")
}
