package cluster

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/smartsocket/smartsocket"
)

// A node that cannot hear the others does not start as if it could.
func TestOpenFailsWhenItCannotHear(t *testing.T) {
	broker := startNATS(t, -1)
	for name, namespaces := range map[string][]string{"namespaces": {"/"}, "presence": nil} {
		nc := connect(t, broker)
		log := new(logBook)
		c, err := New(Options{Conn: nc, Logger: log.logger()})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		nc.Close()
		err = c.Open(namespaces, func(*smartsocket.Envelope) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "subscribing") {
			t.Errorf("%s: Open says %v on a connection that is closed", name, err)
		}
		c.Subscribe("/later")
		if log.count("the namespace does not hear the other nodes") != 1 ||
			log.count("/later") != 1 {
			t.Errorf("%s: a namespace is deaf, and the log says nothing", name)
		}
	}
}

// Open also fails when only a namespace's own subscription does: the node would be deaf.
func TestOpenFailsForOneDeafNamespace(t *testing.T) {
	c, err := New(Options{Conn: connect(t, startNATS(t, -1)), Logger: new(logBook).logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.subject.shards[c.subject.shardOf("/")] = "no subject"
	err = c.Open([]string{"/"}, func(*smartsocket.Envelope) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "subscribing") {
		t.Errorf("Open says %v", err)
	}
}

// NATS tells later what a user may not subscribe to. The log has that.
func TestRefusedSubscriptionsAreLogged(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true,
		NoSigs: true, Users: []*server.User{{Username: "u", Password: "secret",
			Permissions: &server.Permissions{Subscribe: &server.SubjectPermission{
				Deny: []string{"smartsocket.v1.>"}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { stopNATS(s) })
	if !s.ReadyForConnections(hangs) {
		t.Fatal("the NATS server does not start")
	}
	n := startNode(t, fmt.Sprintf("nats://u:secret@%s", s.Addr()), "n")
	eventually(t, "the refusal to be logged", func() bool {
		return n.log.count("NATS reports errors") == 1 &&
			n.log.count("Permissions Violation for Subscription") > 0
	})
}

// What one node sends faster than another can take is counted there, logged, and missed.
func TestSlowConsumersAreCounted(t *testing.T) {
	broker := startNATS(t, -1)
	e := smartsocket.Envelope{Node: "x", Epoch: 1, Namespace: "/", Event: "msg"}
	for name, step := range map[string]struct{ size, count int }{
		"messages": {1, maxPendingMessages + 10},
		"bytes":    {1 << 19, 2*maxPendingBytes>>20 + 2},
	} {
		log, entered, hold := new(logBook), make(chan bool, 1), make(chan bool)
		missed := make(chan Gap, 1)
		c, err := New(Options{URL: broker.ClientURL(), Name: name, Logger: log.logger(),
			MaxAge: time.Hour, OnGap: func(g Gap) { missed <- g }})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		release := sync.OnceFunc(func() { close(hold) })
		defer release() // or Close would not return after a failure
		eventually(t, "the connection", func() bool { return c.Stats().State == Connected })
		if err := c.Open([]string{"/"}, func(*smartsocket.Envelope) error {
			select {
			case entered <- true:
				<-hold
			default:
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		nc := connect(t, broker)
		e.Payload = []byte(strings.Repeat("1", step.size))
		subject := c.subject.shards[c.subject.shardOf("/")]
		send := func(seq int) {
			e.Seq = uint64(seq)
			if err := nc.Publish(subject, e.Append(nil)); err != nil {
				t.Fatal(err)
			}
		}
		send(1)
		eventually(t, "the delivery to begin", func() bool { return len(entered) == 1 })
		for i := range step.count {
			send(2 + i)
		}
		eventually(t, name+" to be too many", func() bool {
			return c.Stats().SlowConsumers > 0 && log.count("too slowly: some were dropped") == 1
		})
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		if got, _, err := c.shards[c.subject.shardOf("/")].Pending(); err != nil || got == 0 {
			t.Errorf("%s: %d wait, %v", name, got, err)
		}
		release()
		eventually(t, "what waited", func() bool {
			n, _, err := c.shards[c.subject.shardOf("/")].Pending()
			return err == nil && n == 0
		})
		<-entered
		send(step.count + 2)
		<-missed
		eventually(t, "all to be received or missed", func() bool {
			st := c.Stats()
			return st.Received+st.Missed == int64(step.count+2) && st.Gaps == 1
		})
	}
}

// A Cluster says by itself what is wrong with how it is used, and keeps what was said before Open.
func TestNamespacesBeforeAndAfterOpen(t *testing.T) {
	broker := startNATS(t, -1)
	c, err := New(Options{URL: broker.ClientURL(), Logger: quietLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventually(t, "the connection", func() bool { return c.Stats().State == Connected })
	c.Subscribe("/before")
	if n := c.nc.NumSubscriptions(); n != 0 {
		t.Errorf("%d subscriptions before Open", n)
	}
	got := make(chan string, 10)
	deliver := func(e *smartsocket.Envelope) error {
		got <- e.Namespace
		return nil
	}
	if err := c.Open([]string{"/with"}, deliver); err != nil {
		t.Fatal(err)
	}
	if err := c.Open(nil, deliver); err == nil || !strings.Contains(err.Error(), "one Server") {
		t.Errorf("Open again: %v", err)
	}
	c.Subscribe("/after")
	c.Subscribe("/after")
	if n := c.nc.NumSubscriptions(); n != 4 {
		t.Errorf("%d subscriptions for 3 namespaces and the presence", n)
	}
	if err := c.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	from, err := New(Options{URL: broker.ClientURL(), Logger: quietLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	eventually(t, "the connection", func() bool { return from.Stats().State == Connected })
	for _, path := range []string{"/before", "/with", "/after", "/before"} {
		from.Publish(smartsocket.Envelope{Namespace: path, Event: "e"})
		select {
		case heard := <-got:
			if heard != path {
				t.Errorf("heard %s, want %s", heard, path)
			}
		case <-time.After(hangs):
			t.Fatalf("%s is deaf", path)
		}
	}
}

// When Close returns, NATS knows that this node is gone, a connection of the program's own knows
// nothing of it any more, and nothing more is delivered. It returns as well while NATS is away.
func TestCloseOnAGivenConnection(t *testing.T) {
	broker := startNATS(t, -1)
	nc := connect(t, broker)
	delivered := make(chan bool, 10)
	start := func() *Cluster {
		c, err := New(Options{Conn: nc, Node: "n", Logger: quietLogger()})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Open([]string{"/", "/a"}, func(*smartsocket.Envelope) error {
			delivered <- true
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := broker.NumSubscriptions()
	c := start()
	if n := broker.NumSubscriptions(); n != before+3 {
		t.Errorf("%d subscriptions, want 3", n-before)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if n := broker.NumSubscriptions(); n != before {
		t.Errorf("NATS still has %d subscriptions", n-before)
	}
	for open := true; open; {
		select {
		case _, open = <-c.status:
		default:
			t.Fatal("the connection still tells its status")
		}
	}
	e := smartsocket.Envelope{Node: "x", Seq: 1, Namespace: "/", Event: "e"}
	c.receive(&nats.Msg{Data: e.Append(nil)}) // NATS was about to hand it over
	hello := greeting{epoch: 1, node: "x"}
	c.meet(&nats.Msg{Data: hello.append(nil)})
	if st := c.Stats(); len(delivered) != 0 || st.Received != 0 || st.Nodes != 1 {
		t.Errorf("after Close: %d were delivered, %+v", len(delivered), st)
	}

	c = start()
	stopNATS(broker)
	eventually(t, "NATS to be away", func() bool { return c.Stats().State == Degraded })
	if err := c.Close(); err != nil {
		t.Errorf("Close while NATS is away: %v", err)
	}
	if n := nc.NumSubscriptions(); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

// What the program gives to NATS itself comes after what the package sets, and wins.
func TestOptionsOfNATS(t *testing.T) {
	broker := startNATS(t, -1)
	c, err := New(Options{URL: broker.ClientURL(), Node: "n", Logger: quietLogger(),
		NATS: []nats.Option{nats.Name("mine"), nats.PingInterval(time.Hour)}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if o := c.nc.Opts; o.Name != "mine" || o.PingInterval != time.Hour ||
		o.ReconnectBufSize >= 0 ||
		o.MaxReconnect >= 0 || o.MaxPingsOut != 2 || o.FlusherTimeout != 2*time.Second ||
		o.ReconnectWait != 250*time.Millisecond || o.DrainTimeout != 2*time.Second ||
		!o.NoEcho || !o.RetryOnFailedConnect || !o.IgnoreAuthErrorAbort {
		t.Errorf("%+v", o)
	}
}
