//go:build linux || darwin

package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

func TestEverybodyGetsAMessage(t *testing.T) {
	s := smartsockettest.New(t, options, register)
	room := client.Options{Namespace: "/ws"}
	alice, bob := s.Client(t, room), s.Client(t, room)
	alice.Emit("message", "hello")
	alice.Expect("message", "hello")
	bob.Expect("message", "hello")
}

// A client that reads nothing is what the hub's default case is for.
func TestSlowClientIsCutOff(t *testing.T) {
	s := smartsockettest.New(t, options, register)
	room := client.Options{Namespace: "/ws", MaxReconnectAttempts: client.Never}
	alice, bob := s.Client(t, room), s.Client(t, room)
	bob.Pause()
	for long := strings.Repeat("x", 400); s.ConnectionStats().SlowConsumers == 0; {
		alice.Emit("message", long)
		alice.Expect("message", long)
	}
	alice.Emit("message", "still here")
	alice.Expect("message", "still here")
}

// Our clients know the server's maxMessageSize. From others a longer message ends the connection.
func TestLongMessage(t *testing.T) {
	s := smartsockettest.New(t, options, register)
	alice := s.Client(t, client.Options{Namespace: "/ws"})
	err := alice.Client.Emit("message", strings.Repeat("x", 600))
	if !errors.Is(err, message.ErrTooLarge) {
		t.Errorf("the error is %v", err)
	}
}

// The page and a browser's WebSocket, which needs no library.
func TestPage(t *testing.T) {
	server, err := smartsocket.New(options)
	if err != nil {
		t.Fatal(err)
	}
	register(server)
	if err := server.StartDetached(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	web := httptest.NewServer(site(server))
	defer web.Close()

	res, err := http.Get(web.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if page, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(page), "/ws") {
		t.Errorf("the page is %q, %v", page, err)
	}

	alice, bob := dial(t, web.URL), dial(t, web.URL)
	const text = `{"event":"message","data":"hello"}`
	if err := wsutil.WriteClientText(alice, []byte(text)); err != nil {
		t.Fatal(err)
	}
	for _, nc := range []net.Conn{alice, bob} {
		if got, err := wsutil.ReadServerText(nc); err != nil || string(got) != text {
			t.Errorf("got %q, %v, want %q", got, err, text)
		}
	}
}

// dial opens a bare WebSocket, as new WebSocket does in a page.
func dial(t *testing.T, url string) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	nc, _, _, err := ws.Dial(ctx, strings.Replace(url, "http", "ws", 1)+"/ws")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	return nc
}
