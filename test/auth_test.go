package test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// connectWith does the handshake with an API key and returns the server's answer.
func connectWith(t testing.TB, v *smartsocket.Server, key string) (*wire, message.Message) {
	t.Helper()
	w := dialWire(t, v, "/", message.Subprotocol)
	h, err := message.ParseHello(func() []byte { _, p := w.next(); return p }())
	if err != nil || !h.AuthRequired {
		t.Fatalf("HELLO does not ask for authentication: %+v %v", h, err)
	}
	w.send(frame.Binary, message.AppendConnect(nil, &message.Connect{Version: 1, APIKey: []byte(key)}))
	return w, w.message()
}

func TestAPIKeys(t *testing.T) {
	v := startServer(t, smartsocket.Options{APIKeys: []string{"key-number-one", "key-number-two"}}, nil)
	for _, key := range []string{"key-number-one", "key-number-two"} {
		if _, m := connectWith(t, v, key); m.Kind != message.KindConnectAck {
			t.Errorf("%s was refused: %q", key, m.Payload)
		}
	}
	for _, key := range []string{"", "key-number-on", "key-number-one ", "KEY-NUMBER-ONE"} {
		w, m := connectWith(t, v, key)
		if e, err := message.ParseErrorJSON(m.Payload); m.Kind != message.KindError || err != nil || e.Code != message.CodeAuthFailed {
			t.Errorf("%q was answered with kind %d %q", key, m.Kind, m.Payload)
		}
		w.wantClose(3500)
	}
	p := dialPlain(t, v, "/")
	if _, b := p.next(); !strings.Contains(string(b), "ERR_CONN_004") {
		t.Errorf("a plain client got %q", b)
	}
	p.wantClose(3500)
}

// Who has not authenticated learns no names of namespaces, and nobody gets a list without end.
func TestStrangersLearnNoNamespaces(t *testing.T) {
	many := func(v *smartsocket.Server) {
		for i := range 1000 {
			v.Namespace(fmt.Sprintf("/secret-%03d", i))
		}
	}
	ask := func(v *smartsocket.Server, key string) string {
		w := dialWire(t, v, "/", message.Subprotocol)
		w.next()
		w.send(frame.Binary, message.AppendConnect(nil, &message.Connect{Version: 1, APIKey: []byte(key), Namespace: []byte("/guess")}))
		return string(w.message().Payload)
	}
	keyed := startServer(t, smartsocket.Options{APIKeys: []string{"key-number-one"}}, many)
	if got := ask(keyed, "wrong-key"); !strings.Contains(got, "ERR_CONN_004") || strings.Contains(got, "secret") {
		t.Errorf("with a wrong key: %s", got)
	}
	if got := ask(keyed, "key-number-one"); !strings.Contains(got, "ERR_MSG_005") || !strings.Contains(got, "/secret-000") || !strings.Contains(got, " and 981 more") || len(got) > 1000 {
		t.Errorf("with the key: %s", got)
	}
	for name, o := range map[string]smartsocket.Options{
		"hook":  {Authenticate: func(context.Context, smartsocket.AuthRequest) (any, error) { return nil, nil }},
		"event": {RequireAuth: true},
	} {
		if got := ask(startServer(t, o, many), ""); !strings.Contains(got, "ERR_MSG_005") || strings.Contains(got, "secret") {
			t.Errorf("before the %s: %s", name, got)
		}
	}
}

