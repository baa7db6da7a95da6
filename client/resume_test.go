//go:build !js

package client

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// relay passes connections on to a server, and loses them when told.
type relay struct {
	url  string
	addr string

	mu    sync.Mutex
	pairs [][2]net.Conn // client's side, server's side
}

func newRelay(t testing.TB, v *smartsocket.Server) *relay {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{url: "ws://" + l.Addr().String(), addr: v.Addr().String()}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		r.cut(false)
		wg.Wait()
	})
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", r.addr)
			if err != nil {
				nc.Close()
				continue
			}
			r.mu.Lock()
			r.pairs = append(r.pairs, [2]net.Conn{nc, up})
			r.mu.Unlock()
			wg.Go(func() { io.Copy(up, nc) })
			wg.Go(func() { io.Copy(nc, up) })
		}
	})
	return r
}

// cut loses all connections; halfOpen leaves the server's ends as they are.
func (r *relay) cut(halfOpen bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var left [][2]net.Conn
	for _, p := range r.pairs {
		p[0].Close()
		if !halfOpen {
			p[1].Close()
		} else {
			left = append(left, p)
		}
	}
	r.pairs = left
}

func caching(t testing.TB, o smartsocket.Options) *smartsocket.Server {
	o.EnableMessageCache = true
	return startServer(t, o, echoes)
}

// flapper is a client behind a relay that comes back soon.
func flapper(t testing.TB, r *relay, o Options) (c *Client, back chan bool) {
	o.ReconnectDelay, o.MaxReconnectAttempts = time.Millisecond, Forever
	c = newClient(t, r.url, o)
	c.random = func() float64 { return -0.499 } // the delays grow, but stay short
	back = make(chan bool, 1000)
	c.OnReconnected(func(recovered bool) { back <- recovered })
	return c, back
}

// TestResumeMissesNothing: a client that is cut off again and again, in both
// ways, gets all events once and in order.
func TestResumeMissesNothing(t *testing.T) {
	for name, o := range map[string]Options{"plain": {}, "sealed": {EncryptionKey: testKey}} {
		t.Run(name, func(t *testing.T) {
			v := caching(t, smartsocket.Options{EncryptionKey: o.EncryptionKey})
			r := newRelay(t, v)
			c, back := flapper(t, r, o)
			const rounds, each = 25, 8
			got := make(chan int, rounds*each)
			On(c, "news", func(n int, _ Ack) { got <- n })
			connect(t, c)
			if c.Recovered() {
				t.Error("the first session counts as recovered")
			}
			id := c.ID()
			for round := range rounds {
				for i := range each {
					if i == each/2 {
						r.cut(round%3 == 0)
					}
					v.Emit("news", round*each+i)
				}
				if !take(t, back, "the session") {
					t.Fatalf("round %d: the session was not recovered", round)
				}
				if !c.Recovered() || c.ID() != id {
					t.Fatalf("round %d: Recovered() = %v, id %s, want %s", round, c.Recovered(),
						c.ID(), id)
				}
			}
			for i := range rounds * each {
				if n := take(t, got, "an event"); n != i {
					t.Fatalf("event %d came, want %d", n, i)
				}
			}
			if n, err := Request[int](testContext(t), c, "echo", 1); n != 1 {
				t.Error(err)
			}
			select {
			case n := <-got:
				t.Errorf("event %d came again", n)
			default:
			}
		})
	}
}

// TestResumeWithoutEvents recovers many times in a row what never carried an event.
func TestResumeWithoutEvents(t *testing.T) {
	v := caching(t, smartsocket.Options{})
	r := newRelay(t, v)
	c, back := flapper(t, r, Options{})
	connect(t, c)
	id := c.ID()
	for round := range 30 {
		r.cut(round%2 == 0)
		if !take(t, back, "the session") || c.ID() != id {
			t.Fatalf("round %d: not recovered", round)
		}
	}
	got := make(chan int, 1)
	On(c, "news", func(n int, _ Ack) { got <- n })
	v.Emit("news", 7)
	if n := take(t, got, "the first event"); n != 7 {
		t.Errorf("%d came", n)
	}
}

