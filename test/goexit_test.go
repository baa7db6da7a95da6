package test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
)

// What runtime.Goexit ends (a test's FailNow, for one) is contained like a panic: the socket's later
// events are handled, and there are as many goroutines for handlers as before.
func TestGoexitInBlockingCode(t *testing.T) {
	var log logBuffer
	ended := make(chan bool, 8)
	v := startServer(t, Options{Workers: 2, Logger: log.logger()}, func(v *Server) {
		echoOn(v)
		exit := func(*Socket, Data, Ack) { runtime.Goexit() }
		v.On("exit", exit)
		v.Once("once", exit)
		v.On("stopped", echo)
		v.Use(func(_ *Socket, event string, _ Data, next func(error)) {
			if event == "stopped" {
				runtime.Goexit()
			}
			next(nil)
		})
		v.OnConnected(func(*Socket) { runtime.Goexit() })
		v.OnDisconnected(func(*Socket, smartsocket.Reason) { runtime.Goexit() })
		v.OnEnded(func(*Socket, smartsocket.Reason) {
			ended <- true
			runtime.Goexit()
		})
	})
	w := dialFull(t, v, "/")
	for i := range uint64(5) {
		w.request(4*i+1, "exit", "")
		w.wantNack(4*i+1, message.CodeHandlerFailed)
		w.request(4*i+2, "stopped", "")
		w.wantNack(4*i+2, message.CodeRejected)
		w.request(4*i+3, "echo", "1")
		w.wantEvent("echo", "1")
		w.wantAck(4*i+3, "1")
	}
	w.request(100, "once", "")
	w.wantNack(100, message.CodeHandlerFailed)
	w.nc.Close()
	<-ended
	ns := v.Namespace("/")
	eventually(t, "the socket to be gone", func() bool { return ns.Len() == 0 })
	want := int64(1 + 5 + 5 + 1 + 1 + 1)
	eventually(t, "all to be counted", func() bool {
		return v.ConnectionStats().HandlerPanics == want
	})
	if !strings.Contains(log.String(), "a handler panicked event=exit") ||
		!strings.Contains(log.String(), "runtime.Goexit") {
		t.Errorf("the log is silent:\n%s", log.String())
	}
}

func TestGoexitInAnAuthenticateHook(t *testing.T) {
	v := startServer(t, Options{
		Workers: 4,
		Authenticate: func(_ context.Context, r smartsocket.AuthRequest) (any, error) {
			if r.APIKey == "bad" {
				runtime.Goexit()
			}
			return nil, nil
		},
	}, echoOn)
	for range 5 {
		w := dialWire(t, v, "/", message.Subprotocol)
		w.next()
		w.sendConnect(message.Connect{APIKey: []byte("bad")})
		w.wantClose(3500)
	}
	w := dialFull(t, v, "/")
	w.request(1, "echo", "1")
	w.wantEvent("echo", "1")
	w.wantAck(1, "1")
}
