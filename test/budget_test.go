package test

import (
	"crypto/rand"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// busyServer has one worker, which the first client holds until release is called. worked counts
// the events "work" that were handled.
func busyServer(t *testing.T, o Options) (v *Server, worked *atomic.Int64, release func()) {
	t.Helper()
	hold, in := make(chan struct{}), make(chan struct{})
	worked = new(atomic.Int64)
	o.Workers = 1
	v = startServer(t, o, func(v *Server) {
		v.On("hold", func(*Socket, Data, Ack) {
			close(in)
			<-hold
		})
		v.On("work", func(*Socket, Data, Ack) { worked.Add(1) })
	})
	dialFull(t, v, "/").emit("hold", "")
	<-in
	return v, worked, func() { close(hold) }
}

// The memory and the turns of clients that were lost are free again at once, although no worker is.
func TestEventsOfLostClientsAreDiscarded(t *testing.T) {
	v, worked, release := busyServer(t, Options{})
	const clients, each, size = 5, 20, 16 << 10
	payload := `"` + strings.Repeat("x", size-2) + `"`
	var all []*wire
	for range clients {
		w := dialFull(t, v, "/")
		for range each {
			w.emit("work", payload)
		}
		all = append(all, w)
	}
	eventually(t, "all events to wait", func() bool {
		return v.ConnectionStats().BufferedBytes == clients*each*size
	})
	for _, w := range all {
		w.nc.(*net.TCPConn).SetLinger(0)
		w.nc.Close()
	}
	eventually(t, "the memory of the lost", func() bool {
		st := v.ConnectionStats()
		return st.BufferedBytes == 0 && st.Discarded == clients*each
	})
	release()
	eventually(t, "the end of the lost", func() bool { return v.Stats().Connections == 1 })
	if n := worked.Load(); n != 0 {
		t.Errorf("%d events of lost clients were handled", n)
	}
}

// Who says goodbye is not lost: everything that it sent is handled.
func TestEventsOfClientsThatCloseAreHandled(t *testing.T) {
	v, worked, release := busyServer(t, Options{})
	const each = 100
	w := dialFull(t, v, "/")
	for range each {
		w.emit("work", `"x"`)
	}
	w.send(frame.Close, []byte{0x03, 0xe8}) // 1000
	w.wantClose(frame.CloseNormal)
	w.nc.Close()
	eventually(t, "the end of the connection", func() bool { return v.ConnectionStats().Open == 1 })
	release()
	eventually(t, "all events", func() bool { return worked.Load() == each })
	if n := v.ConnectionStats().Discarded; n != 0 {
		t.Errorf("%d events were discarded", n)
	}
}

// NA6: the events of a client that is away, but whose session goes on, take turns with those of
// others one by one.
func TestEventsOfWhoIsGoneLetOthersPass(t *testing.T) {
	for name, bye := range map[string]bool{"lost": false, "closed": true} {
		t.Run(name, func(t *testing.T) {
			order := make(chan int64, 1)
			v, worked, release := busyServer(t, Options{EnableMessageCache: true})
			v.On("other", func(*Socket, Data, Ack) { order <- worked.Load() })
			gone := dialFull(t, v, "/")
			const n = 100
			for range n {
				gone.emit("work", "1")
			}
			if bye {
				gone.send(frame.Close, []byte{0x03, 0xe8})
				gone.wantClose(frame.CloseNormal)
			}
			gone.nc.Close()
			eventually(t, "the client to be gone", func() bool {
				return v.ConnectionStats().Open == 1
			})
			other := dialFull(t, v, "/")
			other.emit("other", "")
			eventually(t, "both to wait", func() bool {
				return v.ConnectionStats().SocketsWaiting == 2
			})
			release()
			if k := <-order; k > 2 {
				t.Errorf("%d events of the client that is gone ran first", k)
			}
			eventually(t, "all events", func() bool { return worked.Load() == n })
		})
	}
}

func TestWaitingEventsShareABudget(t *testing.T) {
	const limit, size = 64 << 10, 25 << 10 // two are below seven eighths of it
	v, worked, release := busyServer(t, Options{MaxBufferedBytes: limit})
	payload := `"` + strings.Repeat("x", size-2) + `"`
	for i := range 4 {
		w := dialFull(t, v, "/")
		w.request(1, "work", payload)
		if i < limit/size {
			eventually(t, "the event to wait", func() bool {
				return v.ConnectionStats().BufferedBytes == int64(i+1)*size
			})
			continue
		}
		w.wantNack(1, message.CodeRateLimited)
	}
	if n := v.ConnectionStats().Overflows; n != 2 {
		t.Errorf("%d events were refused, want 2", n)
	}
	release()
	eventually(t, "the events that waited", func() bool {
		return worked.Load() == limit/size && v.ConnectionStats().BufferedBytes == 0
	})
}

// Mailboxes and outboxes share the budget. When too little is left, who holds most is cut.
func TestWorstHolderIsCut(t *testing.T) {
	const limit = 1 << 20
	var log logBuffer
	v, _, release := busyServer(t, Options{
		MaxBufferedBytes: limit, Logger: log.logger(),
		SendBufferBytes: 8 << 10, MaxOutboxAge: time.Minute,
	})
	defer release()
	slow, worst := dialFull(t, v, "/"), dialFull(t, v, "/")
	s := socketOf(t, v, slow.id)
	slow.fall(s)
	pad := make([]byte, 16<<10)
	for s.Queued() < 300<<10 {
		rand.Read(pad)
		emit(t, s, "filler", pad)
	}
	payload := `"` + strings.Repeat("x", 50<<10) + `"`
	for range 16 {
		worst.emit("work", payload)
	}
	eventually(t, "the cut", func() bool { return v.ConnectionStats().OverBudget > 0 })
	wantGone(t, worst.nc)
	eventually(t, "the memory", func() bool { return v.ConnectionStats().BufferedBytes == 0 })
	if !s.Connected() || v.ConnectionStats().OverBudget != 1 {
		t.Errorf("the other is connected: %v; %+v", s.Connected(), v.ConnectionStats())
	}
	eventually(t, "the line in the log", func() bool {
		return strings.Contains(log.String(), "those who held most were cut")
	})
}

// begin sends the first n bytes of a message of size bytes.
func (w *wire) begin(n, size int) {
	w.t.Helper()
	m := masked(frame.Binary, eventBytes(0, 0, "work", `"`+strings.Repeat("x", size-2)+`"`))
	if _, err := w.nc.Write(m[:n]); err != nil {
		w.t.Fatal(err)
	}
}

// A message that is not complete counts in the budget, also of a client that has not authenticated.
// Who holds most is cut, and those who hold less are not.
func TestUnfinishedMessagesShareTheBudget(t *testing.T) {
	for _, auth := range []bool{false, true} {
		o := Options{MaxBufferedBytes: 4 << 20, RequireAuth: auth, AuthTimeout: time.Minute}
		v := startServer(t, o, func(v *Server) {
			v.On("work", func(_ *Socket, _ Data, ack Ack) { ack.Reply(nil) })
		})
		var small []*wire
		for range 3 {
			w := dialFull(t, v, "/")
			w.begin(200<<10, 300<<10)
			small = append(small, w)
		}
		worst, second := dialFull(t, v, "/"), dialFull(t, v, "/")
		second.begin(900<<10, 1<<20)
		worst.begin(3<<20, 8<<20)
		wantGone(t, worst.nc)
		eventually(t, "the end of the worst", func() bool { return v.Stats().Connections == 4 })
		for _, w := range append(small, second) {
			if !socketOf(t, v, w.id).Connected() {
				t.Error("one who held less was cut")
			}
		}
		if n := v.ConnectionStats().OverBudget; n != 1 {
			t.Errorf("%d were cut, want 1", n)
		}
	}
}

// The session of who is cut ends with it, since it would keep what it holds.
func TestWorstHolderLosesItsSession(t *testing.T) {
	var log logBuffer
	v := cacheServer(t, Options{MaxBufferedBytes: 1 << 20, Logger: log.logger()})
	if !strings.Contains(log.String(), "maxBufferedBytes=1048576") {
		t.Errorf("the log does not name the sum at the start:\n%s", log.String())
	}
	var r, other resumer
	r.connect(t, v, "/", "")
	other.connect(t, v, "/", "")
	for range 2 {
		r.begin(1<<20-1, 1<<20)
		wantGone(t, r.nc)
		token := r.token
		r.connect(t, v, "/", "")
		if r.recovered {
			t.Error("the session goes on")
		}
		if string(token) == string(r.token) {
			t.Fatal("the new session has the old token")
		}
	}
	other.again(t, v)
	if n := v.ConnectionStats().OverBudget; n != 2 {
		t.Errorf("%d were cut", n)
	}
	if n := strings.Count(log.String(), "those who held most were cut"); n != 1 {
		t.Errorf("%d lines in the log for two cuts within 10 s:\n%s", n, log.String())
	}
}

// What is held for clients that are behind is part of the budget too.
func TestHeldEventsAreInTheBudget(t *testing.T) {
	v := startServer(t, Options{SendBufferBytes: 8 << 10, MaxOutboxAge: time.Minute}, nil)
	w := dialFull(t, v, "/")
	s := socketOf(t, v, w.id)
	w.fall(s)
	const size = 100 << 10
	for i := range 3 {
		emit(t, s, "state", make([]byte, size), smartsocket.State(string(rune('a'+i))))
	}
	if n := v.ConnectionStats().BufferedBytes; n < 3*size || n > 7*size {
		t.Errorf("%d bytes in the budget, and %d are held", n, 3*size)
	}
	emit(t, s, "state", []byte("small"), smartsocket.State("a"))
	if n := v.ConnectionStats().BufferedBytes; n < 2*size || n > 5*size {
		t.Errorf("%d bytes in the budget, and %d are held", n, 2*size)
	}
	w.nc.Close()
	eventually(t, "the memory", func() bool { return v.ConnectionStats().BufferedBytes == 0 })
}
