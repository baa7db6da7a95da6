package cluster

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
)

var greetings = []greeting{
	{kind: greetingAgain, epoch: 1, sent: 2, node: "n"},
	{kind: greetingNew, epoch: 1<<64 - 1, sent: 1<<63 - 1,
		node: strings.Repeat("n", smartsocket.MaxNodeName)},
	{kind: greetingBye, epoch: 7, sent: time.Hour, node: "ü",
		echoes: []echo{{1, 2, 3}, {1<<64 - 1, 1<<63 - 1, 1<<63 - 2}}},
	{epoch: 3, node: "n", echoes: make([]echo, maxEchoes)},
}

func TestGreetingRoundTrip(t *testing.T) {
	for i, g := range greetings {
		p := g.append([]byte("before"))
		got, err := parseGreeting(p[len("before"):])
		if err != nil || !reflect.DeepEqual(got, g) {
			t.Errorf("%d: %+v %v", i, got, err)
		}
	}
	const want = "\x02\x01" + "\x01\x02\x03\x04\x05\x06\x07\x08" +
		"\x00\x00\x00\x00\x00\x00\x01\x00" + "\x01" +
		"\x00\x00\x00\x00\x00\x00\x00\x09" + "\x00\x00\x00\x00\x00\x00\x00\x0a" +
		"\x00\x00\x00\x00\x00\x00\x00\x0b" + "name"
	g := greeting{greetingNew, 0x0102030405060708, 256, []echo{{9, 10, 11}}, "name"}
	if got := string(g.append(nil)); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestParseGreetingRefusesTheRest(t *testing.T) {
	whole := greetings[2].append(nil)
	for n := range len(whole) - len(greetings[2].node) + 1 {
		if g, err := parseGreeting(whole[:n]); err == nil {
			t.Errorf("cut at %d: %+v", n, g)
		}
	}
	change := func(at int, b byte) []byte {
		p := greetings[3].append(nil)
		p[at] = b
		return p
	}
	for name, p := range map[string][]byte{
		"version 1":     change(0, 1),
		"version 3":     change(0, 3),
		"kind":          change(1, greetingBye+1),
		"echoes":        append(change(18, maxEchoes+1), make([]byte, echoSize)...),
		"a long name":   append(greetings[1].append(nil), 'n'),
		"missing echos": change(18, 255),
	} {
		if g, err := parseGreeting(p); err == nil {
			t.Errorf("%s: %+v", name, g)
		}
	}
}

func FuzzGreeting(f *testing.F) {
	for _, g := range greetings {
		f.Add(g.append(nil))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		g, err := parseGreeting(p)
		if err != nil {
			return
		}
		if again := g.append(nil); !bytes.Equal(again, p) {
			t.Fatalf("%x was read and written as %x", p, again)
		}
	})
}

// Who is new learns of the others at once, not by their next heartbeat, and they of it. So does who
// is back, and who has left is gone at once.
func TestNewcomersAreAnswered(t *testing.T) {
	broker := startNATS(t, -1)
	start := func(name string) *node {
		return startNodeWith(t, Options{URL: broker.ClientURL(), Node: name, heartbeat: time.Hour,
			silence: 100 * time.Hour})
	}
	a, b := start("a"), start("b")
	meet(t, a, b)
	port := portOf(broker)
	stopNATS(broker)
	for _, n := range []*node{a, b} {
		n.settles("to be alone", func(st Stats) bool { return st.State == Degraded })
	}
	c := start("c") // nobody knows it
	startNATS(t, port)
	meet(t, a, b, c)
	for _, n := range []*node{a, b} {
		if n.log.count("another node is there node="+n.cluster.node+" other=c") != 1 {
			t.Errorf("%s: c is not in the log", n.cluster.node)
		}
	}
	c.stop()
	meet(t, a, b)
}

// A connection that was lost and is back, between two looks at it, counts as a new one: the node
// introduces itself again, because the others may not have heard of it.
func TestReconnectBetweenTwoLooks(t *testing.T) {
	broker := startNATS(t, -1)
	n := startNode(t, broker.ClientURL(), "n")
	nc := connect(t, broker)
	sub, err := nc.SubscribeSync(n.cluster.subject.presence)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil { // NATS has the subscription now
		t.Fatal(err)
	}
	n.settles("the connection", func(st Stats) bool { return st.State == Connected })
	n.cluster.stats.reconnects.Store(7) // not what the connection says
	eventually(t, "the introduction", func() bool {
		m, err := sub.NextMsg(hangs)
		if err != nil {
			t.Fatal(err)
		}
		g, err := parseGreeting(m.Data)
		return err == nil && g.kind == greetingNew && n.log.count("connected to NATS node=n") == 2
	})
	n.settles("what the connection says", func(st Stats) bool { return st.Reconnects == 0 })
}

