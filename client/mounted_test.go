//go:build !js

package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
)

// TestServerMountedBehindTLS: net/http ends TLS and the server is mounted into it.
func TestServerMountedBehindTLS(t *testing.T) {
	v, err := smartsocket.New(smartsocket.Options{
		EnableRateLimiting:       smartsocket.Disabled,
		MaxConnectionsPerAddress: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	echoes(v)
	if err := v.StartDetached(); err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	h := httptest.NewTLSServer(v)
	defer h.Close()
	roots := x509.NewCertPool()
	roots.AddCert(h.Certificate())
	o := Options{TLSConfig: &tls.Config{RootCAs: roots}}
	url := "wss" + strings.TrimPrefix(h.URL, "https") + "/"
	c := connect(t, newClient(t, url, o))
	for _, n := range []int{1, 1000, 300_000} {
		text := strings.Repeat("x", n)
		if got, err := Request[string](testContext(t), c, "echo", text); err != nil || got != text {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	second := connect(t, newClient(t, url, o))
	if err := newClient(t, url, o).Connect(testContext(t)); err == nil {
		t.Error("the limit by address does not know the address")
	}
	if a := v.Namespace(
		"/").Socket(c.ID()).RemoteAddr().String(); !strings.HasPrefix(a, "127.0.0.1:") {
		t.Errorf("the peer's address is %s", a)
	}
	gone := make(chan bool, 2)
	v.OnDisconnected(func(*smartsocket.Socket, smartsocket.Reason) { gone <- true })
	second.Disconnect()
	take(t, gone, "the end of one connection")
	closed := make(chan bool, 1)
	c.OnDisconnected(func(Reason) { closed <- true })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = v.Shutdown(ctx)
	take(t, closed, "the close of the server")
}

// Another address without a path has the path and the query of the first, unless a namespace was
// given.
func TestPathOfOtherAddresses(t *testing.T) {
	for _, tt := range []struct{ home, other, given, want string }{
		{"ws://a/game?x=1", "ws://b", "", "/game?x=1"}, {"ws://a/?x=1", "ws://b/", "", "/?x=1"},
		{"ws://a/game?x=1", "ws://b/?t=1", "", "/game?t=1"}, {"ws://a?x=1", "ws://b/c", "", "/c"},
		{"ws://a/game", "ws://b/other", "", "/other"}, {"ws://a", "ws://b/other", "", "/other"},
		{"ws://a/", "ws://b", "", "/"}, {"ws://a/ws?x=1", "ws://b", "/game", "/"},
	} {
		c, err := New(tt.home, Options{URLs: []string{tt.other}, Namespace: tt.given})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.others[0].request; got != tt.want {
			t.Errorf("URLs %+v: %s", tt, got)
		}
		// This is what a browser opens.
		opened := strings.TrimSuffix(c.others[0].url, "/")
		if opened != strings.TrimSuffix("ws://b"+tt.want, "/") {
			t.Errorf("URLs %+v: %s", tt, opened)
		}
		l := &link{c: c}
		if l.noteAddress([]byte(tt.other)); l.moved.request != tt.want {
			t.Errorf("GOAWAY %+v: %s", tt, l.moved.request)
		}
	}
}
