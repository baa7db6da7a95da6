package test

import (
	"crypto/rand"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// Nothing keeps a socket alive that has ended.
func TestEndedSocketsAreFreed(t *testing.T) {
	var freed atomic.Int32
	ends := make(chan bool, 1000)
	v := startServer(t, Options{EnableMessageCache: true}, func(v *Server) {
		v.OnConnected(func(s *Socket) {
			if s.Recovered() {
				return
			}
			runtime.AddCleanup(s, func(n int32) { freed.Add(n) }, 1)
			s.Join("a", "b")
			s.Context()
			s.LinkContext()
			s.EmitAck("q", 1, time.Hour, func(Data, error) {})
		})
		v.On("x", func(s *Socket, _ Data, ack Ack) { s.LinkContext(); ack.Reply(1) })
		v.OnEnded(func(*Socket, smartsocket.Reason) { ends <- true })
	})
	const n = 100
	for i := range n {
		var a resumer
		a.connect(t, v, "/", "")
		a.request(1, "x", "")
		a.again(t, v)
		half := a.wire
		a.connect(t, v, "/", "")
		a.request(2, "x", "")
		if i%2 == 0 {
			a.send(frame.Close, frame.AppendCloseBody(nil, frame.CloseNormal, ""))
		} else {
			socketOf(t, v, a.id).Disconnect()
		}
		time.Sleep(time.Millisecond)
		half.nc.Close()
		a.nc.Close()
	}
	for range n {
		<-ends
	}
	for range 50 {
		runtime.GC()
		if freed.Load() >= n-4 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("%d of %d freed", freed.Load(), n)
	if freed.Load() < n-4 {
		t.Errorf("only %d of %d were freed", freed.Load(), n)
	}
}

// connectFrom is connect from another loopback address.
func (r *resumer) connectFrom(t testing.TB, v *Server, from string) {
	t.Helper()
	nc := dialFrom(t, v, from, "")
	r.wire = upgrade(t, nc, v.Addr().String(), "/", message.Subprotocol)
	r.message()
	r.handshake(t, "/", "")
}

// awayFrom is a session of a client that has left an address without a close.
func awayFrom(t testing.TB, v *Server, from string) (*resumer, *Socket) {
	t.Helper()
	r := new(resumer)
	r.connectFrom(t, v, from)
	s := socketOf(t, v, r.id)
	r.leave(s)
	return r, s
}

// NC4: a stranger who comes and goes all the time pushes out the sessions of his address alone.
func TestAttackPushingOutSessions(t *testing.T) {
	v := cacheServer(t, Options{MaxConnections: 50})
	var good []*resumer
	for range 20 {
		r, _ := awayFrom(t, v, "127.0.0.2")
		good = append(good, r)
	}
	for range 100 {
		awayFrom(t, v, "127.0.0.3")
	}
	for i, r := range good {
		r.connectFrom(t, v, "127.0.0.2")
		if !r.recovered {
			t.Errorf("session %d of 20 was pushed out", i)
		}
		r.nc.Close()
	}
}

// NC4: clients whose sessions keep much cost others nothing that these should get.
func TestAttackFillingTheMessageCache(t *testing.T) {
	v := cacheServer(t, Options{MessageCacheTotalBytes: 1 << 20})
	pad := make([]byte, 8<<10)
	rand.Read(pad)
	for range 16 {
		var a resumer
		a.connect(t, v, "/", "")
		a.leaves()
		s := socketOf(t, v, a.id)
		for range 24 {
			emit(t, s, "x", pad)
		}
		for range 50 {
			emit(t, s, "x", pad[:300]) // no gap is left
		}
	}
	var all [10]resumer
	for i := range all {
		r := &all[i]
		r.connect(t, v, "/", "")
		s := socketOf(t, v, r.id)
		r.leave(s)
		for range 5 {
			emit(t, s, "y", pad[:2<<10])
		}
	}
	for i := range all {
		r := &all[i]
		r.connect(t, v, "/", "")
		if !r.recovered {
			t.Errorf("session %d of 10 was not recovered", i)
		}
	}
}
