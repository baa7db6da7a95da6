package test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
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
