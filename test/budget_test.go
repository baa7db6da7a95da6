package test

import (
	"crypto/rand"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
	for s.Queued() < 500<<10 {
		rand.Read(pad)
		emit(t, s, "filler", pad)
	}
	payload := `"` + strings.Repeat("x", 50<<10) + `"`
	for range 12 {
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
