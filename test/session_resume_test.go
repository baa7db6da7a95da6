package test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// TestResumesAtOnce lets several connections use one token at the same time, while events are sent
// and sessions expire. In the end there is one session, or none and new ones, and it works.
func TestResumesAtOnce(t *testing.T) {
	for name, age := range map[string]time.Duration{
		"kept": time.Minute, "expiring": 100 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			v := cacheServer(t, Options{MessageCacheAge: age})
			ns := v.Namespace("/")
			for round := range 20 {
				var a resumer
				a.connect(t, v, "/", "")
				a.request(1, "join", `["red"]`)
				a.wantAck(1, "true")
				id := a.id
				if round%2 == 0 {
					a.nc.Close()
				}
				connect := message.Connect{
					Namespace: []byte("/"), SessionToken: a.token, LastSeq: a.seq,
				}
				const n = 4
				var wires [n]*wire
				for i := range wires {
					wires[i] = dialWire(t, v, "/", message.Subprotocol)
					wires[i].message()
				}
				var wg sync.WaitGroup
				for _, w := range wires {
					wg.Go(func() { w.sendConnect(connect) })
				}
				wg.Go(func() {
					for i := range 10 {
						ns.ToSocket(id).Emit("news", i)
						ns.To("red").Emit("news", i)
					}
				})
				wg.Wait()
				live := 0
				for i, w := range wires {
					w.request(uint64(100+i), "get", `""`)
					if lives(w, uint64(100+i)) {
						live++
					}
				}
				if live == 0 {
					t.Fatalf("round %d: no connection is left", round)
				}
				for _, w := range wires {
					w.nc.Close()
				}
				a.nc.Close()
			}
			eventually(t, "the connections to be gone", func() bool {
				return v.ConnectionStats().Open == 0 && ns.Len() == 0
			})
			if age < time.Second {
				eventually(t, "the sessions to be gone", func() bool {
					return len(ns.Sockets())+len(ns.Away()) == 0 && membersOf(ns, "red") == 0
				})
			}
		})
	}
}

// lives reads until the answer to id, or the end.
func lives(w *wire, id uint64) bool {
	for {
		op, p := w.next()
		if op != frame.Binary {
			return false
		}
		if m, err := message.Parse(p); err == nil && m.Kind == message.KindAck && m.AckID == id {
			return true
		}
	}
}

// What came on the earlier connection is handled before what comes on the new one.
func TestHandlersStayInOrderOverAResume(t *testing.T) {
	// There is no connected handler, because it would hold everything back.
	v := startServer(t, Options{EnableMessageCache: true}, nil)
	started, release, ran := make(chan bool, 1), make(chan bool), make(chan string, 10)
	note := func(_ *Socket, d Data, _ Ack) { ran <- string(d.Bytes()) }
	v.On("slow", func(s *Socket, d Data, ack Ack) {
		started <- true
		<-release
		note(s, d, ack)
	})
	v.On("blocking", note)
	v.On("inline", note, smartsocket.Inline)
	var a resumer
	a.connect(t, v, "/", "")
	a.emit("slow", "1")
	a.emit("blocking", "2")
	<-started
	for n := 3; n < 9; n += 2 {
		a.again(t, v)
		a.emit("inline", fmt.Sprint(n))
		a.emit("blocking", fmt.Sprint(n+1))
		want := int64(2 + n/2 + n) // CONNECTs and events; a cut must not lose what was sent
		eventually(t, "the events", func() bool { return v.ConnectionStats().MessagesIn >= want })
	}
	close(release)
	for n := 1; n < 9; n++ {
		if got := <-ran; got != fmt.Sprint(n) {
			t.Fatalf("event %s was handled, want %d", got, n)
		}
	}
}

// CONNECT_ACK says how many events of the session came, on all of its connections together.
func TestArrivedIsTold(t *testing.T) {
	v := cacheServer(t, Options{})
	var a resumer
	a.connect(t, v, "/", "")
	if a.arrived != 0 {
		t.Errorf("a new session has %d", a.arrived)
	}
	a.emit("set", `"x"`)
	a.emit("nobody", "1")
	a.request(1, "get", "")
	a.wantAck(1, `["x",[],false]`)
	for n := uint64(4); n < 7; n++ {
		a.again(t, v)
		if a.arrived != n {
			t.Errorf("%d events are told of, want %d", a.arrived-1, n-1)
		}
		a.request(n, "get", "")
		a.wantAck(n, `["x",[],true]`)
	}
}

// CONNECT_ACK counts the events that were handled or will be, whatever still comes on the earlier
// connection.
func TestLateEventsOfTheOldConnection(t *testing.T) {
	v := startServer(t, Options{EnableMessageCache: true, MaxFrameRate: 1 << 30}, nil)
	var handled atomic.Int64
	v.On("note", func(*Socket, Data, Ack) { handled.Add(1) }, smartsocket.Inline)
	v.On("get", func(_ *Socket, _ Data, ack Ack) { ack.Reply(handled.Load()) }, smartsocket.Inline)
	note := masked(frame.Binary, eventBytes(0, 0, "note", ""))
	burst := bytes.Repeat(note, 500)
	var a resumer
	a.connect(t, v, "/", "")
	before := uint64(0) // events that were not notes
	for round := range uint64(30) {
		old := a.wire
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 20 {
				if _, err := old.nc.Write(burst); err != nil {
					return // closed, because the session has another connection
				}
			}
		})
		a.connect(t, v, "/", "")
		wg.Wait()
		if !a.recovered {
			t.Fatal("not recovered")
		}
		a.request(1+round, "get", "")
		a.wantAck(1+round, fmt.Sprint(a.arrived-1-before))
		before++
	}
}

// A client that resumes again and again and reads nothing is sent what it missed a few times, and
// then gets a new session, which tells it that there is a gap. Whoever reads may go on.
func TestAttackResumesThatReadNothing(t *testing.T) {
	const keeps, size = 64 << 10, 6 << 10
	v := cacheServer(t, Options{MessageCacheBytes: keeps})
	var reads, never resumer
	var nobody []net.Conn
	for _, r := range []*resumer{&reads, &never} {
		r.connect(t, v, "/", "")
		s := socketOf(t, v, r.id)
		for range keeps / size {
			pad := make([]byte, size)
			rand.Read(pad)
			emit(t, s, "filler", pad)
		}
		for n := 0; r == &reads && n < keeps/size; {
			if m := r.message(); m.Kind == message.KindEvent {
				n, r.seq = n+1, m.Seq
			}
		}
	}
	resumes := 0
	for ; resumes < 100; resumes++ {
		nobody = append(nobody, never.nc) // stays open and unread
		never.connect(t, v, "/", "")
		if !never.recovered {
			break
		}
	}
	if most := 8 + 2; resumes > most || resumes < 8 {
		t.Errorf("%d resumes of %d bytes each were served, want 8 to %d", resumes, keeps, most)
	}
	if n := v.ConnectionStats().UnreadSessions; n != 1 {
		t.Errorf("%d sessions are counted", n)
	}
	for _, nc := range nobody {
		wantGone(t, nc)
	}
	for range 20 {
		reads.again(t, v)
	}
}
