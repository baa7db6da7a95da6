package client

import (
	"bytes"
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"syscall/js"
	"testing"
	"time"
	"weak"

	"github.com/smartsocket/smartsocket/message"
)

// The tests here run in browsers, by TestInBrowsers, which starts the servers that the
// environment names.

const patience = 20 * time.Second

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func newClient(t *testing.T, server string, o Options) *Client {
	t.Helper()
	c, err := New(os.Getenv(server), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Disconnect)
	return c
}

func connect(t *testing.T, server string, o Options) *Client {
	t.Helper()
	c := newClient(t, server, o)
	if err := c.Connect(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return c
}

func take[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("%s never came", what)
	}
	panic("unreachable")
}

type point struct{ X, Y int }

// exchange sends text, JSON and bytes to the server's echo and back, as events and as answers.
func exchange(t *testing.T, c *Client) {
	t.Helper()
	echoed := make(chan Data, 1)
	c.On("echoed", func(d Data, _ Ack) { echoed <- d.Clone() })
	defer c.Off("echoed")
	random := make([]byte, 70000)
	for i := range random {
		random[i] = byte(i * i >> 3)
	}
	for _, sent := range [][]byte{{}, {0, 255, 128}, random} {
		answer, err := c.EmitWithAck(testContext(t), "echo", sent)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []Data{answer, take(t, echoed, "the event")} {
			if !d.Binary() || !bytes.Equal(d.Bytes(), sent) {
				t.Fatalf("%d bytes came back as %d, binary: %v", len(sent), len(d.Bytes()),
					d.Binary())
			}
		}
	}
	long := strings.Repeat("grüße & <b> 🎮 ", 2000)
	for _, sent := range []any{point{1, -2}, long, nil, []any{true, nil, 1.5}} {
		answer, err := c.EmitWithAck(testContext(t), "echo", sent)
		if err != nil {
			t.Fatal(err)
		}
		event := take(t, echoed, "the event")
		if answer.Binary() || !bytes.Equal(answer.Bytes(), event.Bytes()) {
			t.Fatalf("the answer is %.40q, the event %.40q", answer.Bytes(), event.Bytes())
		}
		switch sent := sent.(type) {
		case point:
			var p point
			if err := answer.Decode(&p); err != nil || p != sent {
				t.Errorf("%v came back as %v, %v", sent, p, err)
			}
		case string:
			var s string
			if err := answer.Decode(&s); err != nil || s != sent {
				t.Errorf("a long text came back as %.40q, %v", s, err)
			}
		}
	}
}

func TestJSConnect(t *testing.T) {
	c := connect(t, "PLAIN", Options{})
	if !c.Connected() || c.ID() == "" {
		t.Fatalf("connected: %v, id %q", c.Connected(), c.ID())
	}
	exchange(t, c) // the long text is compressed both ways
	On(c, "question", func(p point, ack Ack) { ack.Reply(p.X + p.Y) })
	if n, err := Request[int](testContext(t), c, "ask me", point{40, 2}); n != 42 || err != nil {
		t.Errorf("the server was answered %d, %v", n, err)
	}
	if _, err := c.EmitWithAck(
		testContext(t), "fail", nil); !errors.Is(err, message.ErrHandlerFailed) {
		t.Errorf("a failed ack is %v", err)
	}
	if _, err := c.EmitWithAck(
		testContext(t), "nobody", nil); !errors.Is(err, message.ErrNoHandler) {
		t.Errorf("an event without a handler is answered with %v", err)
	}
}

func TestJSSealed(t *testing.T) {
	for _, algorithm := range []string{"GCM", "CBC"} {
		t.Run(algorithm, func(t *testing.T) {
			exchange(t, connect(t, algorithm, Options{
				EncryptionKey: os.Getenv("KEY"),
			}))
		})
	}
}

func TestJSErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	another := strings.Repeat("A", 42) + "E="
	t.Setenv("CLOSED", "ws://127.0.0.1:"+os.Getenv("FREE_PORT"))
	t.Setenv("BLOCKED", "ws://127.0.0.1:25") // browsers connect to no mail server
	for name, tt := range map[string]struct {
		server string
		o      Options
		ctx    context.Context
		code   message.Code
	}{
		"nobody listens": {"CLOSED", Options{}, nil, message.CodeRefused},
		"no answer": {"SILENT", Options{
			ConnectTimeout: 50 * time.Millisecond,
		}, nil, message.CodeTimeout},
		"garbage":    {"GARBAGE", Options{}, nil, message.CodeHandshakeFailed},
		"no API key": {"KEYED", Options{}, nil, message.CodeAuthFailed},
		"wrong API key": {"KEYED", Options{APIKey: "another-secret"}, nil,
			message.CodeAuthFailed},
		"key, plain server": {"PLAIN", Options{EncryptionKey: another}, nil,
			message.CodeAuthFailed},
		"no key": {"GCM", Options{}, nil, message.CodeAuthFailed},
		"another key": {"GCM", Options{EncryptionKey: another}, nil,
			message.CodeAuthFailed},
		"no such namespace": {"PLAIN", Options{Namespace: "/nowhere"}, nil,
			message.CodeInvalidNamespace},
		"canceled before":     {"PLAIN", Options{}, canceled, message.CodeConnectionLost},
		"a port that is none": {"BLOCKED", Options{}, nil, message.CodeRefused},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, tt.server, tt.o)
			ctx := tt.ctx
			if ctx == nil {
				ctx = testContext(t)
			}
			if err := c.Connect(ctx); asError(err, "none").Code != tt.code {
				t.Errorf("Connect: %v, want %s", err, tt.code)
			}
			if c.Connected() {
				t.Error("the client believes to be connected")
			}
		})
	}
	c := connect(t, "KEYED", Options{APIKey: "a-long-secret-of-the-test"})
	c.Disconnect()
}

func TestJSCancel(t *testing.T) {
	c := newClient(t, "SILENT", Options{})
	ctx, cancel := context.WithCancel(testContext(t))
	result := make(chan error, 1)
	go func() { result <- c.Connect(ctx) }()
	runtime.Gosched() // Connect waits by now
	cancel()
	if err := take(t, result, "Connect's result"); !errors.Is(err, context.Canceled) {
		t.Errorf("Connect: %v", err)
	}
	go func() { result <- c.Connect(testContext(t)) }()
	runtime.Gosched()
	c.Disconnect()
	if err := take(t, result, "Connect's result"); !errors.Is(err, context.Canceled) {
		t.Errorf("Connect, ended by Disconnect: %v", err)
	}

	c = connect(t, "PLAIN", Options{})
	ctx, cancel = context.WithCancel(testContext(t))
	c.On("question", func(Data, Ack) { cancel() }) // asked while we wait, never answered
	if _, err := c.EmitWithAck(ctx, "ask me", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("EmitWithAck: %v", err)
	}
}

// TestJSRecover breaks the connection: the session goes on and what was missed comes, once
// and in order.
func TestJSRecover(t *testing.T) {
	c := newClient(t, "RELAY", Options{ReconnectDelay: time.Millisecond})
	numbers, back := make(chan int, 100), make(chan bool, 1)
	On(c, "number", func(n int, _ Ack) { numbers <- n })
	c.OnReconnected(func(recovered bool) { back <- recovered })
	if err := c.Connect(testContext(t)); err != nil {
		t.Fatal(err)
	}
	id := c.ID()
	for range 3 {
		if err := c.Emit("cut", nil); err != nil {
			t.Fatal(err)
		}
		if !take(t, back, "the session") || c.ID() != id || !c.Recovered() {
			t.Errorf("the session did not recover: %s, was %s", c.ID(), id)
		}
		for want := 1; want <= 2; want++ {
			if n := take(t, numbers, "an event"); n != want {
				t.Errorf("event %d came, want %d", n, want)
			}
		}
	}
	exchange(t, c)
}

// TestJSServerDisconnects: a kicked client comes back, a banned one does not.
func TestJSServerDisconnects(t *testing.T) {
	c := newClient(t, "PLAIN", Options{ReconnectDelay: time.Millisecond})
	ends, back := make(chan Reason, 1), make(chan bool, 1)
	c.OnDisconnected(func(r Reason) { ends <- r })
	c.OnReconnected(func(recovered bool) { back <- recovered })
	if err := c.Connect(testContext(t)); err != nil {
		t.Fatal(err)
	}
	c.Emit("kick", nil)
	if r := take(t, ends, "the end"); r.Code != 3000 || r.Text != "kicked" {
		t.Errorf("kicked: %v", r)
	}
	take(t, back, "the session")
	exchange(t, c)
	c.Emit("ban", nil)
	if r := take(t, ends, "the end"); r.Code != 3500 {
		t.Errorf("banned: %v", r)
	}
	if err := c.Emit("echo", nil); !errors.Is(err, message.ErrConnectionLost) {
		t.Errorf("a banned client emits: %v", err)
	}
}

