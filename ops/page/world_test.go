package page_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/cluster"
	"github.com/smartsocket/smartsocket/ops"
	"github.com/smartsocket/smartsocket/ops/page"
)

const token = "a-token-of-the-operators"

// patience guards against hangs and measures nothing.
const patience = time.Minute

// world is a node of two with players in rooms, and its operations address.
type world struct {
	t       *testing.T
	server  *smartsocket.Server
	ops     http.Handler
	level   slog.LevelVar
	drained chan bool
	down    atomic.Bool // the operations address answers nobody
	cut     func()      // ends its connections
	log     text
}

// text collects a log. It is safe for concurrent use.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *text) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *text) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newWorld starts it all. The other node is called blue.
func newWorld(t *testing.T) *world {
	t.Helper()
	broker, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	broker.Start()
	t.Cleanup(func() { broker.Shutdown(); broker.WaitForShutdown() })
	if !broker.ReadyForConnections(patience) {
		t.Fatal("NATS is not ready")
	}
	w := &world{t: t, drained: make(chan bool, 1)}
	var here *cluster.Cluster
	for _, name := range []string{"blue", "red"} {
		here, err = cluster.New(cluster.Options{URL: broker.ClientURL(), Node: name,
			Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		w.server = serve(t, here)
	}
	w.ops = ops.Handler(w.server, ops.Options{Token: token, Cluster: here, Level: &w.level,
		Logger: slog.New(slog.NewTextHandler(&w.log, nil)), Drain: func() { w.drained <- true },
		Reload: func() ([]string, error) { return []string{"rateLimitWindow"}, nil },
		Page:   page.Handler()})
	return w
}

// ServeHTTP is the operations address, which may be down: then it cuts the connection.
func (w *world) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	if w.down.Load() {
		panic(http.ErrAbortHandler)
	}
	w.ops.ServeHTTP(to, r)
}

// listen serves the operations address below a path, "" for none, until the test ends.
func (w *world) listen(below string) (url string) {
	s := httptest.NewUnstartedServer(http.StripPrefix(below, w))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	w.cut = s.CloseClientConnections
	w.t.Cleanup(func() {
		s.CloseClientConnections() // tails would go on
		s.Close()
	})
	return s.URL + below
}

// serve starts a node.
func serve(t *testing.T, broker *cluster.Cluster) *smartsocket.Server {
	t.Helper()
	v, err := smartsocket.New(smartsocket.Options{Port: -1, EnableMessageCache: true,
		Broker: broker, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	arena := v.Namespace("/arena")
	smartsocket.Handle(arena, "join", func(s *smartsocket.Socket, rooms []string) (string, error) {
		return s.ID(), s.Join(rooms...)
	})
	smartsocket.Handle(arena, "auth", func(s *smartsocket.Socket, who string) (bool, error) {
		return true, s.Authenticated(who)
	})
	arena.On("move", func(_ *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		ack.Reply(d)
	})
	if err := v.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// player is a client in rooms.
type player struct {
	*client.Client
	id    string
	ended chan struct{} // when it is disconnected for the first time
	back  chan bool     // when it is in its session again
}

func (w *world) player(who string, rooms ...string) *player {
	w.t.Helper()
	c, err := client.New("ws://"+w.server.Addr().String(), client.Options{Namespace: "/arena",
		ReconnectDelay: time.Millisecond})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Disconnect)
	p := &player{Client: c, ended: make(chan struct{}), back: make(chan bool, 1)}
	var once sync.Once
	c.OnDisconnected(func(client.Reason) { once.Do(func() { close(p.ended) }) })
	c.OnReconnected(func(recovered bool) { p.back <- recovered })
	if err := c.Connect(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if _, err := client.Request[bool](w.t.Context(), c, "auth", who); err != nil {
		w.t.Fatal(err)
	}
	if p.id, err = client.Request[string](w.t.Context(), c, "join", rooms); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// crowd is some players in rooms of four.
func (w *world) crowd(n int) {
	for i := range n {
		w.player(fmt.Sprintf("player-%03d", i), fmt.Sprintf("match-%02d", i/4), "lobby")
	}
}

// move sends an event and waits for its ack.
func (p *player) move(t *testing.T) func() {
	return func() {
		t.Helper()
		if _, err := p.EmitWithAck(t.Context(), "move", map[string]int{"x": 1}); err != nil {
			t.Fatal(err)
		}
	}
}

// refuse has a client refused, for a namespace that there is not.
func (w *world) refuse() {
	w.t.Helper()
	c, err := client.New("ws://"+w.server.Addr().String(), client.Options{Namespace: "/nowhere"})
	if err != nil {
		w.t.Fatal(err)
	}
	if c.Connect(w.t.Context()) == nil {
		w.t.Fatal("a client of a namespace that there is not was taken")
	}
	c.Disconnect()
}

// logged waits for a part of the log.
func (w *world) logged(part string) {
	w.t.Helper()
	for late := time.Now().Add(patience); !strings.Contains(w.log.String(), part); {
		if time.Now().After(late) {
			w.t.Fatalf("the log has no %q:\n%s", part, &w.log)
		}
		time.Sleep(time.Millisecond)
	}
}
