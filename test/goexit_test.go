package test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// What runtime.Goexit ends (a test's FailNow, for one) is contained like a panic: the socket's
// later events are handled, and there are as many goroutines for handlers as before.
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

// On an event loop it costs the connection of who called the handler, and nothing else: the others
// of that loop, their timers and what was posted go on.
func TestGoexitInInlineCode(t *testing.T) {
	var log logBuffer
	where := make(chan string, 1)
	at := func(place string) {
		select {
		case p := <-where:
			if p == place {
				runtime.Goexit()
			}
			where <- p
		default:
		}
	}
	v := startServer(t, Options{Loops: 1, Logger: log.logger()}, func(v *Server) {
		v.On("echo", func(s *Socket, d Data, ack Ack) {
			at("event")
			s.Emit("echo", d)
			ack.Reply(d)
		}, smartsocket.Inline)
		v.OnConnected(func(s *Socket) { at("connected") }, smartsocket.Inline)
		v.OnDisconnected(func(*Socket, smartsocket.Reason) { at("disconnected") },
			smartsocket.Inline)
		v.OnEnded(func(*Socket, smartsocket.Reason) { at("ended") }, smartsocket.Inline)
		v.Use(func(_ *Socket, _ string, _ Data, next func(error)) {
			at("middleware")
			next(nil)
		})
	})
	good := dialFull(t, v, "/")
	ns := v.Namespace("/")
	n, id := int64(0), uint64(0)
	for range 3 {
		for _, place := range []string{
			"event", "connected", "disconnected", "ended", "middleware", "answer",
		} {
			bad := dialFull(t, v, "/")
			eventually(t, "the socket", func() bool { return ns.Len() == 2 })
			switch place {
			case "connected":
				bad.nc.Close()
				eventually(t, "the end", func() bool { return ns.Len() == 1 })
				where <- place
				bad = dialWire(t, v, "/", message.Subprotocol)
				bad.sendConnect(message.Connect{Namespace: []byte("/")})
			case "answer":
				ns.Socket(bad.id).EmitAck("ask", nil, 0, func(Data, error) { runtime.Goexit() })
				m := bad.message()
				bad.send(frame.Binary, ackTo(m, message.KindAck, ""))
			case "disconnected", "ended":
				where <- place
				bad.nc.Close()
			default:
				where <- place
				bad.request(1, "echo", "1")
			}
			n++
			eventually(t, place+" to be counted", func() bool {
				return v.ConnectionStats().HandlerPanics == n
			})
			id++
			good.request(id, "echo", "1")
			good.wantEvent("echo", "1")
			good.wantAck(id, "1")
			eventually(t, "the socket to be gone, after "+place, func() bool {
				return ns.Len() == 1
			})
		}
	}
	eventually(t, "the descriptors", func() bool { return v.ConnectionStats().Open == 1 })
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), "holds its event loop") {
		t.Errorf("the watchdog blames who is gone:\n%s", log.String())
	}
}

// The end of the server is not held up by handlers that end the loop's goroutine.
func TestGoexitWhileTheServerCloses(t *testing.T) {
	v := startServer(t, Options{Loops: 1}, func(v *Server) {
		v.OnDisconnected(func(*Socket, smartsocket.Reason) { runtime.Goexit() }, smartsocket.Inline)
	})
	for range 5 {
		dialFull(t, v, "/")
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if n := v.ConnectionStats().HandlerPanics; n != 5 {
		t.Errorf("%d of 5 disconnected handlers ran", n)
	}
}
