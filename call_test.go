package smartsocket

import (
	"context"
	"log/slog"
	"testing"

	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/race"
)

// callMove is what the handlers of these measurements take.
type callMove struct{ X, Y int }

// measured is a socket without a connection, and how one event of it runs a handler.
func measured(t testing.TB, register func(v *Server)) (run func()) {
	v, err := New(Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	register(v)
	s := &Socket{srv: v, ns: v.root}
	s.first.srv, s.first.s, s.first.serial = v, s, 1
	s.first.phase.Store(linkOpen)
	s.link.Store(&s.first)
	h := s.handlersOf([]byte("move"))
	d := Data{&body{Payload: outgoing.Payload{B: []byte(`{"X":1,"Y":2}`)}}}
	return func() { s.handle(h, d, Ack{}) }
}

func forward(ctx context.Context, c *Call, next Next) error { return next(ctx, c) }

func plainHandle(v *Server) {
	Handle(v, "move", func(_ *Socket, m callMove) (any, error) { return nil, nil })
}

func contextHandle(v *Server) {
	HandleContext(v, "move", func(ctx context.Context, _ *Socket, m callMove) (any, error) {
		return nil, ctx.Err()
	}, Timeout(0))
	v.Intercept(forward)
}

// A context and interceptors cost no allocation beyond the one of the decoded data, of which they
// are a part. A handler of Data, which allocates nothing, has one for them.
func TestCallAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("allocations differ under the race detector")
	}
	data := func(v *Server) { v.On("move", func(*Socket, Data, Ack) {}) }
	for name, tt := range map[string]struct {
		register func(*Server)
		want     float64
	}{
		"data":  {data, 0},
		"typed": {plainHandle, 1},
		"calls": {contextHandle, 1},
		"around": {func(v *Server) {
			v.On("move", func(*Socket, Data, Ack) {}, Around(forward))
		}, 1},
		"data, intercepted": {func(v *Server) {
			data(v)
			v.Intercept(forward)
			v.root.Intercept(forward)
		}, 1},
	} {
		run := measured(t, tt.register)
		if n := testing.AllocsPerRun(1000, run); n > tt.want {
			t.Errorf("%s: %v allocations, want %v", name, n, tt.want)
		}
	}
}

// The handlers alone, without connections: the plain form, and one with a context and an
// interceptor.
func BenchmarkCall(b *testing.B) {
	for name, register := range map[string]func(*Server){
		"plain": plainHandle, "context": contextHandle,
	} {
		b.Run(name, func(b *testing.B) {
			run := measured(b, register)
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}
