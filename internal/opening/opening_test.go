package opening

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"slices"
	"testing"

	"github.com/smartsocket/smartsocket/frame"
)

type source struct{ ctx context.Context }

func (source) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 99} }

func (source) TLS() *tls.ConnectionState { return &tls.ConnectionState{ServerName: "shop.example"} }

func (s source) Context() context.Context { return s.ctx }

const handshake = "GET /a%20b/?token=secret-token&x=1 HTTP/1.1\r\nHost: shop.example\r\n" +
	"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nCookie: session=abcdefgh; theme=dark\r\n" +
	"x-TENANT: blue\r\nAuthorization: Bearer long-bearer\r\n\r\n"

func TestRequest(t *testing.T) {
	type key struct{}
	head := []byte(handshake)
	o := Of(head, source{context.WithValue(context.Background(), key{}, "value")})
	clear(head) // it was borrowed
	r, err := o.Request(o.Context())
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := r.Cookie("session")
	if err != nil || cookie.Value != "abcdefgh" {
		t.Errorf("cookie %v, %v", cookie, err)
	}
	for what, got := range map[string][2]string{
		"path":    {r.URL.Path, "/a b/"},
		"query":   {r.URL.Query().Get("token"), "secret-token"},
		"header":  {r.Header.Get("X-Tenant"), "blue"},
		"host":    {r.Host, "shop.example"},
		"address": {r.RemoteAddr, "10.0.0.1:99"},
		"tls":     {r.TLS.ServerName, "shop.example"},
		"proto":   {r.Proto, "HTTP/1.1"},
		"context": {r.Context().Value(key{}).(string), "value"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s is %q, want %q", what, got[0], got[1])
		}
	}
	secrets := Secrets(r)
	for _, s := range []string{"secret-token", "abcdefgh", "long-bearer", "Bearer long-bearer"} {
		if !slices.Contains(secrets, s) {
			t.Errorf("%q may be logged", s)
		}
	}
	if slices.Contains(secrets, "1") || slices.Contains(secrets, "") {
		t.Errorf("no secrets: %q", secrets)
	}
}

// What the handshake's strict parser accepts can be read, and with the same result.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(handshake))
	f.Add(bytes.Replace([]byte(handshake), []byte("/a%20b/"), []byte("//x/"), 1))
	f.Add(bytes.Replace([]byte(handshake),
		[]byte("x-TENANT: blue"), []byte("content-length: 0"), 1))
	f.Fuzz(func(t *testing.T, head []byte) {
		n, _, err := frame.ScanHead(head, 0)
		if err != nil || n == 0 {
			return
		}
		want, err := frame.ParseRequest(head[:n])
		if err != nil {
			return
		}
		o := Of(head[:n], source{context.Background()})
		r, err := o.Request(o.Context())
		if err != nil {
			return // the hook is not asked, and the client refused
		}
		if r.URL.RawQuery != string(want.RawQuery) || r.Host != string(want.Host) {
			t.Errorf("query %q, host %q of %q", r.URL.RawQuery, r.Host, head[:n])
		}
		if got := r.Header.Get("Authorization"); got != string(want.Authorization) {
			t.Errorf("authorization %q, want %q", got, want.Authorization)
		}
		Secrets(r)
	})
}
