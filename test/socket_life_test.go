package test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/smartsocket/smartsocket"
)

// A socket has lifecycle handlers of its own, under all names that the namespace takes, and what
// follows their registration in a connected handler still runs.
func TestLifecycleHandlersOfASocket(t *testing.T) {
	told := make(chan string, 8)
	v := startServer(t, Options{}, func(v *Server) {
		echoOn(v)
		v.On("connection", func(*Socket, Data, Ack) { t.Error("this handler is off") })
		v.Off("connected")
		v.OnConnected(func(s *Socket) {
			s.On("disconnected", func(*Socket, Data, Ack) { t.Error("this handler is off") })
			s.Off("disconnect") // another name of the same
			s.On("disconnect", func(_ *Socket, d Data, _ Ack) {
				told <- fmt.Sprint("first ", d.Reason().Code)
			})
			s.Once("disconnected", func(*Socket, Data, Ack) { told <- "second" })
			s.On("error", func(_ *Socket, d Data, _ Ack) {
				if !errors.Is(d.Err(), smartsocket.ErrHandlerFailed) {
					t.Errorf("told of %v", d.Err())
				}
				told <- "error"
			}, smartsocket.Inline)
			s.On("connected", func(*Socket, Data, Ack) { t.Error("it was connected before") })
			s.On("rate-limit", func(*Socket, Data, Ack) { t.Error("no limit") })
			s.Off("rate-limit")
			s.On("fail", func(*Socket, Data, Ack) { panic("boom") })
			s.Emit("ready", nil)
		})
	})
	other := dialFull(t, v, "/")
	other.wantEvent("ready", "")
	w := dialFull(t, v, "/")
	w.wantEvent("ready", "")
	w.emit("fail", "")
	want := func(what string) {
		t.Helper()
		if got := <-told; got != what {
			t.Fatalf("%q instead of %q", got, what)
		}
	}
	want("error")
	w.nc.Close()
	want("first 1006")
	want("second")
	other.request(1, "echo", "1")
	other.wantEvent("echo", "1")
	if len(told) > 0 {
		t.Errorf("%q of a socket that is there", <-told)
	}
}
