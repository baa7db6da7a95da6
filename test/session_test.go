package test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

func TestSessionResumes(t *testing.T) {
	v := cacheServer(t, Options{})
	ns := v.Namespace("/")
	var a resumer
	b := resumer{}
	a.connect(t, v, "/", "")
	b.connect(t, v, "/", "")
	id := a.id
	a.request(1, "join", `["red"]`)
	a.wantAck(1, "true")
	a.request(2, "set", `"kept"`)
	a.wantAck(2, "")
	for round := range 5 {
		a.nc.Close()
		eventually(t, "the server to notice", func() bool {
			return !ns.Socket(id).Connected() && ns.Len() == 1
		})
		// Round 0 misses nothing, not even a first event.
		for i := range round * 3 {
			if d, err := ns.To("red").Emit("news", i); err != nil || d.Queued != 1 {
				t.Fatalf("%+v %v", d, err)
			}
		}
		if round > 0 {
			ns.ToSocket(id).Emit("news", "direct")
		}
		a.connect(t, v, "/", "")
		if !a.recovered || a.id != id {
			t.Fatalf("round %d: recovered %v, id %s, want %s", round, a.recovered, a.id, id)
		}
		ns.To("red").Emit("news", "live")
		for i := range round * 3 {
			a.want(fmt.Sprint(i))
		}
		if round > 0 {
			a.want(`"direct"`)
		}
		a.want(`"live"`)
		a.request(uint64(9+round), "get", "")
		a.wantAck(uint64(9+round), `["kept",["red"],true]`)
	}
	if n := ns.RoomLen("red"); n != 1 {
		t.Errorf("the room has %d members after all that", n)
	}
}

// A connection that takes a session over at the moment in which the earlier one ends it has either
// the session or a new one: it hears what is sent to it.
func TestResumeWhileTheSessionEnds(t *testing.T) {
	v := cacheServer(t, Options{Loops: 2})
	recovered := 0
	for round := range 1000 {
		var a resumer
		a.connect(t, v, "/", "")
		b := resumer{token: a.token}
		b.wire = dialWire(t, v, "/", message.Subprotocol)
		b.message()
		a.send(frame.Close, frame.AppendCloseBody(nil, 1000, ""))
		a.nc.Close()
		for range round % 40 * 500 { // makes b now a little later, now a little earlier than a
			runtime.KeepAlive(round)
		}
		b.sendConnect(message.Connect{SessionToken: b.token})
		_, p := b.next()
		ack, err := message.ParseConnectAck(p)
		if err != nil {
			t.Fatalf("no CONNECT_ACK: %v %q", err, p)
		}
		if ack.Recovered {
			recovered++
		}
		d, err := v.Namespace("/").ToSocket(string(ack.SocketID)).Emit("x", 1)
		if err != nil || d.Queued != 1 {
			t.Fatalf("recovered %v: %+v %v", ack.Recovered, d, err)
		}
		b.want("1")
		b.nc.Close()
	}
	t.Logf("%d of 1000 recovered", recovered)
}

// What is left of the earlier connection, here a closing handshake that began before, settles no
// ack on the session's new connection.
func TestTheEarlierConnectionEndsLate(t *testing.T) {
	v := cacheServer(t, Options{})
	var a resumer
	a.connect(t, v, "/", "")
	old := a.wire
	old.send(frame.Close, frame.AppendCloseBody(nil, 1000, ""))
	old.wantClose(1000) // and TCP stays open at our end
	a.connect(t, v, "/", "")
	if !a.recovered {
		t.Fatal("not recovered: the test has nothing to show")
	}
	old.nc.Close()
	eventually(t, "the server to forget the earlier connection", func() bool {
		return v.ConnectionStats().Open == 1
	})
	answer := make(chan error, 1)
	done := func(_ Data, err error) { answer <- err }
	if err := socketOf(t, v, a.id).EmitAck("question", nil, 0, done); err != nil {
		t.Fatal(err)
	}
	m := a.message()
	a.send(frame.Binary, ackTo(m, message.KindAck, "1"))
	if err := <-answer; err != nil {
		t.Errorf("the answer: %v", err)
	}
}

// A client that inflated before and no longer does must get nothing compressed, so it is told of a
// gap and gets a new session.
func TestResumeWithoutInflating(t *testing.T) {
	v := cacheServer(t, Options{})
	long := `"` + strings.Repeat("a", 5000) + `"`
	var a resumer
	a.inflates = true
	a.connect(t, v, "/", "")
	for _, inflates := range []bool{true, false} {
		a.nc.Close()
		s := socketOf(t, v, a.id)
		eventually(t, "the server to notice", func() bool { return !s.Connected() })
		v.Emit("long", json.RawMessage(long))
		a.inflates = inflates
		a.connect(t, v, "/", "")
		if a.recovered != inflates {
			t.Fatalf("inflates %v: recovered %v", inflates, a.recovered)
		}
		if inflates {
			if m := a.message(); m.Flags&message.FlagDeflated == 0 || m.Seq != 1 {
				t.Fatalf("%+v is not the long event, compressed", m)
			}
			a.seq = 1
		}
	}
	v.Emit("long", json.RawMessage(long))
	a.want(long)
}

