package test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
)

// ends are the two ways to end a server. Shutdown has a deadline that does not come.
var ends = map[string]func(*Server) error{
	"Close": (*Server).Close,
	"Shutdown": func(v *Server) error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*patience)
		defer cancel()
		return v.Shutdown(ctx)
	},
}

// returned waits for the error of a call that must not hang.
func returned(t *testing.T, what string, errs <-chan error) error {
	t.Helper()
	select {
	case err := <-errs:
		return err
	case <-time.After(patience):
		t.Fatalf("%s hangs", what)
		return nil
	}
}

// Whoever ends the server from inside is not waited for.
func TestEndingTheServerFromInside(t *testing.T) {
	type callers = map[string]func(v *Server, call func())
	once := func(call func()) func() {
		var called atomic.Bool
		return func() {
			if called.CompareAndSwap(false, true) {
				call()
			}
		}
	}
	for from, setup := range (callers{
		"an inline handler": func(v *Server, call func()) {
			v.On("end", func(*Socket, Data, Ack) { call() }, smartsocket.Inline)
		},
		"a blocking handler": func(v *Server, call func()) {
			v.On("end", func(*Socket, Data, Ack) { call() })
		},
		"inline OnConnected": func(v *Server, call func()) {
			first := once(call)
			v.OnConnected(func(s *Socket) { first() }, smartsocket.Inline)
		},
		"inline OnDisconnected": func(v *Server, call func()) {
			first := once(call)
			v.OnDisconnected(func(*Socket, smartsocket.Reason) { first() }, smartsocket.Inline)
			v.On("end", func(s *Socket, _ Data, _ Ack) { s.Disconnect() })
		},
		"inline OnEnded": func(v *Server, call func()) {
			first := once(call)
			v.OnEnded(func(*Socket, smartsocket.Reason) { first() }, smartsocket.Inline)
			v.On("end", func(s *Socket, _ Data, _ Ack) { s.Disconnect() })
		},
		"a callback of EmitAck": func(v *Server, call func()) {
			v.On("end", func(s *Socket, _ Data, _ Ack) {
				s.EmitAck("question", nil, 0, func(Data, error) { call() })
				s.Disconnect()
			})
		},
	}) {
		for how, end := range ends {
			t.Run(how+" from "+from, func(t *testing.T) {
				errs := make(chan error, 1)
				v := startServer(t, Options{}, nil)
				setup(v, func() { errs <- end(v) })
				if from == "inline OnConnected" {
					defer dialRaw(t, v, upgradeRequest("", "")).Close()
				} else {
					other, w := dialWire(t, v, "/", ""), dialWire(t, v, "/", "")
					w.text(`{"type":"event","event":"end"}`)
					other.leaves()
					w.leaves()
				}
				err := returned(t, how, errs)
				inline := from != "a blocking handler"
				said := err != nil && strings.Contains(err.Error(), "event loop")
				if said != inline {
					t.Errorf("%s returned %v", how, err)
				}
			})
		}
	}
}

// stuckBroker is a Broker of which one method does not return before the test ends.
type stuckBroker struct {
	fakeBroker
	hold              <-chan struct{}
	inPublish, atLast bool
}

func (b *stuckBroker) Publish(smartsocket.Envelope) {
	if b.inPublish {
		<-b.hold
	}
}

func (b *stuckBroker) Close() error {
	if b.atLast {
		<-b.hold
	}
	return nil
}

// What does not return is left behind, and named.
func TestEndingTheServerPastWhatHangs(t *testing.T) {
	for _, x := range []struct {
		what              string
		names             []string
		opts              []smartsocket.HandlerOption
		inPublish, atLast bool
	}{
		{what: "an inline handler", opts: []smartsocket.HandlerOption{smartsocket.Inline},
			names: []string{"event loops", "1 connections"}},
		{what: "a handler", names: []string{"1 handlers"}},
		{what: "Publish", inPublish: true, names: []string{"1 handlers"}},
		{what: "Close of the broker", atLast: true,
			names: []string{"the broker"}},
	} {
		for how, end := range map[string]func(*Server) error{
			"Close": (*Server).Close,
			"Shutdown": func(v *Server) error {
				ctx, cancel := context.WithTimeout(context.Background(), 400*time.Millisecond)
				defer cancel()
				return v.Shutdown(ctx)
			},
		} {
			t.Run(how+" while "+x.what+" hangs", func(t *testing.T) {
				t.Parallel() // nearly all of it is waiting
				hold, in := make(chan struct{}), make(chan struct{})
				defer close(hold)
				b := &stuckBroker{hold: hold, inPublish: x.inPublish, atLast: x.atLast}
				v := startServer(t, Options{Broker: b, Loops: 1}, func(v *Server) {
					v.On("hold", func(*Socket, Data, Ack) {
						close(in)
						switch {
						case b.inPublish:
							v.Emit("news", nil)
						case !b.atLast:
							<-hold
						}
					}, x.opts...)
				})
				w := dialWire(t, v, "/", "")
				w.text(`{"type":"event","event":"hold"}`)
				<-in
				errs := make(chan error, 1)
				go func() { errs <- end(v) }()
				err := returned(t, how, errs)
				for _, name := range x.names {
					if err == nil || !strings.Contains(err.Error(), name) {
						t.Errorf("%s returned %v, which does not name %q", how, err, name)
					}
				}
			})
		}
	}
}
