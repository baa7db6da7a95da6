//go:build linux || darwin

package test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/smartsocket/smartsocket"
)

// A handler of what happens to sockets is told the same with interceptors around it as without.
func TestInterceptorsAroundLifecycleHandlers(t *testing.T) {
	told := make(chan error, 1)
	left := make(chan smartsocket.Reason, 1)
	v := startServer(t, Options{}, func(v *Server) {
		around := smartsocket.Around(new(notes).noting("i"))
		v.OnError(func(_ *Socket, err error) { told <- err }, around)
		v.OnDisconnected(func(_ *Socket, r smartsocket.Reason) { left <- r }, around)
		v.On("bad", func(*Socket, Data, Ack) { panic("bad") })
	})
	w := dialFull(t, v, "/")
	w.emit("bad", "1")
	if err := came(t, told, "the error"); !errors.Is(err, smartsocket.ErrHandlerFailed) {
		t.Errorf("the error is %v", err)
	}
	v.Namespace("/").Sockets()[0].Disconnect()
	w.wantClose(3504)
	w.nc.Close()
	if r := came(t, left, "the end"); r.Code != 3504 {
		t.Errorf("the reason is %v", r)
	}
}

// refused is data that no handler gets.
type refused struct{}

func (refused) Validate() error { return errors.New("no") }

// A handler of "error" that is not let run, or whose data is refused, is not told of that itself.
func TestErrorHandlersDoNotCallThemselves(t *testing.T) {
	for name, register := range map[string]func(v *Server, tried func()){
		"held back": func(v *Server, tried func()) {
			hold := func(context.Context, *Call, smartsocket.Next) error { tried(); return nil }
			v.OnError(func(*Socket, error) {}, smartsocket.Around(hold))
		},
		"refused": func(v *Server, tried func()) {
			smartsocket.On(v, "error", func(*Socket, refused, Ack) {})
			v.OnError(func(*Socket, error) { tried() })
		},
	} {
		var n atomic.Int32
		v := startServer(t, Options{}, func(v *Server) {
			register(v, func() {
				if n.Add(1) > 9 {
					panic("it calls itself")
				}
			})
			v.On("bad", func(*Socket, Data, Ack) { panic("bad") })
			v.On("then", reply)
		})
		w := dialFull(t, v, "/")
		w.emit("bad", "1")
		w.request(1, "then", "1")
		for m := w.message(); m.AckID != 1; m = w.message() { // behind the errors
		}
		if n := n.Load(); n != 1 {
			t.Errorf("%s: %d times", name, n)
		}
	}
}

// later is a Registrar whose handlers run when their event is over.
type later struct{ smartsocket.Registrar }

func (l later) On(event string, h smartsocket.Handler, opts ...smartsocket.HandlerOption) {
	over := make(chan bool)
	end := func(ctx context.Context, c *Call, next smartsocket.Next) error {
		defer close(over)
		return next(ctx, c)
	}
	l.Registrar.On(event, func(s *Socket, d Data, ack Ack) {
		d = d.Clone()
		go func() { <-over; h(s, d, ack) }()
	}, append(opts, smartsocket.Around(end))...)
}

// A handler that an application runs later, with a copy of the data, answers all the same.
func TestHandlersThatRunLaterAnswer(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) {
		plain := func(_ *Socket, x int) (int, error) { return x, nil }
		smartsocket.Handle(later{v}, "handle", plain)
		smartsocket.HandleContext(later{v}, "context",
			func(ctx context.Context, _ *Socket, x int) (int, error) { return x, ctx.Err() })
	})
	w := dialFull(t, v, "/")
	for i, event := range []string{"handle", "context"} {
		w.request(uint64(i+1), event, "7")
		w.wantAck(uint64(i+1), "7")
	}
}