// The client is back before the server has noticed that it was gone.
func TestResumeWhileTheOldConnectionIsHalfOpen(t *testing.T) {
	v := cacheServer(t, Options{})
	var a resumer
	a.connect(t, v, "/", "")
	old := a.wire
	v.Emit("one", 1)
	a.want("1")
	for range 3 {
		a.connect(t, v, "/", "")
		if !a.recovered {
			t.Fatal("not recovered")
		}
		old.wantClose(3503)
		old = a.wire
		v.Emit("more", 2)
		a.want("2")
	}
	if d, _ := v.Emit("x", nil); d.Queued != 1 {
		t.Errorf("%+v: the session stands in the namespace more than once", d)
	}
}

func TestTokensAreSingleUseSecretAndBound(t *testing.T) {
	v := cacheServer(t, Options{APIKeys: []string{"key-number-one", "key-number-two"}})
	var a resumer
	a.connect(t, v, "/", "key-number-one")
	first, id := a.token, a.id
	a.nc.Close()
	thief := resumer{token: first}
	thief.connect(t, v, "/", "key-number-two")
	if thief.recovered || thief.id == id {
		t.Error("a session went to somebody with another API key")
	}
	byID := resumer{token: []byte(id)}
	byID.connect(t, v, "/", "key-number-one")
	if byID.recovered {
		t.Error("a session was given for its public id")
	}
	a.connect(t, v, "/", "key-number-one")
	if !a.recovered || string(a.token) == string(first) {
		t.Error("the rightful owner was refused, or got the same token again")
	}
	a.request(1, "get", "")
	a.wantAck(1, `[null,[],true]`)
	again := resumer{token: first}
	again.connect(t, v, "/", "key-number-one")
	if again.recovered {
		t.Error("a token worked twice")
	}
}

func TestGapsAreExplicit(t *testing.T) {
	for name, c := range map[string]struct {
		o    Options
		miss func(v *Server)
		seq  uint64
	}{
		"too many": {o: Options{MessageCacheSize: 3}, miss: func(v *Server) { emitN(v, 4, "x") }},
		"too large": {o: Options{MessageCacheBytes: 3000}, miss: func(v *Server) {
			emitN(v, 4, strings.Repeat("x", 1000))
		}},
		"all too big": {o: Options{MessageCacheTotalBytes: 3000}, miss: func(v *Server) {
			emitN(v, 4, strings.Repeat("x", 1000))
		}},
		"the future": {miss: func(*Server) {}, seq: 99},
	} {
		t.Run(name, func(t *testing.T) {
			v := cacheServer(t, c.o)
			var a resumer
			a.connect(t, v, "/", "")
			id := a.id
			a.nc.Close()
			ns := v.Namespace("/")
			eventually(t, "the server to notice", func() bool { return ns.Len() == 0 })
			c.miss(v)
			a.seq = c.seq
			a.connect(t, v, "/", "")
			if a.recovered || a.id == id {
				t.Fatal("a session with a gap was called recovered")
			}
			v.Emit("new", 1)
			a.want("1")
		})
	}
}

func emitN(v *Server, n int, data any) {
	for range n {
		v.Emit("missed", data)
	}
}

func TestSessionsEnd(t *testing.T) {
	v := cacheServer(t, Options{MessageCacheAge: 200 * time.Millisecond})
	ns := v.Namespace("/")
	t.Run("by age", func(t *testing.T) {
		var a resumer
		a.connect(t, v, "/", "")
		a.nc.Close()
		eventually(t, "the session to be forgotten", func() bool {
			d, _ := v.Emit("x", nil)
			return d.Queued == 0 && ns.Socket(a.id) == nil
		})
		a.connect(t, v, "/", "")
		if a.recovered {
			t.Error("recovered after its time")
		}
		a.nc.Close()
	})
	t.Run("by a final close", func(t *testing.T) {
		var a resumer
		a.connect(t, v, "/", "")
		a.send(frame.Close, frame.AppendCloseBody(nil, 1000, ""))
		a.wantClose(1000)
		a.nc.Close()
		eventually(t, "the session to be forgotten", func() bool { return ns.Socket(a.id) == nil })
	})
}

// A client that flaps while messages stream in gets every one of them, once and in order.
func TestFlappingClientMissesNothing(t *testing.T) {
	const n = 2000
	v := cacheServer(t, Options{MessageCacheSize: 4096, MessageCacheBytes: 8 << 20})
	var a resumer
	a.connect(t, v, "/", "")
	go func() {
		for i := range n {
			v.Emit("tick", i)
			if i%20 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	}()
	for i := range n {
		if i%97 == 96 {
			a.nc.Close()
			a.connect(t, v, "/", "")
			if !a.recovered {
				t.Fatalf("a gap at %d", i)
			}
		}
		a.want(fmt.Sprint(i))
	}
}
