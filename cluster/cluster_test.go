package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/internal/leaktest"
)

// TestMain checks that nothing of the package keeps running after the tests. In a process that a
// test has started it runs a NATS server instead.
func TestMain(m *testing.M) {
	if os.Getenv(natsProcess) != "" {
		serveNATS()
		return
	}
	leaktest.Main(m)
}

// hangs limits every wait of these tests. It exists for hangs and says nothing about speed.
const hangs = 30 * time.Second

// startNATS runs a NATS server until the test ends. Port -1 means any free port.
func startNATS(t testing.TB, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoLog: true,
		NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(hangs) {
		t.Fatal("the NATS server does not start")
	}
	t.Cleanup(func() { stopNATS(s) })
	return s
}

// portOf returns the port of a NATS server, for the one that takes its place.
func portOf(s *server.Server) int { return s.Addr().(*net.TCPAddr).Port }

func stopNATS(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// node is one SmartSocket server of a cluster.
type node struct {
	t       testing.TB
	cluster *Cluster
	server  *smartsocket.Server
	log     *logBook

	mu   sync.Mutex
	gaps []Gap
}

// startNode starts a server with the namespaces / and those given. Their clients may join rooms.
// However slow the machine is, nothing is too old for it, and nobody silent.
func startNode(t testing.TB, url, name string, namespaces ...string) *node {
	t.Helper()
	return startNodeWith(t, Options{URL: url, Node: name, heartbeat: 50 * time.Millisecond,
		MaxAge: hangs, silence: hangs}, namespaces...)
}

// startStrictNode is startNode with the limits that a program has.
func startStrictNode(t testing.TB, url, name string) *node {
	t.Helper()
	return startNodeWith(t, Options{URL: url, Node: name, heartbeat: 50 * time.Millisecond})
}

// startNodeWith is startNode with options of the cluster.
func startNodeWith(t testing.TB, o Options, namespaces ...string) *node {
	t.Helper()
	n := &node{t: t, log: new(logBook)}
	logger := n.log.logger()
	o.Logger = logger
	o.OnGap = func(g Gap) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.gaps = append(n.gaps, g)
	}
	var err error
	if n.cluster, err = New(o); err != nil {
		t.Fatal(err)
	}
	n.server, err = smartsocket.New(smartsocket.Options{
		Host: "127.0.0.1", Port: -1, EnableRateLimiting: smartsocket.Disabled, Broker: n.cluster,
		Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(namespaces, "/") {
		ns := n.server.Namespace(path)
		smartsocket.Handle(ns, "join", func(s *smartsocket.Socket, rooms []string) (bool, error) {
			return true, s.Join(rooms...)
		})
		smartsocket.Handle(ns, "leave", func(s *smartsocket.Socket, rooms []string) (bool, error) {
			s.Leave(rooms...)
			return true, nil
		})
	}
	if err := n.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.stop)
	return n
}

func (n *node) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	defer cancel()
	if err := n.server.Shutdown(ctx); err != nil {
		n.t.Errorf("Shutdown: %v", err)
	}
}

// settles waits for the counters, which may lag behind what the clients already have.
func (n *node) settles(what string, ok func(Stats) bool) {
	n.t.Helper()
	end := time.Now().Add(hangs)
	for !ok(n.cluster.Stats()) {
		if time.Now().After(end) {
			n.t.Fatalf("%s: waited too long for %s: %+v", n.cluster.node, what, n.cluster.Stats())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (n *node) gapList() []Gap {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]Gap(nil), n.gaps...)
}

// logBook keeps a log for the test to read.
type logBook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBook) logger() *slog.Logger {
	return slog.New(smartsocket.NewLogHandler(l, slog.LevelInfo))
}

func (l *logBook) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

// startCluster starts n nodes and waits until each knows the others and therefore hears them.
func startCluster(t testing.TB, n int, namespaces ...string) (*server.Server, []*node) {
	t.Helper()
	broker := startNATS(t, -1)
	nodes := make([]*node, n)
	for i := range nodes {
		nodes[i] = startNode(t, broker.ClientURL(), fmt.Sprintf("node-%d", i), namespaces...)
	}
	meet(t, nodes...)
	return broker, nodes
}

func meet(t testing.TB, nodes ...*node) {
	t.Helper()
	eventually(t, "the nodes to know each other", func() bool {
		for _, n := range nodes {
			if st := n.cluster.Stats(); st.Nodes != len(nodes) || st.State != Connected {
				return false
			}
		}
		return true
	})
	// After a reconnect the nodes may know each other from before.
	for _, n := range nodes {
		if err := n.cluster.nc.FlushTimeout(hangs); err != nil { // NATS has the subscriptions now
			t.Fatal(err)
		}
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(hangs); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

// user is a client that records what it is sent under the names msg and end.
type user struct {
	t    testing.TB
	c    *client.Client
	got  chan string
	name string
}

func (n *node) dial(namespace string, rooms ...string) *user {
	n.t.Helper()
	c, err := client.New("ws://"+n.server.Addr().String(),
		client.Options{Namespace: namespace, MaxReconnectAttempts: client.Never})
	if err != nil {
		n.t.Fatal(err)
	}
	u := &user{t: n.t, c: c, got: make(chan string, 1<<16)}
	for _, event := range []string{"msg", "end"} {
		c.On(event, func(d client.Data, _ client.Ack) { u.got <- event + " " + string(d.Bytes()) })
	}
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	defer cancel()
	if err := c.Connect(ctx); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { c.Disconnect() })
	u.name = c.ID()
	if len(rooms) > 0 {
		u.ask("join", rooms...)
	}
	return u
}

func (u *user) ask(event string, rooms ...string) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	defer cancel()
	if _, err := u.c.EmitWithAck(ctx, event, rooms); err != nil {
		u.t.Fatalf("%s %v: %v", event, rooms, err)
	}
}

