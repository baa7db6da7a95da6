package test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// A resume is not kept waiting by events that come on the old connection all the time: the
// handshake does not time out.
func TestResumeDuringAStreamOfInlineEvents(t *testing.T) {
	v := startServer(t, Options{EnableMessageCache: true, Loops: 2}, func(v *Server) {
		slow := func(*Socket, Data, Ack) { time.Sleep(200 * time.Microsecond) }
		v.On("x", slow, smartsocket.Inline)
	})
	for range 3 {
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
		spare.sendConnect(message.Connect{Namespace: []byte("/"), SessionToken: a.token})
		op, p := spare.next()
		if _, err := message.ParseConnectAck(p); err != nil {
			t.Errorf("%v %q", op, p)
		}
		stop.Store(true)
		old.nc.Close()
		<-done
		spare.nc.Close()
	}
}
