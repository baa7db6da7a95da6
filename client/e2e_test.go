//go:build !js

package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

type point struct{ X, Y int }

// echoes registers what the tests ask the server for.
func echoes(v *smartsocket.Server) {
	v.On("echo", func(_ *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		ack.Reply(d)
	})
	v.On("back", func(s *smartsocket.Socket, d smartsocket.Data, _ smartsocket.Ack) {
		switch {
		case d.Empty():
			s.Emit("back", nil)
		case d.Binary():
			s.Emit("back", d.Bytes())
		default:
			s.Emit("back", d.JSON())
		}
	}, smartsocket.Inline) // a mailbox holds no 5000 events
	smartsocket.Handle(v, "join", func(s *smartsocket.Socket, room string) (int, error) {
		err := s.Join(room)
		return s.Namespace().RoomLen(room), err
	})
	smartsocket.On(v, "say", func(s *smartsocket.Socket, text string, ack smartsocket.Ack) {
		s.Namespace().To("room").Emit("said", text)
		ack.Reply(nil)
	})
	smartsocket.Handle(v, "fail", func(*smartsocket.Socket, any) (any, error) {
		return nil, smartsocket.ErrRejected
	})
	v.On("drop", func(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) {
		s.DisconnectWith(frame.CloseNormal, "") // which lets the client come back
	})
	v.On("silent", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {})
	v.On("ask", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		a, err := s.EmitWithAck(context.Background(), "question", d)
		if err != nil {
			ack.Fail(err)
			return
		}
		ack.Reply(a)
	})
}

// pair connects two clients.
func pair(t *testing.T, url string, o Options) [2]*Client {
	t.Helper()
	return [2]*Client{connect(t, newClient(t, url, o)), connect(t, newClient(t, url, o))}
}

func TestEvents(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoes)
	for _, c := range pair(t, urlOf(v, "/"), Options{}) {
		if !c.Connected() || !strings.HasPrefix(c.ID(), "ss_") {
			t.Fatalf("Connected() = %v, ID() = %q", c.Connected(), c.ID())
		}
		got := make(chan Data, 8)
		c.On("back", func(d Data, _ Ack) { got <- d.Clone() })
		for _, data := range []any{nil, []byte{0, 1, 255}, []byte{}, json.RawMessage(`{"a":[1,2]}`),
			point{1, 2}, "text", 0, false, []int{}} {
			if err := c.Emit("back", data); err != nil {
				t.Fatal(err)
			}
			want, flags, _ := appendData(nil, data)
			d := take(t, got, "the event")
			if !bytes.Equal(d.Bytes(), want) || d.Binary() != (flags != 0) ||
				d.Empty() != (data == nil) {
				t.Errorf("%v came back as %q, binary %v, empty %v", data, d.Bytes(), d.Binary(),
					d.Empty())
			}
		}
		for _, data := range []any{json.RawMessage(`{"a":`), json.RawMessage("\xff"),
			make(chan int)} {
			if err := c.Emit("back", data); !errors.Is(err, message.ErrInvalidFormat) {
				t.Errorf("Emit(%q) = %v", data, err)
			}
		}
	}
}

func TestAcks(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoes)
	ctx := testContext(t)
	for _, c := range pair(t, urlOf(v, "/"), Options{}) {
		p, err := Request[point](ctx, c, "echo", point{3, 4})
		if err != nil || p != (point{3, 4}) {
			t.Errorf("Request = %v, %v", p, err)
		}
		if d, err := c.EmitWithAck(ctx, "echo", []byte{1, 0, 2}); err != nil || !d.Binary() ||
			!bytes.Equal(d.Bytes(), []byte{1, 0, 2}) {
			t.Errorf("EmitWithAck = %v, %v", d, err)
		}
		if d, err := c.EmitWithAck(ctx, "echo", nil); err != nil || !d.Empty() {
			t.Errorf("EmitWithAck without data = %v, %v", d, err)
		}
		if _, err := c.EmitWithAck(ctx, "fail", nil); !errors.Is(err, message.ErrRejected) {
			t.Errorf("fail: %v", err)
		}
		if _, err := c.EmitWithAck(ctx, "nobody", nil); !errors.Is(err, message.ErrNoHandler) {
			t.Errorf("no handler: %v", err)
		}
		if _, err := Request[[]int](
			ctx, c, "echo", "text"); !errors.Is(err, message.ErrAckInvalid) {
			t.Errorf("an answer that does not fit: %v", err)
		}
		done := make(chan error, 1)
		if err := c.EmitAck("echo", 1, 0, func(d Data, err error) { done <- err }); err != nil {
			t.Error(err)
		}
		if err := take(t, done, "the callback"); err != nil {
			t.Error(err)
		}
	}
}

