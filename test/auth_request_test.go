package test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/selfsigned"
	"github.com/smartsocket/smartsocket/message"
)

type asked = smartsocket.AuthRequest

// asking is a hook that lets everybody in and says what it was asked.
func asking() (func(context.Context, asked) (any, error), chan asked) {
	requests := make(chan asked, 10)
	return func(_ context.Context, r asked) (any, error) {
		requests <- r
		return r.HTTP.URL.Query().Get("user"), nil
	}, requests
}

const headLines = "Cookie: sid=cookie-secret; theme=dark\r\n" +
	"Authorization: Bearer token-secret\r\n" +
	"x-TENANT: blue\r\nUser-Agent: probe/1\r\nOrigin: http://shop.example\r\n"

// wantHead checks a request that was made with headLines.
func wantHead(t *testing.T, kind string, r asked) {
	t.Helper()
	cookie, _ := r.HTTP.Cookie("sid")
	got := fmt.Sprint(r.HTTP.URL.Path, " ", r.HTTP.URL.Query().Get("user"), " ",
		r.HTTP.Header.Get("X-Tenant"), " ", r.HTTP.Header.Get("authorization"), " ", cookie.Value,
		" ", r.HTTP.UserAgent(), " ", r.HTTP.Header.Get("Origin"), " ", r.HTTP.Proto)
	want := "/n ann blue Bearer token-secret cookie-secret probe/1 http://shop.example HTTP/1.1"
	if got != want {
		t.Errorf("%s: the hook saw %s", kind, got)
	}
	host, _, _ := net.SplitHostPort(r.HTTP.RemoteAddr)
	if r.Namespace != "/n" || host != "127.0.0.1" || r.Address.String() != host {
		t.Errorf("%s: namespace %s, peer %s, client %s", kind, r.Namespace, host, r.Address)
	}
}

// The hook sees the whole request of clients of every kind, and what it says is the identity.
func TestAuthenticateHookSeesTheRequest(t *testing.T) {
	hook, requests := asking()
	open := make(chan any, 10)
	o := Options{Authenticate: hook, AllowedOrigins: []string{"http://shop.example"}}
	v := startServer(t, o, func(v *Server) {
		v.Namespace("/n").OnConnected(func(s *Socket) { open <- s.Identity() })
		v.Namespace("/n").On("echo", echo)
	})
	for kind, protocol := range map[string]string{"full": message.Subprotocol, "plain": ""} {
		nc, err := net.Dial("tcp", v.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		w := upgradeWith(t, nc, v.Addr().String(), "/n?user=ann", protocol, headLines)
		if kind == "full" {
			w.next()
			w.sendConnect(message.Connect{Namespace: []byte("/n")})
		}
		r := <-requests
		wantHead(t, kind, r)
		if r.HTTP.TLS != nil {
			t.Errorf("%s: there is no TLS", kind)
		}
		if who := <-open; who != "ann" {
			t.Errorf("%s: the identity is %v", kind, who)
		}
	}
}

// A plain client authenticates in its handshake: what it sends meanwhile waits, and what the hook
// refuses is told and closed.
func TestPlainClientsAuthenticateInTheHandshake(t *testing.T) {
	release := make(chan bool)
	o := Options{Authenticate: func(_ context.Context, r asked) (any, error) {
		<-release
		if r.HTTP.URL.Query().Get("token") != "right-token" {
			return nil, errors.New("wrong")
		}
		return "ann", nil
	}}
	v := startServer(t, o, func(v *Server) { v.On("echo", reply) })
	w := dialPlain(t, v, "/?token=right-token")
	w.text(`{"event":"echo","data":1,"ack":1}`)
	release <- true
	if _, b := w.next(); string(b) != `{"ack":1,"data":1}` {
		t.Errorf("the client in got %s", b)
	}
	w = dialPlain(t, v, "/?token=wrong-token")
	w.text(`{"event":"echo","data":1,"ack":1}`)
	release <- true
	if _, b := w.next(); !strings.Contains(string(b), "ERR_CONN_004") {
		t.Errorf("the client out got %s", b)
	}
	w.wantClose(3500)
}

// TLS and its client certificate reach the hook, whoever ends the TLS; a mounted server's context
// has the values of the request.
func TestAuthenticateHookSeesTLSAndContext(t *testing.T) {
	type key struct{}
	hook, requests := asking()
	cert, err := selfsigned.New(7)
	if err != nil {
		t.Fatal(err)
	}
	serverTLS := &tls.Config{Certificates: []tls.Certificate{cert},
		ClientAuth: tls.RequireAnyClientCert}
	values := make(chan any, 1)
	mounted, err := smartsocket.New(Options{Logger: testLogger(t),
		Authenticate: func(ctx context.Context, r asked) (any, error) {
			values <- ctx.Value(key{})
			if r.HTTP.Context() != ctx || ctx.Err() != nil {
				t.Errorf("the request has another context, or it is over: %v", ctx.Err())
			}
			return hook(ctx, r)
		}})
	if err != nil {
		t.Fatal(err)
	}
	if err := mounted.StartDetached(); err != nil {
		t.Fatal(err)
	}
	defer mounted.Close()
	h := httptest.NewUnstartedServer(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			mounted.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, "tenant")))
		}))
	h.TLS = serverTLS
	h.StartTLS()
	defer h.Close()
	own := startServer(t, Options{TLSConfig: serverTLS, Authenticate: hook}, nil)
	for kind, addr := range map[string]string{
		"own": own.Addr().String(), "mounted": h.Listener.Addr().String(),
	} {
		nc, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true,
			Certificates: []tls.Certificate{cert}})
		if err != nil {
			t.Fatal(err)
		}
		upgradeWith(t, nc, addr, "/?user=ann", "", "")
		r := <-requests
		if r.HTTP.TLS == nil || r.HTTP.TLS.PeerCertificates[0].SerialNumber.Int64() != 7 {
			t.Errorf("%s: TLS is %+v", kind, r.HTTP.TLS)
		}
		if host, _, _ := net.SplitHostPort(r.HTTP.RemoteAddr); host != "127.0.0.1" {
			t.Errorf("%s: the peer is %s", kind, r.HTTP.RemoteAddr)
		}
	}
	if got := <-values; got != "tenant" {
		t.Errorf("the context of the request has %v", got)
	}
}

