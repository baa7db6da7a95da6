package cluster

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/smartsocket/smartsocket"
)

// NATS dies and comes back. Local delivery continues, losses are counted and known to the
// receivers, nothing old arrives, and new broadcasts do.
func TestNATSDiesAndComesBack(t *testing.T) {
	broker, nodes := startCluster(t, 3)
	users := []*user{nodes[0].dial("/", "r"), nodes[1].dial("/", "r"), nodes[2].dial("/", "r")}
	room := nodes[0].server.To("r")
	emit(t, room, "msg", 0)
	for _, u := range users {
		u.want("msg 0")
	}
	port := portOf(broker)
	stopNATS(broker)
	for _, n := range nodes {
		eventually(t, "the nodes to notice", func() bool {
			return n.cluster.Stats().State == Degraded
		})
	}
	for i := range 100 {
		emit(t, room, "msg", 1+i)
		users[0].want(fmt.Sprintf("msg %d", 1+i))
	}
	st := nodes[0].cluster.Stats()
	if st.Lost != 100 || st.Published != 1 {
		t.Errorf("after 100 broadcasts without NATS: %+v", st)
	}
	if n := nodes[0].log.count("did not reach the other nodes"); n != 1 {
		t.Errorf("%d lines in the log about the losses, want 1", n)
	}

	startNATS(t, port)
	meet(t, nodes...)
	emit(t, room, "end", nil)
	for _, u := range users {
		u.want("end ")
	}
	for i, n := range nodes {
		for text, want := range map[string]int{"NATS is away: broadcasts stay": 1,
			"connected to NATS": 2, "NATS answers again": 0, "NATS does not answer": 0} {
			if got := n.log.count(text); got != want {
				t.Errorf("node %d: %d lines in the log with %q, want %d", i, got, text, want)
			}
		}
	}
	for i, n := range nodes[1:] {
		if got := n.log.count("broadcasts of another node did not arrive"); got != 1 {
			t.Errorf("node %d: %d lines in the log about the gap, want 1", i+1, got)
		}
		if gaps := n.gapList(); len(gaps) != 1 || gaps[0] != (Gap{"node-0", "/", 100}) {
			t.Errorf("node %d was told of the gaps %+v", i+1, gaps)
		}
		n.settles("one gap", func(st Stats) bool {
			return st.Gaps == 1 && st.Missed == 100 && st.Reconnects == 1 && st.Received == 2
		})
	}
}

// A cluster that starts without NATS is degraded, and joins when NATS comes.
func TestStartWithoutNATS(t *testing.T) {
	broker := startNATS(t, -1)
	url := broker.ClientURL()
	port := portOf(broker)
	stopNATS(broker)
	a, b := startNode(t, url, "a"), startNode(t, url, "b")
	here, there := a.dial("/"), b.dial("/")
	emit(t, a.server, "msg", 1)
	here.want("msg 1")
	if st := a.cluster.Stats(); st.State != Degraded || st.Nodes != 1 || st.Lost != 1 {
		t.Errorf("%+v", st)
	}
	startNATS(t, port)
	meet(t, a, b)
	emit(t, a.server, "msg", 2)
	here.want("msg 2")
	there.want("msg 2")
}

func TestANodeLeaves(t *testing.T) {
	_, nodes := startCluster(t, 3)
	u := nodes[1].dial("/")
	nodes[2].stop()
	meet(t, nodes[:2]...)
	emit(t, nodes[0].server, "msg", 1)
	u.want("msg 1")
	nodes[2].cluster.Publish(smartsocket.Envelope{Namespace: "/", Event: "msg"})
	if st := nodes[2].cluster.Stats(); st.Lost != 1 {
		t.Errorf("a broadcast after the end: %+v", st)
	}
	eventually(t, "the goodbye to be logged", func() bool {
		return nodes[1].log.count("another node has left") == 1
	})
}

// A node that ends without a goodbye does not stay in the count.
func TestANodeDies(t *testing.T) {
	t.Parallel()
	broker := startNATS(t, -1)
	nodes := []*node{startStrictNode(t, broker.ClientURL(), "node-0"),
		startStrictNode(t, broker.ClientURL(), "node-1")}
	meet(t, nodes...)
	stranger := connect(t, broker)
	hello := greeting{kind: greetingAgain, epoch: 77, sent: time.Hour, node: "ghost"}
	presence := nodes[0].cluster.subject.presence
	if err := stranger.Publish(presence, hello.append(nil)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the third node to be seen", func() bool {
		return nodes[0].log.count("another node is there node=node-0 other=ghost") == 1
	})
	meet(t, nodes...)
	for _, n := range nodes {
		n.settles("the silence", func(st Stats) bool { return st.Silences > 0 })
		if n.log.count("another node is silent") == 0 || n.log.count("other=ghost") < 2 {
			t.Errorf("the log does not tell the silence: %s", n.log.text.String())
		}
	}
	hello.sent += time.Hour // its clock does not tell how late this is
	hello.echoes = []echo{{nodes[0].cluster.epoch, nodes[0].cluster.now(), hello.sent}}
	if err := stranger.Publish(presence, hello.append(nil)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the third node to be heard again", func() bool {
		return nodes[0].log.count("another node is heard again node=node-0 other=ghost") == 1
	})
}