// TestServerAsks has the server wait for answers, of handlers that ask the server themselves.
func TestServerAsks(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoes)
	ctx := testContext(t)
	for _, c := range pair(t, urlOf(v, "/"), Options{}) {
		if _, err := c.EmitWithAck(ctx, "ask", 1); !errors.Is(err, message.ErrNoHandler) {
			t.Errorf("without handler: %v", err)
		}
		On(c, "question", func(n int, ack Ack) {
			if n == 0 {
				panic("nought")
			}
			if n < 0 {
				ack.Fail(errors.New("negative"))
				return
			}
			ack.Reply(n + 1)
			ack.Reply("a second answer")
		})
		if n, err := Request[int](ctx, c, "ask", 41); err != nil || n != 42 {
			t.Errorf("Request = %v, %v", n, err)
		}
		if _, err := c.EmitWithAck(ctx, "ask", -1); !errors.Is(err, message.ErrHandlerFailed) ||
			!strings.Contains(err.Error(), "negative") {
			t.Errorf("Fail: %v", err)
		}
		if _, err := c.EmitWithAck(ctx, "ask", 0); !errors.Is(err, message.ErrHandlerFailed) {
			t.Errorf("a panic: %v", err)
		}
		if _, err := c.EmitWithAck(
			ctx, "ask", "no number"); !errors.Is(err, message.ErrInvalidFormat) {
			t.Errorf("a question that does not fit: %v", err)
		}
		// A handler may block on an answer.
		got := make(chan int, 1)
		c.On("back", func(Data, Ack) {
			n, err := Request[int](ctx, c, "echo", 7)
			if err != nil {
				t.Error(err)
			}
			got <- n
		})
		c.Emit("back", nil)
		if n := take(t, got, "the answer inside a handler"); n != 7 {
			t.Errorf("the answer inside a handler is %d", n)
		}
	}
}

func TestRooms(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoes)
	ctx := testContext(t)
	both := pair(t, urlOf(v, "/"), Options{})
	said := make(chan string, 4)
	for i, c := range both {
		On(c, "said", func(text string, _ Ack) { said <- text })
		if n, err := Request[int](ctx, c, "join", "room"); err != nil || n != i+1 {
			t.Fatalf("join = %d, %v", n, err)
		}
	}
	if _, err := both[0].EmitWithAck(ctx, "say", "hello"); err != nil {
		t.Fatal(err)
	}
	for range both {
		if text := take(t, said, "the broadcast"); text != "hello" {
			t.Errorf("the broadcast said %q", text)
		}
	}
}

func TestOrder(t *testing.T) {
	const n = 5000
	v := startServer(t, smartsocket.Options{}, echoes)
	var wg sync.WaitGroup
	for _, c := range pair(t, urlOf(v, "/"), Options{}) {
		done := make(chan bool)
		next := 0
		On(c, "back", func(i int, _ Ack) {
			if i != next {
				t.Errorf("message %d came as number %d", i, next)
			}
			if next++; next == n {
				close(done)
			}
		})
		wg.Go(func() {
			for i := range n {
				if err := c.Emit("back", i); err != nil {
					t.Error(err)
				}
			}
		})
		take(t, done, "the last of the messages")
	}
	wg.Wait()
}

func TestCompression(t *testing.T) {
	v := startServer(t, smartsocket.Options{MaxMessageBytes: 1 << 20}, echoes)
	ctx := testContext(t)
	var words strings.Builder // that compress well, and not to less than a server takes
	r := rand.New(rand.NewPCG(1, 2))
	for range 2500 {
		fmt.Fprint(&words, strings.Repeat("compressible ", 4), r.IntN(1000))
	}
	text := json.RawMessage(`"` + words.String() + `"`)
	for _, c := range pair(t, urlOf(v, "/"), Options{MaxMessageBytes: 1 << 20}) {
		l := c.current.Load()
		b := append(message.AppendEventHeader(nil, 0, 0, 0, "e"), text...)
		out := l.pack(b, 3)
		if !out.small || len(out.b) > len(b)/10 {
			t.Errorf("%d bytes leave as %d", len(b), len(out.b))
		}
		out.done()
		if d, err := c.EmitWithAck(ctx, "echo", text); err != nil || !bytes.Equal(d.Bytes(), text) {
			t.Errorf("%d bytes came back, %v", len(d.Bytes()), err)
		}
		if err := c.Emit("echo", make([]byte, 1<<20+1)); !errors.Is(err, message.ErrTooLarge) {
			t.Errorf("over the limit: %v", err)
		}
	}
}

const testKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