// What a hook says in its error is logged without the secrets of the request.
func TestHookErrorsAreLoggedWithoutSecrets(t *testing.T) {
	var log logBuffer
	hook := func(_ context.Context, r asked) (any, error) {
		return nil, fmt.Errorf("no user for %s %v %v", r.HTTP.URL, r.HTTP.Header, r.APIKey)
	}
	o := Options{Logger: log.logger(), Authenticate: hook}
	v := startServer(t, o, nil)
	nc, err := net.Dial("tcp", v.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	lines, _, _ := strings.Cut(headLines, "Origin")
	w := upgradeWith(t, nc, v.Addr().String(), "/?token=query-secret", "", lines)
	w.next()
	w.wantClose(3500)
	text := log.String()
	if !strings.Contains(text, "no user for") || strings.Contains(text, "secret") {
		t.Errorf("the log: %s", text)
	}
}

// A hook that cannot decide lets the client come back: it is told so, and no failure is counted.
func TestHookSaysTryLater(t *testing.T) {
	var say atomic.Pointer[error]
	v := startServer(t, Options{Authenticate: func(ctx context.Context, _ asked) (any, error) {
		return nil, *say.Load()
	}}, nil)
	for _, c := range []struct {
		err   error
		code  message.Code
		close frame.CloseCode
	}{
		{smartsocket.ErrTryLater, message.CodeRefused, 1013},
		{fmt.Errorf("database: %w", smartsocket.ErrTryLater), message.CodeRefused, 1013},
		{fmt.Errorf("database: %w", context.DeadlineExceeded), message.CodeTimeout, 3001},
		{&smartsocket.Error{Code: message.CodeShuttingDown, Message: "moving", RetryAfter: 7000},
			message.CodeShuttingDown, 1001},
	} {
		say.Store(&c.err)
		for range 15 { // ten failures would lock the address
			w, m := connectWith(t, v, "key")
			if codeOf(m) != c.code || bytes.Contains(m.Payload, []byte("database")) {
				t.Fatalf("%v was told as %s", c.err, m.Payload)
			}
			w.wantClose(c.close)
			w.nc.Close()
		}
	}
	var ended error = &smartsocket.Error{
		Code: message.CodeAuthFailed, Message: "your subscription has ended"}
	say.Store(&ended)
	for range 10 {
		w, m := connectWith(t, v, "key")
		if !bytes.Contains(m.Payload, []byte("your subscription has ended")) {
			t.Errorf("an *Error of the hook was told as %s", m.Payload)
		}
		w.wantClose(3500)
	}
	if r, _ := tryUpgrade(t, v, message.Subprotocol); r.StatusCode != 429 {
		t.Errorf("ten refusals, and HTTP %d", r.StatusCode)
	}
}

// The Go client comes back until the hook can decide.
func TestClientComesBackWhenTheHookSaysTryLater(t *testing.T) {
	var calls atomic.Int32
	v := startServer(t, Options{Authenticate: func(context.Context, asked) (any, error) {
		if n := calls.Add(1); n == 1 || n > 3 {
			return nil, nil
		}
		return nil, smartsocket.ErrTryLater
	}}, nil)
	c := newClient(t, v, client.Options{})
	back := make(chan bool, 1)
	c.OnReconnected(func(bool) { back <- true })
	connected(t, c)
	ns := v.Namespace("/")
	eventually(t, "the socket", func() bool { return ns.Len() == 1 })
	ns.Sockets()[0].DisconnectWith(3000, "again")
	select {
	case <-back:
	case <-time.After(patience):
		t.Fatal("the client gave up")
	}
	if n := calls.Load(); n != 4 {
		t.Errorf("%d calls of the hook, want 4", n)
	}
}

// The failure of a client that is gone counts, hooks of such clients do not run, and handlers
// of others go on while hooks hang.
func TestHooksOfClientsThatAreGone(t *testing.T) {
	const workers = 16 // four hooks at once, of one address one
	entered, release := make(chan string, 100), make(chan bool)
	hook := func(_ context.Context, r asked) (any, error) {
		if r.APIKey == "good" {
			return nil, nil
		}
		entered <- r.APIKey
		<-release
		return nil, errors.New("no")
	}
	v := startServer(t, Options{Workers: workers, Authenticate: hook},
		func(v *Server) { v.On("echo", reply) })
	good, m := connectWith(t, v, "good")
	if m.Kind != message.KindConnectAck {
		t.Fatalf("refused: %s", m.Payload)
	}
	for i := range 20 {
		w := dialWire(t, v, "/", message.Subprotocol)
		w.next()
		w.sendConnect(message.Connect{APIKey: []byte(fmt.Sprint("bad", i))})
		if i == 0 {
			<-entered // it runs; the others wait behind it
		}
		w.nc.(*net.TCPConn).SetLinger(0)
		w.nc.Close()
	}
	eventually(t, "the strangers to be gone", func() bool { return v.ConnectionStats().Open == 1 })
	good.request(1, "echo", "5") // a blocking handler
	good.wantAck(1, "5")
	close(release)
	if err := v.Close(); err != nil { // waits for the hooks
		t.Error(err)
	}
	if n := len(entered); n != 0 {
		t.Errorf("the hook ran for %d clients that were gone", n)
	}
}

// The failure of a client that resets its connection while the hook runs counts.
func TestFailuresOfClientsThatAreGoneCount(t *testing.T) {
	entered, release := make(chan bool), make(chan bool)
	v := startServer(t, Options{Authenticate: func(context.Context, asked) (any, error) {
		entered <- true
		<-release
		return nil, errors.New("no")
	}}, nil)
	for range 10 {
		w := dialWire(t, v, "/", message.Subprotocol)
		w.next()
		w.sendConnect(message.Connect{APIKey: []byte("bad")})
		<-entered
		w.nc.Close()
		eventually(t, "the stranger to be gone",
			func() bool { return v.ConnectionStats().Open == 0 })
		release <- true
	}
	eventually(t, "the address to be throttled", func() bool {
		r, nc := tryUpgrade(t, v, message.Subprotocol)
		nc.Close()
		return r.StatusCode == 429
	})
}
