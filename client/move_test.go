//go:build !js

package client

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// poll waits until ok.
func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// drained drains v in the background.
func drained(t *testing.T, v *smartsocket.Server, d time.Duration) <-chan error {
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(testContext(t), d)
	t.Cleanup(cancel)
	go func() { done <- v.Drain(ctx) }()
	return done
}

// noticed is a client with channels for what happens to its connections.
type noticed struct {
	*Client
	moved chan string // the data of reconnected
	gone  chan Reason
	said  chan string // the events "said"
}

func notice(t *testing.T, url string, o Options) *noticed {
	n := &noticed{newClient(t, url, o), make(chan string, 9), make(chan Reason, 9),
		make(chan string, 999)}
	n.On(EventReconnected, func(d Data, _ Ack) { n.moved <- string(d.Bytes()) })
	n.OnDisconnected(func(r Reason) { n.gone <- r })
	On(n.Client, "said", func(text string, _ Ack) { n.said <- text })
	return n
}

// nodes starts two servers that tell who they are, and answer "slow" when they are told.
func nodes(t *testing.T, o smartsocket.Options) (a, b *smartsocket.Server, answer chan bool) {
	answer = make(chan bool)
	set := func(name string) func(*smartsocket.Server) {
		return func(v *smartsocket.Server) {
			echoes(v)
			smartsocket.Handle(v, "who", func(*smartsocket.Socket, any) (string, error) {
				return name, nil
			})
			smartsocket.Handle(v, "slow", func(*smartsocket.Socket, any) (string, error) {
				<-answer
				return name, nil
			})
		}
	}
	return startServer(t, o, set("a")), startServer(t, o, set("b")), answer
}

// who asks which server the client talks to.
func who(t *testing.T, c *Client) string {
	t.Helper()
	name, err := Request[string](testContext(t), c, "who", nil)
	if err != nil {
		t.Error(err)
	}
	return name
}

// A client opens its next connection before it leaves the old one. There what it has asked is
// answered, and what still comes is delivered; what it emits goes to the new one.
func TestMovesBeforeItLeaves(t *testing.T) {
	for _, cache := range []bool{false, true} {
		a, b, answer := nodes(t, smartsocket.Options{EnableMessageCache: cache})
		c := notice(t, urlOf(a, "/"), Options{URLs: []string{urlOf(b, "/")}})
		ready := make(chan bool, 9)
		c.OnConnected(func() { ready <- true })
		connect(t, c.Client)
		take(t, ready, "connected")
		if _, err := Request[int](testContext(t), c.Client, "join", "room"); err != nil {
			t.Fatal(err)
		}
		slow := make(chan string, 1)
		go func() {
			s, err := Request[string](testContext(t), c.Client, "slow", nil)
			if err != nil {
				t.Error(err)
			}
			slow <- s
		}()
		poll(t, "the handler", func() bool { return a.ConnectionStats().WorkersBusy > 0 })
		done := drained(t, a, patience)
		if s := take(t, c.moved, "the move"); s != `{"recovered":false,"moved":true}` {
			t.Errorf("the application is told %s", s)
		}
		take(t, ready, "connected again")
		a.To("room").Emit("said", "old")
		if s := take(t, c.said, "an event on the old connection"); s != "old" {
			t.Errorf("said %q", s)
		}
		if s := who(t, c.Client); s != "b" {
			t.Errorf("it talks to %s", s)
		}
		b.Emit("said", "new")
		take(t, c.said, "an event on the new connection")
		if a.Stats().Connections != 1 {
			t.Error("it left although its question has no answer")
		}
		answer <- true
		if s := take(t, slow, "the answer"); s != "a" {
			t.Errorf("%s has answered", s)
		}
		if err := take(t, done, "the end of Drain"); err != nil {
			t.Error(err)
		}
		n := c.Stats()
		if n.Moves != 1 || n.Reconnects != 0 || len(c.gone) > 0 || n.PendingAcks > 0 {
			t.Errorf("%+v, %d times gone", n, len(c.gone))
		}
	}
}