// TestJSSilence: a server from which nothing comes any more is given up.
func TestJSSilence(t *testing.T) {
	c := newClient(t, "MUTE", Options{MaxReconnectAttempts: Never})
	ends := make(chan Reason, 1)
	c.OnDisconnected(func(r Reason) { ends <- r })
	if err := c.Connect(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if r := take(t, ends, "the end"); r.Code != closeAbnormal ||
		!strings.Contains(r.Text, "silent") {
		t.Errorf("ended by %v", r)
	}
}

// TestJSBackpressure: a server that reads nothing does not fill the page's memory.
func TestJSBackpressure(t *testing.T) {
	c := connect(t, "STUCK", Options{SendTimeout: 20 * time.Millisecond})
	chunk := make([]byte, 64<<10)
	for range 2000 {
		if err := c.Emit("chunk", chunk); err != nil {
			if !errors.Is(err, message.ErrTimeout) {
				t.Errorf("Emit: %v", err)
			}
			ws := c.current.Load().t.(*jsTransport).ws
			if n := ws.Get("bufferedAmount").Int(); n > 1<<20+2*len(chunk) {
				t.Errorf("%d bytes are unsent", n)
			}
			return
		}
	}
	t.Error("all was taken by a server that reads nothing")
}

func TestJSTooLarge(t *testing.T) {
	c := newClient(t, "PLAIN", Options{MaxMessageBytes: 1000, MaxReconnectAttempts: Never})
	ends := make(chan Reason, 1)
	c.OnDisconnected(func(r Reason) { ends <- r })
	if err := c.Connect(testContext(t)); err != nil {
		t.Fatal(err)
	}
	c.Emit("echo", randomLooking(5000))
	if r := take(t, ends, "the end"); r.Code != message.CloseTooLarge {
		t.Errorf("ended by %v", r)
	}
}

// randomLooking does not compress.
func randomLooking(n int) []byte {
	b := make([]byte, n)
	for i, x := 0, uint32(1); i < n; i++ {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// TestJSEventLoop: while thousands of events arrive the page's own timers run, and a
// callback of the page may emit.
func TestJSEventLoop(t *testing.T) {
	const events = 5000
	c := newClient(t, "PLAIN", Options{})
	done := make(chan bool)
	next := 0
	On(c, "number", func(n int, _ Ack) {
		if n != next {
			t.Errorf("event %d came, want %d", n, next)
		}
		if next++; next == events {
			close(done)
		}
	})
	if err := c.Connect(testContext(t)); err != nil {
		t.Fatal(err)
	}
	ticks, emitted := 0, make(chan error, 1)
	tick := js.FuncOf(func(js.Value, []js.Value) any {
		if ticks++; ticks == 1 {
			emitted <- c.Emit("count", events)
		}
		return nil
	})
	defer tick.Release()
	timer := js.Global().Call("setInterval", tick, 1)
	defer js.Global().Call("clearInterval", timer)
	if err := take(t, emitted, "the page's timer"); err != nil {
		t.Fatal(err)
	}
	take(t, done, "the last event")
	if ticks < 2 {
		t.Error("the page stood still meanwhile")
	}
}

// TestJSReleases: nothing of a connection that ended is held, neither by the browser nor by
// a timer, however it ended.
func TestJSReleases(t *testing.T) {
	var left []weak.Pointer[jsTransport]
	for range 5 {
		for _, end := range []func(*Client){
			(*Client).Disconnect,
			func(c *Client) { c.Emit("ban", nil) },
			func(c *Client) { c.current.Load().t.abort() },
		} {
			c := connect(t, "PLAIN", Options{MaxReconnectAttempts: Never})
			s := c.current.Load()
			transport := s.t.(*jsTransport)
			left = append(left, weak.Make(transport))
			funcs := len(transport.funcs)
			end(c)
			take(t, s.done, "the end of the reader")
			if funcs != 3 || transport.funcs != nil {
				t.Errorf("%d callbacks, %d are not released", funcs, len(transport.funcs))
			}
		}
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		runtime.GC()
		held := 0
		for _, p := range left {
			if p.Value() != nil {
				held++
			}
		}
		if held <= 1 { // the last one may lie in a dead variable
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d ended connections are held", held, len(left))
		}
	}
}