// A node greets the others once in each heartbeat.
func TestHeartbeats(t *testing.T) {
	broker := startNATS(t, -1)
	n := startNode(t, broker.ClientURL(), "n")
	sub, err := connect(t, broker).SubscribeSync(n.cluster.subject.presence)
	if err != nil {
		t.Fatal(err)
	}
	last := time.Duration(-1)
	eventually(t, "two greetings that follow each other", func() bool {
		m, err := sub.NextMsg(hangs)
		if err != nil {
			t.Fatal(err)
		}
		g, err := parseGreeting(m.Data)
		if err != nil || g.node != "n" || g.epoch != n.cluster.epoch || g.sent > n.cluster.now() {
			t.Fatalf("%+v %v", g, err)
		}
		d := g.sent - last
		known := last >= 0
		last = g.sent
		return known && d < 3*n.cluster.opts.heartbeat // there may be longer breaks
	})
}

// Which echoes a greeting has: of those who are there and have greeted, and never too many.
func TestEchoes(t *testing.T) {
	p := peers{all: make(map[peerKey]*peer)}
	const us = 1000
	hello := func(epoch uint64, kind byte, now time.Duration) {
		p.greeted(&greeting{kind: kind, epoch: epoch, sent: now + time.Hour, node: "n"}, us, now,
			time.Second)
	}
	hello(1, greetingAgain, 1)
	hello(2, greetingNew, 5*time.Second)
	hello(3, greetingBye, 5*time.Second)
	p.number(&smartsocket.Envelope{Node: "n", Epoch: 4, Seq: 1}, 5*time.Second, time.Second)
	got := p.echoes(6*time.Second, time.Second)
	want := []echo{{2, 5*time.Second + time.Hour, 5 * time.Second}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for i := range uint64(100) {
		hello(10+i, greetingAgain, 6*time.Second)
	}
	seen := make(map[uint64]bool)
	for range 10_000 {
		list := p.echoes(6*time.Second, time.Second)
		if len(list) != maxEchoes {
			t.Fatalf("%d echoes among 101 nodes", len(list))
		}
		for _, e := range list {
			seen[e.epoch] = true
		}
	}
	if len(seen) != 101 {
		t.Errorf("%d of 101 nodes had an echo in 10 000 greetings", len(seen))
	}
}

// Who falls silent is named once, until it is heard again.
func TestFallSilent(t *testing.T) {
	p := peers{all: make(map[peerKey]*peer)}
	const us, silence = 1000, 10
	hello := func(node string, kind byte, sent, now time.Duration) (isNew, isBack bool) {
		return p.greeted(&greeting{kind: kind, epoch: 1, sent: sent, node: node}, us, now, silence)
	}
	if isNew, isBack := hello("a", greetingNew, 100, 100); !isNew || isBack {
		t.Error("a is not new")
	}
	hello("b", greetingAgain, 100, 100)
	hello("b", greetingBye, 100, 100)
	want := func(now, since time.Duration, n int) {
		t.Helper()
		if got := p.fallSilent(now, since, silence); len(got) != n || n == 1 && got[0] != "a" {
			t.Errorf("at %v: %v", now, got)
		}
	}
	want(110, 0, 0)
	want(111, 101, 0) // not heard, in a time in which nobody was
	want(111, 0, 1)
	want(112, 0, 0)
	if n := p.present(112, silence); n != 0 {
		t.Errorf("%d are present", n)
	}
	if isNew, isBack := hello("a", greetingAgain, 101, 112); isNew || isBack {
		t.Error("an old greeting of a counts")
	}
	want(113, 0, 0)
	if isNew, isBack := hello("a", greetingAgain, 113, 113); isNew || !isBack {
		t.Error("a is not back")
	}
	if n := p.present(123, silence); n != 1 {
		t.Errorf("%d are present", n)
	}
	want(123, 0, 0)
	want(124, 0, 1)
}

// A program that stood still does not take the others for silent, because it was itself.
func TestOwnStandstillSilencesNobody(t *testing.T) {
	c := &Cluster{log: quietLogger(), started: time.Now().Add(-time.Hour),
		opts: Options{silence: time.Minute}}
	c.peers.all = map[peerKey]*peer{{"x", 1}: {seen: time.Second}}
	c.link.state = linkUp
	c.lookAround() // has not looked for an hour
	c.lookAround()
	if n := c.stats.silences.Load(); n != 0 {
		t.Error("a node is silent, after the program itself stood still")
	}
	c.link.since = time.Minute
	c.link.looked = c.now() - 45*time.Second // most of the time that is called silence
	c.lookAround()
	if n := c.stats.silences.Load(); n != 0 {
		t.Error("a node is silent, after the program itself stood still for a while")
	}
	c.link.since = time.Minute
	c.link.looked = c.now() - 15*time.Second
	c.link.state = linkSilent
	c.lookAround()
	if n := c.stats.silences.Load(); n != 0 {
		t.Error("a node is silent, while NATS is")
	}
	c.link.state = linkUp
	c.lookAround()
	c.lookAround()
	if n := c.stats.silences.Load(); n != 1 {
		t.Errorf("%d nodes fell silent, want 1", n)
	}
}
