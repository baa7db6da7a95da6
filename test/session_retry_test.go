package test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

func TestRetriesAreAnsweredAndNotRunAgain(t *testing.T) {
	v := cacheServer(t, Options{})
	var runs atomic.Int64
	smartsocket.Handle(v, "count", func(*Socket, int) (int64, error) { return runs.Add(1), nil })
	v.On("inline", func(_ *Socket, d Data, ack Ack) {
		runs.Add(1)
		ack.Reply(d)
	}, smartsocket.Inline)
	smartsocket.Handle(v, "fails", func(*Socket, int) (int, error) {
		runs.Add(1)
		return 0, errors.New("no luck")
	})
	var a resumer
	a.connect(t, v, "/", "")
	a.request(1, "count", "0")
	a.wantAck(1, "1")
	a.request(2, "fails", "0")
	a.wantNack(2, message.CodeHandlerFailed)
	a.request(4, "inline", `"x"`)
	a.wantAck(4, `"x"`)
	for range 3 {
		a.again(t, v)
		a.request(1, "count", "0")
		a.wantAck(1, "1")
		a.request(2, "fails", "0")
		a.wantNack(2, message.CodeHandlerFailed)
		a.request(4, "inline", `"x"`)
		a.wantAck(4, `"x"`)
	}
	a.request(3, "count", "0") // not seen before, though an older one than the newest
	a.wantAck(3, "4")
	if n := v.ConnectionStats().Repeated; n != 9 {
		t.Errorf("%d repeats were counted, want 9", n)
	}
}

// A handler that still runs when its event comes again answers the new connection.
func TestRetryWhileTheHandlerRuns(t *testing.T) {
	v := cacheServer(t, Options{})
	var runs atomic.Int64
	started, release := make(chan bool, 10), make(chan bool)
	v.On("slow", func(_ *Socket, _ Data, ack Ack) {
		started <- true
		<-release
		ack.Reply(runs.Add(1))
	})
	var a resumer
	a.connect(t, v, "/", "")
	a.request(1, "slow", "")
	<-started
	for n := range int64(2) {
		a.again(t, v)
		a.request(1, "slow", "")
		eventually(t, "the repeat", func() bool { return v.ConnectionStats().Repeated == n+1 })
	}
	close(release)
	a.wantAck(1, "1")
	a.again(t, v)
	a.request(1, "slow", "")
	a.wantAck(1, "1")
	if n := runs.Load(); n != 1 {
		t.Errorf("the handler ran %d times", n)
	}
}

// An event that no handler has seen counts as new when it comes again.
// What is not JSON is refused, and the question whose id it bears is not forgotten.
func TestBadDataForgetsNoQuestion(t *testing.T) {
	v := cacheServer(t, Options{})
	var runs atomic.Int64
	release := make(chan bool)
	v.On("slow", func(_ *Socket, _ Data, ack Ack) {
		n := runs.Add(1)
		<-release
		ack.Reply(n)
	})
	var a resumer
	a.connect(t, v, "/", "")
	a.request(1, "slow", "")
	a.request(1, "slow", "{bad")
	a.wantNack(1, message.CodeInvalidFormat)
	close(release)
	a.wantAck(1, "1")
	a.again(t, v)
	a.request(1, "slow", "")
	a.wantAck(1, "1")
}

func TestRetryOfARefusedEventRuns(t *testing.T) {
	v := cacheServer(t, Options{})
	var a resumer
	a.connect(t, v, "/", "")
	a.request(1, "later", "")
	a.wantNack(1, message.CodeNoHandler)
	v.On("later", func(_ *Socket, _ Data, ack Ack) { ack.Reply(true) })
	a.again(t, v)
	a.request(1, "later", "")
	a.wantAck(1, "true")
}

func TestRetriesBeyondMemory(t *testing.T) {
	v := cacheServer(t, Options{MessageCacheBytes: 8 << 10})
	var runs atomic.Int64
	v.On("count", func(_ *Socket, _ Data, ack Ack) { ack.Reply(runs.Add(1)) }, smartsocket.Inline)
	var a resumer
	a.connect(t, v, "/", "")
	const n = 300
	for i := uint64(1); i <= n; i++ {
		a.request(i, "count", "")
		a.wantAck(i, fmt.Sprint(i))
	}
	a.request(n, "count", "") // on the same connection this is a mistake, not a retry
	if m := a.message(); m.Kind != message.KindError || m.Flags&message.FlagAck != 0 {
		t.Errorf("an id used twice on one connection: %+v", m)
	}
	a.again(t, v)
	a.request(1, "count", "") // pushed out by later answers
	a.wantNack(1, message.CodeConnectionLost)
	a.request(n, "count", "")
	a.wantAck(n, fmt.Sprint(n))
	a.request(1<<60, "count", "")
	a.wantAck(1<<60, fmt.Sprint(n+1))
	a.request(n+1, "count", "") // so old that nobody can tell whether it was seen
	a.wantNack(n+1, message.CodeConnectionLost)
	if runs.Load() != n+1 {
		t.Errorf("%d runs", runs.Load())
	}
}