func TestEncryption(t *testing.T) {
	for _, alg := range []string{"aes-256-gcm", "aes-256-cbc"} {
		t.Run(alg, func(t *testing.T) {
			v := startServer(t, smartsocket.Options{
				EncryptionKey:       testKey,
				EncryptionAlgorithm: alg,
			}, echoes)
			ctx := testContext(t)
			for i, c := range pair(t, urlOf(v, "/"), Options{EncryptionKey: testKey}) {
				if c.current.Load().ends == nil {
					t.Fatal("the session is not encrypted")
				}
				On(c, "question", func(n int, ack Ack) { ack.Reply(n + i) })
				if n, err := Request[int](ctx, c, "ask", 5); err != nil || n != 5+i {
					t.Errorf("Request = %d, %v", n, err)
				}
				big := strings.Repeat("abc", 10_000)
				if s, err := Request[string](ctx, c, "echo", big); err != nil || s != big {
					t.Errorf("%d bytes, %v", len(s), err)
				}
				var wg sync.WaitGroup
				for g := range 4 {
					wg.Go(func() {
						for k := range 50 {
							if n, err := Request[int](ctx, c, "echo", g*100+k); err != nil ||
								n != g*100+k {
								t.Errorf("Request = %d, %v", n, err)
							}
						}
					})
				}
				wg.Wait()
			}
			for name, o := range map[string]Options{
				"another key": {EncryptionKey: strings.Replace(testKey, "A", "B", 1)},
				"no key":      {APIKey: "secret"},
				"another algorithm": {EncryptionKey: testKey,
					EncryptionAlgorithm: map[string]string{"aes-256-gcm": "aes-256-cbc",
						"aes-256-cbc": "aes-256-gcm"}[alg]},
			} {
				c := newClient(t, urlOf(v, "/"), o)
				c.OnReconnecting(func(Reconnecting) { t.Errorf("%s: reconnects", name) })
				if err := c.Connect(ctx); !errors.Is(err, message.ErrAuthFailed) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	t.Run("plain server", func(t *testing.T) {
		v := startServer(t, smartsocket.Options{}, echoes)
		c := newClient(t, urlOf(v, "/"), Options{EncryptionKey: testKey, APIKey: "secret"})
		if err := c.Connect(testContext(t)); !errors.Is(err, message.ErrAuthFailed) {
			t.Errorf("%v", err)
		}
	})
}

func TestNamespaces(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		echoes(v)
		game := v.Namespace("/game")
		smartsocket.Handle(game, "where", func(s *smartsocket.Socket, _ any) (string, error) {
			return s.Namespace().Path(), nil
		})
	})
	ctx := testContext(t)
	for _, c := range []*Client{
		newClient(t, urlOf(v, "/game"), Options{}),
		newClient(t, urlOf(v, ""), Options{Namespace: "game/"}),
	} {
		if s, err := Request[string](ctx, connect(t, c), "where", nil); s != "/game" {
			t.Errorf("in namespace %q, %v", s, err)
		}
	}
	for _, c := range []*Client{
		newClient(t, urlOf(v, "/"), Options{Namespace: "/none"}),
		newClient(t, urlOf(v, "/none"), Options{}),
	} {
		err := c.Connect(ctx)
		if !errors.Is(err, message.ErrInvalidNamespace) || !strings.Contains(err.Error(), "/game") {
			t.Errorf("an unknown namespace: %v", err)
		}
		if c.Connected() {
			t.Error("connected to nothing")
		}
	}
	if err := newClient(t, urlOf(v, "/none"),
		Options{EnableNamespaces: Disabled}).Connect(ctx); err != nil {
		t.Errorf("without namespaces: %v", err)
	}
}

// The server decides about the namespace of a client that was given none: below a mount, the path
// behind it, as in a browser.
func TestNamespaceBelowAMount(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		where := func(s *smartsocket.Socket, _ any) (string, error) {
			return s.Namespace().Path(), nil
		}
		smartsocket.Handle(v, "where", where)
		smartsocket.Handle(v.Namespace("/game"), "where", where)
	})
	mux := http.NewServeMux()
	mux.Handle("/ws/", http.StripPrefix("/ws", v))
	h := httptest.NewServer(mux)
	defer h.Close()
	at := "ws" + strings.TrimPrefix(h.URL, "http")
	for _, c := range []struct {
		url, given, want string
	}{
		{at + "/ws/", "", "/"}, {at + "/ws/game", "", "/game"},
		{at + "/ws/g%61me/?x=1", "", "/game"},
		{at + "/ws/", "/game", "/game"}, {at + "/ws/game", "/", "/"},
	} {
		client := connect(t, newClient(t, c.url, Options{Namespace: c.given}))
		s, err := Request[string](testContext(t), client, "where", nil)
		if s != c.want || err != nil {
			t.Errorf("%s, given %q: in %q, %v", c.url, c.given, s, err)
		}
		client.Disconnect()
	}
}