// If there is nowhere to go, a client stays and is served until the server closes.
func TestStaysIfItCannotMove(t *testing.T) {
	a, _, _ := nodes(t, smartsocket.Options{})
	c := notice(t, urlOf(a, "/"), Options{MaxReconnectAttempts: 1})
	refused := make(chan bool, 99)
	c.OnError(func(error) { refused <- true })
	connect(t, c.Client)
	ctx, end := context.WithCancel(testContext(t))
	done := make(chan error, 1)
	go func() { done <- a.Drain(ctx) }()
	poll(t, "a refusal", func() bool { return a.ConnectionStats().Refusals["draining"] > 0 })
	if s := who(t, c.Client); s != "a" || len(refused) > 0 || len(c.gone) > 0 {
		t.Errorf("it talks to %s, %d errors", s, len(refused))
	}
	end()
	if err := take(t, done, "the end of Drain"); err != nil {
		t.Error(err)
	}
	if r := take(t, c.gone, "the end"); r.Code != message.CloseGoingAway {
		t.Errorf("it ends with %v", r)
	}
}

// A server that sends away whoever comes cannot make a client connect in a loop, and a GOAWAY
// counts once.
func TestGoawayStorm(t *testing.T) {
	var open, most atomic.Int32
	url := fakeServer(t, func(_ int, nc net.Conn) {
		accept(nc)
		if n := open.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer open.Add(-1)
		for range 1000 {
			nc.Write(goawayFrame(&message.Goaway{Move: true, Deadline: 1 << 40}))
		}
		for _, ok := readMessage(nc); ok; _, ok = readMessage(nc) {
		}
	})
	c := newClient(t, url, Options{})
	k := &hurried{newTestClock(), make(chan time.Duration, 3)}
	c.clock, c.random = k, func() float64 { return 0.5 }
	connect(t, c)
	d := float64(c.opts.ReconnectDelay)
	for range 3 {
		d *= 1.5
		if got := take(t, k.delays, "a wait"); got != time.Duration(d) {
			t.Errorf("it waits for %v, want %v", got, time.Duration(d))
		}
	}
	if n := c.Stats().Moves; n > 5 || most.Load() > 4 {
		t.Errorf("%d moves, %d connections at a time", n, most.Load())
	}
}

// hurried is a clock that lets delays before attempts pass at once, and no other.
type hurried struct {
	*testClock
	delays chan time.Duration
}

func (k *hurried) After(d time.Duration) (<-chan time.Time, func() bool) {
	stop := func() bool { return true }
	if d == maxOverlap || d == maxMoveTime {
		return nil, stop
	}
	now := make(chan time.Time, 1)
	select {
	case k.delays <- d:
		now <- time.Time{}
	default: // the test is over
	}
	return now, stop
}

func goawayFrame(g *message.Goaway) []byte {
	return frame.AppendFrame(nil, frame.Binary, message.AppendGoaway(nil, g))
}

// seqEvent is an event of a session.
func seqEvent(seq uint64, text string) []byte {
	b := message.AppendEventHeader(nil, message.FlagSeq, seq, 0, "said")
	return frame.AppendFrame(nil, frame.Binary, append(b, `"`+text+`"`...))
}

// sessionAck is a CONNECT_ACK with a session.
func sessionAck(token string, recovered bool) []byte {
	return frame.AppendFrame(nil, frame.Binary, message.AppendConnectAck(nil, &message.ConnectAck{
		SocketID: []byte("ss_fake"), SessionToken: []byte(token), Recovered: recovered, Arrived: 1,
		MaxMessageBytes: 1 << 20}))
}

// resumable is a HELLO of a server that keeps sessions.
func resumable() []byte {
	return frame.AppendFrame(nil, frame.Binary, message.AppendHello(nil, &message.Hello{
		Version: 1, Random: make([]byte, 32), MaxMessageBytes: 1 << 20, ResumeSupported: true}))
}