func TestFailedAuthenticationsAreThrottled(t *testing.T) {
	v := startServer(t, smartsocket.Options{APIKeys: []string{"key-number-one"}}, nil)
	for range 10 {
		w, _ := connectWith(t, v, "wrong-key")
		w.wantClose(3500)
	}
	nc, err := net.Dial("tcp", v.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	nc.Write(frame.AppendRequest(nil, v.Addr().String(), "/", frame.NewKey(), "", message.Subprotocol, "", ""))
	b := make([]byte, 4096)
	n, _ := nc.Read(b)
	if got := string(b[:n]); !strings.HasPrefix(got, "HTTP/1.1 429 ") || !strings.Contains(got, "Retry-After: ") {
		t.Errorf("the eleventh attempt got %q", got)
	}
}

func TestAuthenticateHook(t *testing.T) {
	type user struct{ name string }
	got := make(chan any, 1)
	v := startServer(t, smartsocket.Options{Authenticate: func(ctx context.Context, r smartsocket.AuthRequest) (any, error) {
		if r.Address != netip.MustParseAddr("127.0.0.1") || r.Namespace != "/" {
			t.Errorf("the hook was asked about %+v", r)
		}
		switch r.APIKey {
		case "panics":
			panic("boom")
		case "slow":
			<-ctx.Done()
			return nil, ctx.Err()
		case "ann":
			return &user{"Ann"}, nil
		}
		return nil, errors.New("who?")
	}, HandshakeTimeout: 300 * time.Millisecond}, func(v *smartsocket.Server) {
		v.OnConnected(func(s *smartsocket.Socket) { got <- s.Identity() })
	})
	if _, m := connectWith(t, v, "ann"); m.Kind != message.KindConnectAck {
		t.Fatalf("refused: %q", m.Payload)
	}
	if u, ok := (<-got).(*user); !ok || u.name != "Ann" {
		t.Errorf("identity %v", u)
	}
	for _, key := range []string{"bob", "panics", "slow"} {
		w, m := connectWith(t, v, key)
		e, err := message.ParseErrorJSON(m.Payload)
		// Who is too slow is refused by the hook's deadline or by the handshake's, whichever comes first.
		if m.Kind != message.KindError || err != nil || e.Code != message.CodeAuthFailed && !(key == "slow" && e.Code == message.CodeTimeout) {
			t.Errorf("%s was answered with kind %d %q", key, m.Kind, m.Payload)
		}
		w.nc.Close()
	}
}

func TestRequireAuthEvent(t *testing.T) {
	v := startServer(t, smartsocket.Options{AuthTimeout: 400 * time.Millisecond}, func(v *smartsocket.Server) {
		v.OnConnected(func(s *smartsocket.Socket) {
			time.Sleep(20 * time.Millisecond) // the client's first events arrive meanwhile
			s.RequireAuth()
		})
		smartsocket.On(v, "auth", func(s *smartsocket.Socket, token string, ack smartsocket.Ack) {
			if token != "secret" {
				ack.Fail(&smartsocket.Error{Code: message.CodeAuthFailed, Message: "no"})
				return
			}
			s.Authenticated(token)
			ack.Reply(true)
		})
		v.On("echo", echo)
		v.On("fast", echo, smartsocket.Inline)
	})
	w, never := dialFull(t, v, "/"), dialFull(t, v, "/")
	for i, event := range []string{"echo", "fast"} {
		w.request(uint64(i), event, "1")
		w.wantNack(uint64(i), message.CodeAuthFailed)
	}
	w.request(2, "auth", `"wrong"`)
	w.wantNack(2, message.CodeAuthFailed)
	w.request(3, "auth", `"secret"`)
	w.wantAck(3, "true")
	w.request(4, "echo", "1")
	w.wantEvent("echo", "1")
	w.wantAck(4, "1")
	never.wantClose(3500)
	w.request(5, "fast", "2")
	w.wantEvent("echo", "2")
}

func TestConnectionsPerAddressAndTrustedProxies(t *testing.T) {
	v := startServer(t, smartsocket.Options{MaxConnectionsPerAddress: 2, TrustedProxies: []string{"127.0.0.0/8"}}, nil)
	dial := func(forwarded string) (status string, nc net.Conn) {
		nc, err := net.Dial("tcp", v.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		nc.SetDeadline(time.Now().Add(patience))
		header := ""
		if forwarded != "" {
			header = "X-Forwarded-For: " + forwarded + "\r\n"
		}
		nc.Write(frame.AppendRequest(nil, v.Addr().String(), "/", frame.NewKey(), "", "", "", header))
		b := make([]byte, 4096)
		n, _ := nc.Read(b)
		return string(b[9:min(12, n)]), nc
	}
	_, first := dial("203.0.113.7")
	for _, step := range []struct{ forwarded, want string }{
		{"198.51.100.1, 203.0.113.7", "101"}, // the client made up the first
		{"203.0.113.7", "503"},
		{"203.0.113.8", "101"},
		{"2001:db8:1:2::1", "101"},
		{"2001:db8:1:2::2", "101"},
		{"2001:db8:1:2:ffff::3", "503"}, // same /64
		{"2001:db8:1:3::1", "101"},
		{"garbage", "101"}, // counts for the proxy itself
		{"", "101"},
		{"", "503"},
	} {
		if got, _ := dial(step.forwarded); got != step.want {
			t.Errorf("%q: status %s, want %s", step.forwarded, got, step.want)
		}
	}
	first.Close()
	eventually(t, "the address to have room again", func() bool {
		status, nc := dial("203.0.113.7")
		nc.Close()
		return status == "101"
	})
}

func TestRateLimits(t *testing.T) {
	v := startServer(t, smartsocket.Options{RateLimitMaxRequests: 5, RateLimitWindow: time.Hour}, func(v *smartsocket.Server) {
		v.SetEventRateLimit("rare", smartsocket.Limit{Window: time.Hour, MaxRequests: 1})
		for _, e := range []string{"any", "rare"} {
			v.On(e, func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) { ack.Reply(true) })
		}
		v.Namespace("/own").On("any", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) { ack.Reply(true) })
		v.Namespace("/own").On("rate-limit", func(s *smartsocket.Socket, d smartsocket.Data, _ smartsocket.Ack) {
			s.Emit("own-answer", errors.Is(d.Err(), smartsocket.ErrRateLimited))
		})
	})
	w := dialFull(t, v, "/")
	w.request(1, "rare", "")
	w.wantAck(1, "true")
	w.request(2, "rare", "")
	w.wantNack(2, message.CodeEventRateLimited)
	if m := w.message(); string(m.Event) != "__rate-limited__" || !strings.Contains(string(m.Payload), `"event":"rare"`) {
		t.Fatalf("%q %q", m.Event, m.Payload)
	}
	for i := range uint64(4) {
		w.request(10+i, "any", "")
		w.wantAck(10+i, "true")
	}
	w.request(20, "any", "")
	w.wantNack(20, message.CodeRateLimited)
	if m := w.message(); string(m.Event) != "__rate-limited__" || !strings.Contains(string(m.Payload), `"retryAfter":`) {
		t.Fatalf("%q %q", m.Event, m.Payload)
	}
	w.request(21, "any", "")
	w.wantNack(21, message.CodeRateLimited)
	w.emit("any", "")
	w.request(22, "any", "")
	w.wantNack(22, message.CodeRateLimited) // and no second notice before it
	o := dialFull(t, v, "/own")
	for i := range uint64(5) {
		o.request(i, "any", "")
		o.wantAck(i, "true")
	}
	o.emit("any", "")
	o.wantEvent("own-answer", "true")
}