// next returns the next event that the client was sent.
func (u *user) next() string {
	u.t.Helper()
	select {
	case text := <-u.got:
		return text
	case <-time.After(hangs):
		u.t.Fatalf("client %s waited too long for an event", u.name)
		return ""
	}
}

func (u *user) want(texts ...string) {
	u.t.Helper()
	for _, text := range texts {
		if got := u.next(); got != text {
			u.t.Fatalf("client %s got %q, want %q", u.name, got, text)
		}
	}
}

// emitter is anything that can emit: a Server, a Namespace, a Target.
type emitter interface {
	Emit(string, any, ...smartsocket.EmitOption) (smartsocket.Delivery, error)
}

func emit(t testing.TB, to emitter, event string, data any) {
	t.Helper()
	if _, err := to.Emit(event, data); err != nil {
		t.Fatal(err)
	}
}

// What one node emits reaches the matching sockets of every node once and in order, and no others.
// A socket that must not get a message would find it before the end.
func TestBroadcastsReachEveryNode(t *testing.T) {
	_, nodes := startCluster(t, 3, "/game")
	users := make([]*user, 3) // one on each node
	var others []*user
	for i, n := range nodes {
		users[i] = n.dial("/", "all", fmt.Sprintf("room-%d", i))
		others = append(others, n.dial("/game", "all"))
	}
	srv := nodes[0].server
	ns, game := srv.Namespace("/"), srv.Namespace("/game")
	here := ns.Socket(users[0].name)
	for i, step := range []struct {
		name  string
		to    emitter
		users string // the users that receive it
		games bool
	}{
		{"server", srv, "012", true},
		{"namespace", ns, "012", false},
		{"other namespace", game, "", true},
		{"room of all", ns.To("all"), "012", false},
		{"room elsewhere", ns.To("room-2"), "2", false},
		{"rooms, one message each", ns.To("all", "room-1", "room-2"), "012", false},
		{"id elsewhere", ns.ToSocket(users[1].name), "1", false},
		{"id elsewhere by To of the server", srv.To(users[2].name), "2", false},
		{"id here and id elsewhere", ns.To(users[0].name, users[1].name), "01", false},
		{"id here", ns.ToSocket(users[0].name), "0", false},
		{"all but a room", ns.Except("room-1"), "02", false},
		{"all but an id elsewhere", ns.Except(users[2].name), "01", false},
		{"room but an id and a room", ns.To("all").Except("room-0", users[1].name), "2", false},
		{"from a socket", here.To("all"), "12", false},
		{"from a socket to all others", here.Broadcast(), "12", false},
		{"nobody", ns.To("nowhere"), "", false},
		{"no name", ns.To(), "", false},
		{"empty name", ns.To(""), "", false},
		{"a name no room can have", ns.To(strings.Repeat("x", 200)), "", false},
	} {
		emit(t, step.to, "msg", i)
		emit(t, srv, "end", i)
		for j, u := range users {
			if strings.Contains(step.users, fmt.Sprint(j)) {
				u.want(fmt.Sprintf("msg %d", i))
			}
			if got := u.next(); got != fmt.Sprintf("end %d", i) {
				t.Fatalf("%s: client of node %d got %q", step.name, j, got)
			}
		}
		for j, u := range others {
			if step.games {
				u.want(fmt.Sprintf("msg %d", i))
			}
			if got := u.next(); got != fmt.Sprintf("end %d", i) {
				t.Fatalf("%s: client of /game on node %d got %q", step.name, j, got)
			}
		}
	}
	for i, n := range nodes {
		if st := n.cluster.Stats(); st.Lost+st.Gaps+st.Invalid+st.Duplicates != 0 {
			t.Errorf("node %d: %+v", i, st)
		}
	}
}

// A socket in another namespace of another node is found by its id.
func TestServerToSocketOfAnyNamespace(t *testing.T) {
	_, nodes := startCluster(t, 2, "/game", "/lobby")
	u := nodes[1].dial("/game")
	emit(t, nodes[0].server.ToSocket(u.name), "msg", 1)
	emit(t, nodes[0].server.ToSocket(u.name), "end", nil)
	u.want("msg 1", "end ")
}

// All kinds of data arrive as they were given.
func TestPayloadsAreTheSameOnEveryNode(t *testing.T) {
	_, nodes := startCluster(t, 2)
	here, there := nodes[0].dial("/"), nodes[1].dial("/")
	big, _ := json.Marshal(strings.Repeat("x", 100_000))
	for _, data := range []any{nil, true, []int{1, 2}, map[string]any{"a": "ü\u2028"},
		json.RawMessage(big), ""} {
		emit(t, nodes[0].server, "msg", data)
		if a, b := here.next(), there.next(); a != b {
			t.Fatalf("%.100q here and %.100q on the other node", a, b)
		}
	}
	got := make(chan []byte, 1)
	there.c.On("bytes", func(d client.Data, _ client.Ack) {
		if d.Binary() {
			got <- append([]byte(nil), d.Bytes()...)
		}
	})
	emit(t, nodes[0].server, "bytes", []byte{0, 255, 1})
	select {
	case b := <-got:
		if string(b) != "\x00\xff\x01" {
			t.Errorf("%x", b)
		}
	case <-time.After(hangs):
		t.Error("binary data did not arrive")
	}
}