// TestResumeGap misses more than the server keeps: a new session begins, in which the
// numbers begin anew.
func TestResumeGap(t *testing.T) {
	v := caching(t, smartsocket.Options{MessageCacheSize: 3})
	r := newRelay(t, v)
	c := newClient(t, r.url, Options{})
	k := newTestClock()
	c.clock, c.random = k, func() float64 { return 0.5 }
	got, back := make(chan int, 100), make(chan bool, 1)
	On(c, "news", func(n int, _ Ack) { got <- n })
	c.OnReconnected(func(recovered bool) { back <- recovered })
	connect(t, c)
	id := c.ID()
	for n := range 5 {
		v.Emit("news", n)
		take(t, got, "an event")
	}
	r.cut(false)
	d := take(t, k.waits, "the wait")
	for n := range 10 {
		if _, err := v.Namespace("/").ToSocket(id).Emit("news", 100+n); err != nil {
			t.Fatal(err)
		}
	}
	k.pass <- time.Time{}.Add(d)
	if take(t, back, "the session") || c.Recovered() || c.ID() == id {
		t.Error("the session counts as recovered though events are missing")
	}
	for n := range 5 { // numbers 1 to 5 again: they are new
		v.Emit("news", 200+n)
		if m := take(t, got, "an event of the new session"); m != 200+n {
			t.Fatalf("event %d came, want %d", m, 200+n)
		}
	}
	r.cut(false)
	k.step(t)
	if !take(t, back, "the session") {
		t.Error("the new session cannot be recovered")
	}
	if n := c.Stats().Duplicates; n != 0 {
		t.Errorf("%d events were dropped", n)
	}
}

// TestDisconnectForgets: a later Connect begins a new session.
func TestDisconnectForgets(t *testing.T) {
	v := caching(t, smartsocket.Options{})
	c := connect(t, newClient(t, urlOf(v, "/"), Options{}))
	id := c.ID()
	c.Disconnect()
	connect(t, c)
	if c.ID() == id || c.Recovered() {
		t.Errorf("the session goes on after Disconnect")
	}
}

// TestAnswerAfterRecovery answers, on the recovered session, what was asked before.
func TestAnswerAfterRecovery(t *testing.T) {
	v := caching(t, smartsocket.Options{})
	r := newRelay(t, v)
	c := newClient(t, r.url, Options{})
	k := newTestClock()
	c.clock, c.random = k, func() float64 { return 0.5 }
	asked, back := make(chan Ack, 2), make(chan bool, 1)
	c.On("question", func(_ Data, ack Ack) { asked <- ack })
	c.OnReconnected(func(recovered bool) { back <- recovered })
	connect(t, c)
	s := v.Namespace("/").Socket(c.ID())
	answers := make(chan string, 2)
	for range 2 {
		go func() {
			d, err := s.EmitWithAck(testContext(t), "question", nil)
			answers <- fmt.Sprint(string(d.Bytes()), err)
		}()
	}
	first, second := take(t, asked, "a question"), take(t, asked, "a question")
	r.cut(false)
	d := take(t, k.waits, "the wait")
	go func() { // waits on k for the end of the connection, which has come
		for range k.waits {
		}
	}()
	defer close(k.waits)
	first.Reply("while away")
	k.pass <- time.Time{}.Add(d)
	if !take(t, back, "the session") {
		t.Fatal("not recovered")
	}
	second.Reply("when back")
	both := map[string]bool{take(t, answers, "an answer"): true,
		take(t, answers, "an answer"): true}
	if !both[`"while away"<nil>`] || !both[`"when back"<nil>`] {
		t.Errorf("the answers are %v", both)
	}
	c.Disconnect()
}