// TestAuthenticatedOverAResume: a handler that still has the socket of the connection before authenticates the session.
func TestAuthenticatedOverAResume(t *testing.T) {
	in, release := make(chan bool, 1), make(chan bool)
	v := cacheServer(t, smartsocket.Options{RequireAuth: true})
	v.On("auth", func(s *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
		in <- true
		<-release
		s.Authenticated("me")
		ack.Reply("ok")
	})
	var a resumer
	a.connect(t, v, "/", "")
	a.request(1, "auth", `"secret"`)
	<-in
	a.again(t, v)
	a.request(1, "auth", `"secret"`)
	close(release)
	a.wantAck(1, `"ok"`)
	a.request(2, "get", "")
	a.wantAck(2, `[null,[],true]`)
}

// TestNoSessionBeforeAuthentication: strangers who come and go would push out the sessions of others.
func TestNoSessionBeforeAuthentication(t *testing.T) {
	v := cacheServer(t, smartsocket.Options{RequireAuth: true})
	var a resumer
	a.connect(t, v, "/", "")
	id := a.id
	a.nc.Close()
	eventually(t, "the socket to be gone", func() bool { return v.Namespace("/").Socket(id) == nil })
	a.connect(t, v, "/", "")
	if a.recovered || a.id == id {
		t.Error("the session was kept")
	}
}