// If the server moves the session too, its events come once and in order, whatever comes on the old
// connection, and the close code for a replaced connection is not the end.
func TestMovesWithItsSession(t *testing.T) {
	for _, closes := range []bool{false, true} {
		first, second := make(chan net.Conn, 1), make(chan net.Conn, 1)
		asked := make(chan message.Connect, 1)
		url := fakeServer(t, func(n int, nc net.Conn) {
			nc.Write(append(readRequest(nc), resumable()...))
			b, _ := readMessage(nc)
			if n == 0 {
				nc.Write(append(sessionAck("one", false), seqEvent(1, "1")...))
				first <- nc
			} else {
				m, _ := message.ParseConnect(b)
				asked <- m
				second <- nc
			}
			io.Copy(io.Discard, nc)
		})
		c := notice(t, url, Options{})
		connect(t, c.Client)
		take(t, c.said, "1")
		old := take(t, first, "the first connection")
		old.Write(append(seqEvent(2, "2"), goawayFrame(&message.Goaway{Move: true})...))
		m := take(t, asked, "CONNECT")
		if string(m.SessionToken) != "one" || m.LastSeq < 1 || !m.CanMove {
			t.Errorf("it asks for %q from %d on", m.SessionToken, m.LastSeq)
		}
		old.Write(seqEvent(3, "3"))
		next := take(t, second, "the second connection")
		if closes {
			old.Write(closeFrame(message.CloseReplaced))
			take(t, c.gone, "the end of the first connection")
		}
		next.Write(sessionAck("two", true))
		next.Write(append(seqEvent(3, "3"), seqEvent(4, "4")...))
		want := `{"recovered":true,"moved":true}`
		if closes {
			want = `{"recovered":true}`
		}
		if s := take(t, c.moved, "the move"); s != want {
			t.Errorf("the application is told %s", s)
		}
		for _, want := range []string{"2", "3", "4"} {
			if s := take(t, c.said, want); s != want {
				t.Errorf("%s in place of %s", s, want)
			}
		}
		if !closes {
			old.Write(seqEvent(5, "late")) // which is not the fifth of the session
			next.Write(seqEvent(5, "5"))
			if s := take(t, c.said, "5"); s != "5" {
				t.Errorf("%s in place of 5", s)
			}
		}
		if !c.Recovered() {
			t.Error("the session is not recovered")
		}
		c.Disconnect()
	}
}

// When the old connection ends while the next one is being made, that one takes its place.
func TestOldConnectionEndsDuringTheMove(t *testing.T) {
	first, finish := make(chan net.Conn, 1), make(chan bool)
	begun := make(chan bool, 1)
	url := fakeServer(t, func(n int, nc net.Conn) {
		if n == 0 {
			accept(nc)
			first <- nc
		} else {
			b := append(readRequest(nc), hello()...)
			begun <- true
			<-finish
			nc.Write(b)
			readMessage(nc)
			nc.Write(connectAck())
		}
		io.Copy(io.Discard, nc)
	})
	c := notice(t, url, Options{})
	c.OnReconnecting(func(Reconnecting) { t.Error("a second attempt is made") })
	connect(t, c.Client)
	old := take(t, first, "the first connection")
	old.Write(goawayFrame(&message.Goaway{Move: true}))
	take(t, begun, "the attempt")
	old.Write(closeFrame(message.CloseGoingAway))
	take(t, c.gone, "the end of the first connection")
	finish <- true
	if s := take(t, c.moved, "the new connection"); s != `{"recovered":false}` {
		t.Errorf("the application is told %s", s)
	}
}

// A server that refuses for good is not asked again, and the client stays where it is.
func TestMoveIsRefused(t *testing.T) {
	first := make(chan net.Conn, 1)
	second := make(chan bool, 9)
	url := fakeServer(t, func(n int, nc net.Conn) {
		if n == 0 {
			accept(nc)
			first <- nc
			io.Copy(io.Discard, nc)
			return
		}
		nc.Write(append(readRequest(nc), append(hello(), closeFrame(3500)...)...))
		second <- true
		io.Copy(io.Discard, nc)
	})
	c := notice(t, url, Options{})
	connect(t, c.Client)
	old := take(t, first, "the first connection")
	old.Write(goawayFrame(&message.Goaway{Move: true}))
	take(t, second, "the attempt")
	old.Write(frame.AppendFrame(nil, frame.Binary,
		append(message.AppendEventHeader(nil, 0, 0, 0, "said"), `"still here"`...)))
	take(t, c.said, "an event")
	if l := c.current.Load(); l == nil {
		t.Error("it has left")
	} else {
		take(t, l.mover.over, "the end of the attempts")
	}
	c.Disconnect()
	if err := c.Emit("x", nil); !errors.Is(err, message.ErrConnectionLost) {
		t.Error(err)
	}
}