// Answers are kept until the client has shown, by a PONG, that it has read them.
func TestAnswersAreKeptUntilConfirmed(t *testing.T) {
	v := cacheServer(t, Options{})
	v.On("x", reply, smartsocket.Inline)
	var a resumer
	a.connect(t, v, "/", "")
	ping, err := message.ParseClock(a.clock())
	if err != nil {
		t.Fatal(err)
	}
	a.request(1, "x", `"first"`)
	a.wantAck(1, `"first"`)
	pong := func() { a.send(frame.Binary, message.AppendClock(nil, message.KindPong, ping)) }
	pong() // to what was sent before the answer
	if ping, err = message.ParseClock(a.clock()); err != nil {
		t.Fatal(err)
	}
	a.request(2, "x", `"second"`)
	a.wantAck(2, `"second"`)
	pong() // to what was sent between the answers
	a.request(3, "x", "3")
	a.wantAck(3, "3")
	a.again(t, v)
	a.request(1, "x", `"first"`)
	a.wantNack(1, message.CodeConnectionLost)
	a.request(2, "x", `"second"`)
	a.wantAck(2, `"second"`)
}

// A new session knows nothing of the ids of an earlier one.
func TestRetryInANewSessionRuns(t *testing.T) {
	v := cacheServer(t, Options{})
	var runs atomic.Int64
	v.On("count", func(_ *Socket, _ Data, ack Ack) { ack.Reply(runs.Add(1)) })
	for want := 1; want < 3; want++ {
		var a resumer
		a.connect(t, v, "/", "")
		a.request(1, "count", "")
		a.wantAck(1, fmt.Sprint(want))
	}
}

// When the connection is cut after the server has taken the token and before the client has read
// what replaces it, the old token works once more.
func TestTokenSurvivesACutBeforeConnectAck(t *testing.T) {
	v := cacheServer(t, Options{})
	var a resumer
	a.connect(t, v, "/", "")
	id, token := a.id, a.token
	v.Emit("news", 1)
	a.want("1")
	first := a
	first.nc.Close()
	for range 3 {
		lost := first // does not read its CONNECT_ACK
		lost.wire = dialWire(t, v, "/", message.Subprotocol)
		lost.message()
		lost.sendConnect(message.Connect{Namespace: []byte("/"), SessionToken: token, LastSeq: 1})
		eventually(t, "the session to be resumed", func() bool {
			s := v.Namespace("/").Socket(id)
			return s != nil && s.Recovered() && s.Connected()
		})
	}
	again := resumer{token: token, seq: 1}
	again.connect(t, v, "/", "")
	if !again.recovered || again.id != id {
		t.Fatal("a cut before CONNECT_ACK cost the session")
	}
	v.Emit("news", 2)
	again.want("2")
	again.request(1, "get", "") // proves that CONNECT_ACK came
	again.wantAck(1, `[null,[],true]`)
	replay := resumer{token: token, seq: 1}
	replay.connect(t, v, "/", "")
	if replay.recovered || replay.id == id {
		t.Error("the old token worked after the client had shown that it got the new one")
	}
	again.request(2, "get", "")
	again.wantAck(2, `[null,[],true]`) // undisturbed
	again.again(t, v)
}

// A reconnect is no way around the rate limit.
func TestRateLimitSurvivesResume(t *testing.T) {
	v := cacheServer(t, Options{RateLimitMaxRequests: 3})
	window := smartsocket.DefaultOptions().RateLimitWindow
	v.SetEventRateLimit("set", smartsocket.Limit{Window: window, MaxRequests: 1})
	var a resumer
	a.connect(t, v, "/", "")
	a.request(1, "set", `"x"`)
	a.wantAck(1, "")
	a.request(2, "get", "")
	a.wantAck(2, `["x",[],false]`)
	a.again(t, v)
	a.request(3, "set", `"y"`)
	a.wantNack(3, message.CodeEventRateLimited)
	if m := a.message(); string(m.Event) != "__rate-limited__" {
		t.Fatalf("%+v", m)
	}
	a.seq++
	a.request(4, "get", "")
	a.wantAck(4, `["x",[],true]`)
	a.again(t, v)
	a.request(5, "get", "")
	a.wantNack(5, message.CodeRateLimited)
}

