package test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// A resume is not kept waiting by events that come on the old connection all the time.
func TestReviewResumeDuringAStreamOfInlineEvents(t *testing.T) {
	v := startServer(t, Options{EnableMessageCache: true, Loops: 2}, func(v *Server) {
		slow := func(*Socket, Data, Ack) { time.Sleep(200 * time.Microsecond) }
		v.On("x", slow, smartsocket.Inline)
	})
	worst := time.Duration(0)
	for range 1 {
		var a resumer
		spare := dialWire(t, v, "/", message.Subprotocol)
		spare.message()
		a.connect(t, v, "/", "")
		old := a.wire
		var stop atomic.Bool
		done := make(chan bool)
		go func() {
			defer close(done)
			var b []byte
			for range 200 {
				b = append(b, masked(frame.Binary, eventBytes(0, 0, "x", "1"))...)
			}
			for !stop.Load() {
				if _, err := old.nc.Write(b); err != nil {
					return
				}
			}
		}()
		time.Sleep(100 * time.Millisecond)
		began := time.Now()
		spare.sendConnect(message.Connect{Namespace: []byte("/"), SessionToken: a.token})
		op, p := spare.next()
		took := time.Since(began)
		worst = max(worst, took)
		if _, err := message.ParseConnectAck(p); err != nil {
			t.Errorf("after %v: %v %q", took, op, p)
		}
		stop.Store(true)
		old.nc.Close()
		<-done
		spare.nc.Close()
	}
	t.Logf("the worst resume took %v", worst)
	if worst > 2*time.Second {
		t.Errorf("a resume waited for %v", worst)
	}
}