func TestFullServer(t *testing.T) {
	v := startServer(t, smartsocket.Options{MaxConnections: 1}, nil)
	connect(t, newClient(t, urlOf(v, "/"), Options{}))
	if err := newClient(t, urlOf(
		v, "/"), Options{}).Connect(testContext(t)); !errors.Is(err, message.ErrMaxConnections) {
		t.Errorf("%v", err)
	}
}

func TestBadEvents(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, nil)
	c := newClient(t, urlOf(v, "/"), Options{})
	if err := c.Emit("x", nil); !errors.Is(err, message.ErrConnectionLost) {
		t.Errorf("before Connect: %v", err)
	}
	connect(t, c)
	for _, name := range []string{"", "connect", "__x", "a\nb", "\xff", strings.Repeat("n", 129)} {
		if err := c.Emit(name, nil); !errors.Is(err, message.ErrInvalidFormat) {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := c.EmitWithAck(
			testContext(t), name, nil); !errors.Is(err, message.ErrInvalidFormat) {
			t.Errorf("%q with ack: %v", name, err)
		}
	}
	if err := c.Emit("x", func() {}); !errors.Is(err, message.ErrInvalidFormat) {
		t.Errorf("a function: %v", err)
	}
	if n := c.Stats().PendingAcks; n != 0 {
		t.Errorf("%d acks wait", n)
	}
	c.Disconnect()
	if err := c.Emit("x", nil); !errors.Is(err, message.ErrConnectionLost) {
		t.Errorf("after Disconnect: %v", err)
	}
}

func TestOptionErrors(t *testing.T) {
	for field, o := range map[string]Options{
		"EncryptionKey":       {EncryptionKey: "short"},
		"EncryptionAlgorithm": {EncryptionAlgorithm: "rot13"}, "QueueSize": {QueueSize: -1},
		"MaxReconnectAttempts": {MaxReconnectAttempts: -3}, "AckTimeout": {AckTimeout: -1},
		"APIKey": {APIKey: strings.Repeat("k", 4096)}, "Origin": {Origin: "a\r\nb: c"},
		"APIKeyFunc": {APIKey: "k", APIKeyFunc: func(context.Context) (string, error) {
			return "", nil
		}},
		"Credentials": {APIKey: "k", Credentials: func(context.Context) (string, error) {
			return "", nil
		}},
		"Namespace": {EnableNamespaces: Disabled, Namespace: "/game"},
	} {
		_, err := New("ws://localhost", o)
		if e := (*OptionError)(nil); !errors.As(err, &e) || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, u := range []string{"", "localhost", "ftp://a", "ws://", "ws://u:p@host", "ws://host/#f",
		"ws://a b/"} {
		if _, err := New(u, Options{}); err == nil {
			t.Errorf("%q is accepted", u)
		}
	}
	if _, err := New("ws://localhost", Options{EnableEncryption: Enabled}); err == nil {
		t.Error("encryption without a key is accepted")
	}
}

// The defaults of the reference.
func TestDefaults(t *testing.T) {
	c, err := New("ws://localhost:3000", Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := c.opts
	for _, d := range []struct {
		name      string
		got, want any
	}{
		{"namespace", c.namespace, ""}, {"encryption", c.key == nil, true},
		{"offline", o.Offline, OfflineQueue},
		{"reconnectDelay", o.ReconnectDelay, time.Second},
		{"maxReconnectAttempts", o.MaxReconnectAttempts, 10},
		{"ackTimeout", o.AckTimeout, 30 * time.Second},
		{"connectTimeout", o.ConnectTimeout, 10 * time.Second},
		{"queueSize", o.QueueSize, 1000}, {"queueAge", o.QueueAge, 5 * time.Minute},
		{"maxMessageBytes", o.MaxMessageBytes, 16 << 20},
	} {
		if d.got != d.want {
			t.Errorf("%s is %v, want %v", d.name, d.got, d.want)
		}
	}
}

func TestHandlers(t *testing.T) {
	c := newClient(t, "ws://localhost", Options{})
	var got []string
	note := func(s string) Handler { return func(Data, Ack) { got = append(got, s) } }
	c.On("e", note("a"))
	c.Once("e", note("once"))
	c.On("e", note("b"))
	c.fire("e", Data{})
	c.fire("e", Data{})
	done := make(chan bool)
	c.post(job{run: func() { close(done) }})
	take(t, done, "the last of the handlers")
	c.Off("e")
	if c.handlers.Find([]byte("e")) != nil {
		t.Error("Off left handlers")
	}
	if s := fmt.Sprint(got); s != "[a once b a b]" {
		t.Errorf("the handlers ran as %s", s)
	}
}