// At most as many sessions wait for their clients as may be connected. One more, and the session
// that is away longest is given up at once.
func TestSessionsAwayAreBounded(t *testing.T) {
	v := cacheServer(t, Options{MaxConnections: 3})
	ns := v.Namespace("/")
	var all [5]resumer
	for i := range all {
		a := &all[i]
		a.connect(t, v, "/", "")
		a.nc.Close()
		eventually(t, "the session to be away", func() bool {
			s := ns.Socket(a.id)
			return s == nil || slices.Contains(ns.Away(), s)
		})
		eventually(t, "the slot to be free", func() bool { return v.ConnectionStats().Open == 0 })
	}
	// A socket is there until its ended handlers have run.
	eventually(t, "two sessions to be given up", func() bool {
		return ns.Socket(all[0].id) == nil && ns.Socket(all[1].id) == nil
	})
	kept := 0
	for i := range all {
		if ns.Socket(all[i].id) != nil {
			kept++
		} else if i >= 2 {
			t.Errorf("session %d of 5 was given up before older ones", i)
		}
	}
	if kept != 3 {
		t.Errorf("%d sessions are kept, want 3", kept)
	}
	for i := range 2 {
		a := &all[i]
		a.connect(t, v, "/", "")
		if a.recovered {
			t.Error("a session that was given up was recovered")
		}
		a.send(frame.Close, frame.AppendCloseBody(nil, 1000, ""))
		a.wantClose(1000)
		a.nc.Close()
	}
	a := &all[4]
	a.connect(t, v, "/", "")
	if !a.recovered {
		t.Error("the last session to be left was not recovered")
	}
}

// An open question is asked again after a resume, because its answer may have been lost with the
// connection. A client knows by the number of the event that it has the question already.
func TestOpenQuestionsAreAskedAgain(t *testing.T) {
	v := cacheServer(t, Options{})
	var a resumer
	a.connect(t, v, "/", "")
	s := v.Namespace("/").Socket(a.id)
	settled := make(chan string, 3)
	ask := func(what string) message.Message {
		t.Helper()
		err := s.EmitAck("ask", what, 0, func(d Data, err error) {
			settled <- fmt.Sprintf("%s %v", d.Bytes(), err)
		})
		if err != nil {
			t.Fatal(err)
		}
		m := a.message()
		a.seq = m.Seq
		return m
	}
	first, second := ask("first"), ask("second")
	s.Emit("news", 1)
	a.want("1")
	a.send(frame.Binary, ackTo(first, message.KindAck, `"one"`))
	if got := <-settled; got != `"one" <nil>` {
		t.Errorf("settled with %s", got)
	}
	a.again(t, v)
	if m := a.message(); m.Kind != message.KindEvent || m.Seq != second.Seq ||
		m.AckID != second.AckID || string(m.Payload) != `"second"` {
		t.Errorf("kind %d, seq %d, ack %d came: %q", m.Kind, m.Seq, m.AckID, m.Payload)
	}
	s.Emit("news", 2)
	a.want("2")
	a.send(frame.Binary, ackTo(second, message.KindAck, `"two"`))
	if got := <-settled; got != `"two" <nil>` {
		t.Errorf("settled with %s", got)
	}
}

// A client is not closed because it answers late.
func TestLateAnswersAreNoFault(t *testing.T) {
	o := Options{AckTimeout: time.Millisecond}
	v := startServer(t, o, func(v *Server) { v.On("echo", reply) })
	w := dialFull(t, v, "/")
	s := v.Namespace("/").Sockets()[0]
	const asks = 30
	for range asks {
		_, err := s.EmitWithAck(t.Context(), "ask", nil)
		if !errors.Is(err, message.ErrAckTimeout) {
			t.Fatal(err)
		}
		w.send(frame.Binary, ackTo(w.message(), message.KindAck, `"late"`))
	}
	w.request(1, "echo", "1")
	w.wantAck(1, "1")
	if n := v.ConnectionStats().UnknownAcks; n != asks {
		t.Errorf("%d late answers were counted, want %d", n, asks)
	}
}