func numbered(seq uint64) []byte {
	body := append(message.AppendEventHeader(nil, 0, 0, 0, "news"), fmt.Sprint(seq)...)
	return frame.AppendFrame(nil, frame.Binary, message.AppendSeq(nil, body, seq))
}

// TestResumeRequest looks at what the client sends and drops, with a server that sends too much.
func TestResumeRequest(t *testing.T) {
	type request struct {
		token string
		seq   uint64
	}
	requests := make(chan request, 10)
	ack := func(token string, recovered bool) []byte {
		return frame.AppendFrame(nil, frame.Binary, message.AppendConnectAck(nil,
			&message.ConnectAck{
				SocketID:     []byte("ss_x"),
				SessionToken: []byte(token),
				Recovered:    recovered,
			}))
	}
	resumable := frame.AppendFrame(nil, frame.Binary, message.AppendHello(nil, &message.Hello{
		Version:         1,
		Random:          make([]byte, 32),
		ResumeSupported: true,
	}))
	url := fakeServer(t, func(n int, nc net.Conn) {
		b := readRequest(nc)
		if n == 2 { // another server, which cannot resume
			nc.Write(append(b, hello()...))
		} else {
			nc.Write(append(b, resumable...))
		}
		p, _ := readMessage(nc)
		m, err := message.ParseConnect(p)
		if err != nil {
			return
		}
		requests <- request{string(m.SessionToken), m.LastSeq}
		switch n {
		case 0:
			nc.Write(append(append(append(ack("one", false), numbered(1)...), numbered(2)...),
				numbered(2)...))
		case 1: // recovered, and sends again what came before
			nc.Write(append(append(append(ack("two", true), numbered(1)...), numbered(2)...),
				numbered(3)...))
		case 2:
			nc.Write(connectAck())
		case 3: // a new session
			nc.Write(append(append(ack("three", false), numbered(1)...), numbered(3)...))
		default:
			nc.Write(ack("four", true))
			readMessage(nc)
		}
	})
	c, k := clocked(t, url, Options{})
	got, errs, back := make(chan int, 10), make(chan error, 10), make(chan bool, 10)
	On(c, "news", func(n int, _ Ack) { got <- n })
	c.OnError(func(err error) { errs <- err })
	c.OnReconnected(func(recovered bool) { back <- recovered })
	connect(t, c)
	for range 4 {
		k.step(t)
	}
	for i, want := range []request{{}, {"one", 2}, {"", 0}, {"", 0}, {"three", 3}} {
		if q := take(t, requests, "a CONNECT"); q != want {
			t.Errorf("CONNECT %d: %+v, want %+v", i, q, want)
		}
	}
	for i, want := range []bool{true, false, false, true} {
		if r := take(t, back, "a reconnection"); r != want {
			t.Errorf("reconnection %d: recovered %v", i, r)
		}
	}
	for _, want := range []int{1, 2, 3, 1, 3} {
		if n := take(t, got, "an event"); n != want {
			t.Errorf("event %d, want %d", n, want)
		}
	}
	if err := take(
		t, errs, "the error about the missing event"); !errors.Is(err, message.ErrConnectionLost) {
		t.Error(err)
	}
	if n := c.Stats().Duplicates; n != 3 {
		t.Errorf("%d duplicates, want 3", n)
	}
}

// TestGivenUpHandshake: a session that began though nobody waited for it any
// more must not be taken for one that lost nothing.
func TestGivenUpHandshake(t *testing.T) {
	for _, tt := range []struct {
		recovered bool
		want      string
	}{{true, "new"}, {false, ""}} {
		l := &link{session: &session{token: []byte("old"), seq: 4}}
		l.takeSession(&message.ConnectAck{
			SessionToken: []byte("new"),
			Recovered:    tt.recovered,
		}, true)
		if string(l.session.token) != tt.want || l.session.seq != 4 {
			t.Errorf("recovered %v: token %q, seq %d", tt.recovered, l.session.token, l.session.seq)
		}
	}
}