func connect(t testing.TB, s *server.Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// What strangers publish under our subjects is ignored, counted, logged once, and harms nobody.
func TestGarbageFromAStranger(t *testing.T) {
	broker, nodes := startCluster(t, 2)
	u := nodes[1].dial("/")
	emit(t, nodes[0].server, "msg", 0)
	u.want("msg 0")
	stranger := connect(t, broker)
	c := nodes[1].cluster
	valid := smartsocket.Envelope{Node: "node-0", Epoch: nodes[0].cluster.epoch, Seq: 1,
		Namespace: "/", Event: "msg", Payload: []byte(`"forged"`)}
	bad := [][]byte{nil, {0}, {1}, []byte(strings.Repeat("{", 10_000)), valid.Append(nil)[:20]}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		p := make([]byte, rng.IntN(200))
		for i := range p {
			p[i] = byte(rng.Uint32())
		}
		if len(p) > 1 {
			p[0], p[1] = 1, 0
		}
		bad = append(bad, p)
	}
	unsendable := []smartsocket.Envelope{
		{Node: "x", Epoch: 1, Seq: 1, Namespace: "/", Event: ""},
		{Node: "x", Epoch: 1, Seq: 2, Namespace: "/", Event: "msg", Payload: []byte("no JSON")},
		{Node: "x", Epoch: 1, Seq: 3, Namespace: "/", Event: "msg", Payload: []byte("\"\xff\"")},
	}
	for i := range unsendable {
		bad = append(bad, unsendable[i].Append(nil))
	}
	subject := c.subject.shards[c.subject.shardOf("/")]
	publish := func(subject string, p []byte) {
		if err := stranger.Publish(subject, p); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range bad {
		publish(subject, p)
		publish(c.subject.presence, p[:min(len(p), 5)])
	}
	publish(subject, valid.Append(nil)) // a repetition
	elsewhere := valid
	elsewhere.Namespace = "/nobody has this"
	publish(subject, elsewhere.Append(nil))
	if err := stranger.Flush(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the garbage to be read", func() bool {
		st := c.Stats()
		return st.Invalid >= int64(2*len(bad)) && st.Duplicates == 1
	})
	if st := c.Stats(); st.Invalid != int64(2*len(bad)) || st.Gaps != 0 {
		t.Errorf("%d pieces of garbage: %+v", 2*len(bad), st)
	}
	if log := nodes[1].log; log.count("ignored what was published") != 1 ||
		log.count("count=1 ") != 1 {
		t.Errorf("the log should have one line about the first: %s", log.text.String())
	}
	emit(t, nodes[0].server, "end", 1)
	u.want("end 1")
}

