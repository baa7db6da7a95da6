package cluster

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/smartsocket/smartsocket"
)

// inject queues a broadcast as Publish does, as if it had waited for some time.
func (n *node) inject(e smartsocket.Envelope, waited time.Duration) {
	c := n.cluster
	o := &c.out
	o.mu.Lock()
	ns := o.namespaces[e.Namespace]
	ns.seq++
	e.Node, e.Epoch, e.Seq, e.Sent = c.node, c.epoch, ns.seq, c.now()
	o.queue.data = e.Append(o.queue.data)
	o.queue.items = append(o.queue.items, queued{len(o.queue.data), ns.shard, c.now() - waited})
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// What waited too long for the connection is lost: it is counted, and it is not sent.
func TestWhatWaitedTooLongIsNotSent(t *testing.T) {
	_, nodes := startCluster(t, 2)
	a, b := nodes[0], nodes[1]
	u := b.dial("/")
	emit(t, a.server, "msg", 0)
	u.want("msg 0")
	e := smartsocket.Envelope{Namespace: "/", Event: "msg", Payload: []byte(`"old"`)}
	a.inject(e, a.cluster.opts.MaxAge+time.Second)
	a.settles("the loss", func(st Stats) bool { return st.Lost == 1 && st.Published == 1 })
	e.Payload = []byte(`"young"`)
	a.inject(e, a.cluster.opts.MaxAge/4)
	emit(t, a.server, "end", nil)
	u.want(`msg "young"`, "end ")
	b.settles("the gap", func(st Stats) bool { return st.Missed == 1 && st.Late == 0 })
	if a.log.count(`reason="NATS is too slow"`) != 1 {
		t.Errorf("the log does not say why: %s", a.log.text.String())
	}
}

// A connection of the program's own may keep what is published while NATS is away. It is not given
// anything then.
func TestGivenConnectionKeepsNothingForLater(t *testing.T) {
	broker := startNATS(t, -1)
	port := portOf(broker)
	nc, err := nats.Connect(broker.ClientURL(), nats.MaxReconnects(-1),
		nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	a := startNodeWith(t, Options{Conn: nc, Node: "a", heartbeat: 50 * time.Millisecond})
	b := startNode(t, broker.ClientURL(), "b")
	meet(t, a, b)
	u := b.dial("/")
	emit(t, a.server, "msg", 0)
	u.want("msg 0")
	stopNATS(broker)
	for _, n := range []*node{a, b} {
		n.settles("to be alone", func(st Stats) bool { return st.State == Degraded })
	}
	emit(t, a.server, "msg", 1)
	// the writer may have work when NATS goes
	a.inject(smartsocket.Envelope{Namespace: "/", Event: "msg", Payload: []byte("2")}, 0)
	a.settles("both losses", func(st Stats) bool { return st.Lost == 2 })
	startNATS(t, port)
	meet(t, a, b)
	emit(t, a.server, "end", nil)
	u.want("end ")
	b.settles("the gap", func(st Stats) bool { return st.Missed == 2 && st.Late == 0 })
	a.stop()
	b.settles("the goodbye", func(st Stats) bool { return st.Nodes == 1 })
}

// What is too large for NATS is lost for the other nodes alone, and the log says what to do.
func TestTooLargeForNATS(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true,
		NoSigs: true, MaxPayload: 1000})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { stopNATS(s) })
	if !s.ReadyForConnections(hangs) {
		t.Fatal("the NATS server does not start")
	}
	a, b := startNode(t, s.ClientURL(), "a"), startNode(t, s.ClientURL(), "b")
	meet(t, a, b)
	here, there := a.dial("/"), b.dial("/")
	emit(t, a.server, "msg", 0)
	here.want("msg 0")
	there.want("msg 0")
	for _, size := range []int{
		999, // with its quotes it is too large by itself
		998, // with the rest of the envelope
	} {
		text := strings.Repeat("x", size)
		emit(t, a.server, "msg", text)
		here.want(`msg "` + text + `"`)
	}
	emit(t, a.server, "msg", strings.Repeat("x", 800))
	there.want(`msg "` + strings.Repeat("x", 800) + `"`)
	a.settles("the losses", func(st Stats) bool { return st.Lost == 2 && st.Published == 2 })
	b.settles("the gap", func(st Stats) bool { return st.Missed == 2 && st.Received == 2 })
	if !a.cluster.tooLarge(1001) || a.cluster.tooLarge(1000) {
		t.Error("the limit of the NATS server is not known")
	}
	if a.log.count("max_payload: raise it there, or send less") != 1 {
		t.Errorf("the log does not say what to do: %s", a.log.text.String())
	}
}

// Why a broadcast is lost.
func TestReasonsOfLosses(t *testing.T) {
	c := &Cluster{opts: Options{silence: 10}}
	c.maxPayload.Store(100)
	for _, step := range []struct {
		there bool
		now   time.Duration
		size  int
		want  string
	}{
		{false, 5, 1, natsAway},
		{true, 10, 100, natsSlow},
		{true, 11, 100, natsSilent},
		{true, 10, 101, natsSmall},
	} {
		c.link.there.Store(step.there)
		if got := c.whyLost(step.size, step.now); got != step.want {
			t.Errorf("%+v: %s", step, got)
		}
	}
	c.maxPayload.Store(0)
	if c.tooLarge(1 << 30) {
		t.Error("a limit that is not known counts")
	}
}

// What waits is 16 MiB at most. A broadcast that finds no room has a number all the same.
func TestQueueIsBounded(t *testing.T) {
	c := &Cluster{opts: Options{silence: time.Hour}, started: time.Now(), log: quietLogger()}
	c.out.wake = make(chan struct{}, 1)
	c.out.namespaces = make(map[string]*outNamespace)
	e := smartsocket.Envelope{Namespace: "/", Event: "e", Payload: make([]byte, 1<<20)}
	c.Publish(e)
	if c.stats.lost.Load() != 1 || len(c.out.wake) != 0 {
		t.Error("something was queued without NATS")
	}
	c.link.there.Store(true)
	for range 20 {
		c.Publish(e)
	}
	// 15 with their heads, and one that fits no more
	if n := len(c.out.queue.items); n != 15 || c.stats.lost.Load() != 6 || len(c.out.wake) != 1 {
		t.Errorf("%d are queued, %d are lost", n, c.stats.lost.Load())
	}
	if seq := c.out.namespaces["/"].seq; seq != 21 {
		t.Errorf("%d were numbered", seq)
	}
	c.out.close()
	e.Payload = nil
	if c.Publish(e); len(c.out.queue.items) != 15 {
		t.Error("something was queued after the end")
	}
}

// Memory that a burst took is given back.
func TestQueueGivesMemoryBack(t *testing.T) {
	b := batch{data: make([]byte, 5, keptQueue), items: make([]queued, 3)}
	if b.reset(); len(b.data) != 0 || cap(b.data) != keptQueue || len(b.items) != 0 ||
		cap(b.items) != 3 {
		t.Errorf("%d %d %d %d", len(b.data), cap(b.data), len(b.items), cap(b.items))
	}
	b = batch{data: make([]byte, 5, keptQueue+1), items: make([]queued, 3)}
	if b.reset(); cap(b.data) != 0 || len(b.items) != 0 {
		t.Errorf("%d bytes are kept", cap(b.data))
	}
}
