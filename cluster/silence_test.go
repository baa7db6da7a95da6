//go:build linux

package cluster

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
)

// waitTooLong waits until everything that has been published would come too late.
func (n *node) waitTooLong() {
	began := n.cluster.now()
	eventually(n.t, "the broadcasts to be old", func() bool {
		return n.cluster.now()-began > n.cluster.opts.MaxAge*5/4
	})
}

// A NATS server that is stopped shows, and what it held is not delivered when it goes on. Nobody's
// clock is set by anybody, and the clocks of the nodes began at different times.
func TestStoppedNATSDeliversNothingOld(t *testing.T) {
	t.Parallel()
	process, url := startProcess(t)
	a, b := startStrictNode(t, url, "a"), startStrictNode(t, url, "b")
	meet(t, a, b)
	here, there := a.dial("/"), b.dial("/")
	emit(t, a.server, "msg", -1)
	here.want("msg -1")
	there.want("msg -1")

	signal := func(s syscall.Signal) {
		if err := process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	var status syscall.WaitStatus // of a process all of whose threads have stopped
	if _, err := syscall.Wait4(process.Pid, &status, syscall.WUNTRACED, nil); err != nil ||
		!status.Stopped() {
		t.Fatalf("the NATS server does not stop: %v %v", status, err)
	}
	count := 0
	more := func() {
		emit(t, a.server, "msg", count)
		here.want(fmt.Sprintf("msg %d", count))
		count++
	}
	more() // goes into the connection, before anybody can know
	eventually(t, "the silence of NATS to show", func() bool {
		more()
		return a.cluster.Stats().State == Degraded && b.cluster.Stats().State == Degraded
	})
	for range 10 {
		more()
	}
	for _, n := range []*node{a, b} {
		eventually(t, "the log to say it", func() bool {
			return n.log.count("NATS does not answer: broadcasts stay") > 0
		})
		n.settles("nobody to be heard", func(st Stats) bool { return st.Nodes == 1 })
	}
	a.waitTooLong()
	signal(syscall.SIGCONT)
	meet(t, a, b)
	emit(t, a.server, "end", nil)
	here.want("end ")
	there.want("end ") // and nothing else

	st := a.cluster.Stats()
	if st.Lost < 10 || st.Published < 3 || st.Lost+st.Published != int64(count+2) {
		t.Errorf("%d broadcasts: %+v", count+2, st)
	}
	b.settles("what came late to be counted", func(of Stats) bool {
		return of.Received == 2 && of.Late == st.Published-2 && of.Gaps == 1 &&
			of.Missed == int64(count)
	})
	if gaps := b.gapList(); len(gaps) != 1 || gaps[0] != (Gap{"a", "/", uint64(count)}) {
		t.Errorf("b was told of the gaps %+v", gaps)
	}
	if got := b.log.count("came too late and were dropped"); got != 1 {
		t.Errorf("%d lines in the log about what came late, want 1", got)
	}
	for _, n := range []*node{a, b} {
		if n.log.count("NATS answers again") == 0 || n.log.count("another node is silent") != 0 {
			t.Errorf("the log of %s: %s", n.cluster.node, n.log.text.String())
		}
	}
}

// A node whose way to NATS is blocked shows on the others, and knows by itself. What was on its way
// to it is not delivered when the way is free again, nor is what it had sent itself.
func TestBlockedNodeShows(t *testing.T) {
	t.Parallel()
	broker := startNATS(t, -1)
	p := startProxy(t, broker.Addr().String())
	a := startStrictNode(t, broker.ClientURL(), "a")
	b := startStrictNode(t, "nats://"+p.l.Addr().String(), "b")
	meet(t, a, b)
	ua, ub := a.dial("/"), b.dial("/")
	for _, n := range []*node{a, b} {
		emit(t, n.server, "msg", n.cluster.node)
		want := fmt.Sprintf("msg %q", n.cluster.node)
		ua.want(want)
		ub.want(want)
	}
	p.hold()
	emit(t, a.server, "msg", 1)
	emit(t, b.server, "msg", 2)
	ua.want("msg 1")
	ub.want("msg 2")
	b.settles("the own silence", func(st Stats) bool {
		return st.State == Degraded && st.Nodes == 1
	})
	a.settles("the other's silence", func(st Stats) bool {
		return st.State == Connected && st.Nodes == 1 && st.Silences > 0
	})
	eventually(t, "the log to say it", func() bool {
		return a.log.count("another node is silent") > 0 && a.log.count("node=a other=b") > 0 &&
			b.log.count("NATS does not answer: broadcasts stay") > 0
	})
	emit(t, b.server, "msg", 3) // lost
	ub.want("msg 3")
	a.waitTooLong()
	p.release()
	meet(t, a, b)
	eventually(t, "the log to say that it is back", func() bool {
		return a.log.count("another node is heard again") > 0
	})
	for _, n := range []*node{a, b} {
		emit(t, n.server, "end", n.cluster.node)
		want := fmt.Sprintf("end %q", n.cluster.node)
		ua.want(want)
		ub.want(want)
	}
	a.settles("what b sent", func(st Stats) bool { return st.Late == 1 && st.Missed == 2 })
	b.settles("what a sent", func(st Stats) bool { return st.Late == 1 && st.Missed == 1 })
	if st := b.cluster.Stats(); st.Lost != 1 {
		t.Errorf("b: %+v", st)
	}
}

// The age of a broadcast is measured by a clock of its node alone, however it differs from ours. It
// may stand still with its machine: the node's next greeting that answers ours shows that.
func TestAgeByTheClockOfAnotherNode(t *testing.T) {
	broker := startNATS(t, -1)
	n := startStrictNode(t, broker.ClientURL(), "n")
	u := n.dial("/")
	c := n.cluster
	other := connect(t, broker)
	subject := c.subject.shards[c.subject.shardOf("/")]
	const epoch = 77
	seq := uint64(0)
	publish := func(sent time.Duration, data string) {
		t.Helper()
		seq++
		e := smartsocket.Envelope{Node: "x", Epoch: epoch, Seq: seq, Sent: sent, Namespace: "/",
			Event: "msg", Payload: []byte(data)}
		if err := other.Publish(subject, e.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	// greet greets as x does, with an echo of what n sent at a time of its own.
	greet := func(ours, theirs time.Duration) {
		t.Helper()
		g := greeting{kind: greetingAgain, epoch: epoch, sent: theirs, node: "x",
			echoes: []echo{{1, time.Hour, 0}, {c.epoch, ours, theirs}}}
		before := c.now()
		if err := other.Publish(c.subject.presence, g.append(nil)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the greeting to count", func() bool {
			c.peers.mu.Lock()
			defer c.peers.mu.Unlock()
			return c.peers.all[peerKey{"x", epoch}].came > before
		})
	}
	const year = 365 * 24 * time.Hour
	publish(year, "1") // nothing is known of its clock yet
	u.want("msg 1")
	publish(year-time.Minute, "2") // a minute older than what has just come
	publish(2*year, "3")           // younger by far: nothing can be said against it
	u.want("msg 3")
	publish(2*year-time.Minute, "4")
	publish(2*year+time.Hour, "5")
	u.want("msg 5")
	n.settles("two that came late", func(st Stats) bool {
		return st.Late == 2 && st.Missed == 2 && st.Received == 3
	})
	// Its machine sleeps for an hour. What it sends then looks old.
	publish(2*year, "6")
	n.settles("one that looks old", func(st Stats) bool { return st.Late == 3 })
	greet(c.now(), 2*year)
	publish(2*year, "7")
	u.want("msg 7")
	n.settles("the one that looked old", func(st Stats) bool {
		return st.Late == 3 && st.Missed == 3 && st.Received == 4
	})
	// Our machine sleeps, as seen from there. What comes then may have waited.
	publish(3*year, "8")
	n.settles("one that may be old", func(st Stats) bool { return st.Late == 4 })
	publish(3*year, "9")
	n.settles("the next", func(st Stats) bool { return st.Late == 5 })
	greet(c.now(), 3*year)
	publish(3*year, "10")
	u.want("msg 10")
	n.settles("those in doubt", func(st Stats) bool { return st.Missed == 5 && st.Received == 5 })
	// A node that tells no time is believed.
	publish(0, "11")
	u.want("msg 11")
}