// What panics in the application's code harms this broadcast alone.
func TestPanicsOfTheProgramAreCaught(t *testing.T) {
	broker := startNATS(t, -1)
	c, err := New(Options{URL: broker.ClientURL(), Logger: quietLogger(),
		OnGap: func(Gap) { panic("in OnGap") }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventually(t, "the connection", func() bool { return c.Stats().State == Connected })
	got := make(chan uint64, 10)
	if err := c.Open([]string{"/"}, func(e *smartsocket.Envelope) error {
		if e.Event == "panic" {
			panic("in deliver")
		}
		got <- e.Seq
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	nc := connect(t, broker)
	for _, e := range []smartsocket.Envelope{{Seq: 1, Event: "panic"}, {Seq: 2}, {Seq: 4},
		{Seq: 5}} {
		e.Node, e.Namespace = "x", "/"
		if e.Event == "" {
			e.Event = "e"
		}
		if err := nc.Publish(c.subject.shards[c.subject.shardOf("/")], e.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []uint64{2, 5} {
		select {
		case seq := <-got:
			if seq != want {
				t.Errorf("got %d, want %d", seq, want)
			}
		case <-time.After(hangs):
			t.Fatalf("number %d does not come", want)
		}
	}
	eventually(t, "both to be counted", func() bool { return c.Stats().Invalid == 2 })
}

// Which broadcasts count: in time up to the limit, once, and in order. Late ones are missing ones.
func TestNumbers(t *testing.T) {
	p := peers{all: make(map[peerKey]*peer)}
	const maxAge = 10
	for i, step := range []struct {
		namespace string
		epoch     uint64
		seq       uint64
		sent, now time.Duration
		missed    uint64
		how       arrival
	}{
		{"/", 1, 5, 100, 100, 0, inTime}, // what came before is not known
		{"/", 1, 6, 100, 110, 0, inTime},
		{"/", 1, 7, 100, 111, 0, late},
		{"/", 1, 8, 111, 111, 1, inTime},
		{"/", 1, 8, 111, 111, 0, repeated},
		{"/", 1, 7, 111, 111, 0, repeated},
		{"/", 1, 1, 0, 200, 0, repeated},
		{"/", 1, 9, 0, 200, 0, inTime}, // nothing is known of its age
		{"/", 1, 12, 200, 200, 2, inTime},
		{"/a", 1, 3, 200, 211, 0, late}, // its first, and lost
		{"/a", 1, 4, 211, 211, 1, inTime},
		{"/", 2, 1, 1, 300, 0, inTime}, // another life
		{"/", 2, 2, 1, 311, 0, late},
		{"/", 2, 3, 1, 312, 0, late},
		{"/", 2, 4, 13, 313, 2, inTime},
	} {
		e := smartsocket.Envelope{Node: "x", Epoch: step.epoch, Seq: step.seq, Sent: step.sent,
			Namespace: step.namespace}
		missed, _, how := p.number(&e, step.now, maxAge)
		if missed != step.missed || how != step.how {
			t.Errorf("%d: %d missed, %v; want %d, %v", i, missed, how, step.missed, step.how)
		}
	}
	if seen := p.all[peerKey{"x", 2}].seen; seen != 312 {
		t.Errorf("it was there at %v", seen)
	}
}

// The memory of nodes is bounded, however many of them a stranger invents.
func TestInventedNodesAreBounded(t *testing.T) {
	p := peers{all: make(map[peerKey]*peer)}
	for i := range uint64(3 * maxPeers) {
		p.number(&smartsocket.Envelope{Node: "x", Epoch: i, Seq: 1, Namespace: "/"},
			time.Duration(i), defaultMaxAge)
	}
	if len(p.all) != maxPeers {
		t.Errorf("%d peers are kept", len(p.all))
	}
	if _, _, how := p.number(&smartsocket.Envelope{Node: "x", Epoch: 3*maxPeers - 1, Seq: 1,
		Namespace: "/"}, time.Hour, defaultMaxAge); how != repeated {
		t.Error("the newest was forgotten")
	}
}

// A node without a namespace does not hear it, and does not count it as a gap.
func TestNamespaceUnknownOnANode(t *testing.T) {
	broker := startNATS(t, -1)
	a := startNode(t, broker.ClientURL(), "a", "/game")
	b := startNode(t, broker.ClientURL(), "b")
	meet(t, a, b)
	there := b.dial("/")
	for i := range 10 {
		emit(t, a.server.Namespace("/game"), "msg", i)
	}
	emit(t, a.server, "msg", 10)
	there.want("msg 10")
	b.server.Namespace("/game")                  // late
	if err := b.cluster.nc.Flush(); err != nil { // NATS has the subscription now
		t.Fatal(err)
	}
	u := b.dial("/game")
	emit(t, a.server.Namespace("/game"), "msg", 11)
	u.want("msg 11")
	if st := b.cluster.Stats(); st.Gaps+st.Invalid != 0 {
		t.Errorf("%+v", st)
	}
}

// Two clusters on one NATS do not hear each other, even if their names contain wildcards.
func TestClustersAreSeparate(t *testing.T) {
	broker := startNATS(t, -1)
	names := []string{"", "a", "*", ">", "a.>", strings.Repeat("long", 100)}
	var all []*Cluster
	got := make(chan string, 100)
	for _, name := range names {
		c, err := New(Options{URL: broker.ClientURL(), Name: name,
			Node: "n " + name[:min(len(name), 10)], Logger: quietLogger()})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		eventually(t, "the connection", func() bool { return c.Stats().State == Connected })
		if err := c.Open([]string{"/", "/*", "/>"}, func(e *smartsocket.Envelope) error {
			got <- name
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	other, err := New(Options{URL: broker.ClientURL(), Name: "a", Node: "other",
		Logger: quietLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	eventually(t, "the connection", func() bool { return other.Stats().State == Connected })
	other.Publish(smartsocket.Envelope{Namespace: "/", Event: "x"})
	if name := <-got; name != "a" {
		t.Errorf("cluster %q heard cluster a", name)
	}
	for _, c := range all {
		c.Close()
	}
	if len(got) != 0 {
		t.Errorf("cluster %q heard cluster a", <-got)
	}
}

// The order and number of subscriptions do not depend on the number of namespaces.
func TestSubscriptionsAreBounded(t *testing.T) {
	broker := startNATS(t, -1)
	n := startNode(t, broker.ClientURL(), "a")
	before := runtime.NumGoroutine()
	for i := range 1000 {
		n.server.Namespace(fmt.Sprintf("/match/%d", i))
	}
	if subs := n.cluster.nc.NumSubscriptions(); subs > shardCount+1 {
		t.Errorf("%d subscriptions", subs)
	}
	if more := runtime.NumGoroutine() - before; more > shardCount+4 {
		t.Errorf("%d goroutines more", more)
	}
}
