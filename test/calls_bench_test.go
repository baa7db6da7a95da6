package test

import (
	"context"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/race"
	"github.com/smartsocket/smartsocket/message"
)

// callServer answers "plain", and in namespace /calls "context": through a handler with a context
// and an interceptor.
func callServer(tb testing.TB, opts ...smartsocket.HandlerOption) *Server {
	return startServer(tb, Options{}, func(v *Server) {
		n := v.Namespace("/calls")
		n.Intercept(func(ctx context.Context, c *Call, next smartsocket.Next) error {
			return next(ctx, c)
		})
		type move struct{ X, Y int }
		smartsocket.Handle(v, "move", func(_ *Socket, m move) (any, error) {
			return nil, nil
		}, opts...)
		h := func(ctx context.Context, _ *Socket, m move) (any, error) { return nil, ctx.Err() }
		smartsocket.HandleContext(n, "move", h, opts...)
	})
}

// rounds returns a function that sends 16 questions in one write and reads their answers.
func rounds(tb testing.TB, v *Server, namespace string) func() {
	w := dialFull(tb, v, namespace)
	var out []byte
	answer := ackTo(message.Message{AckID: 7}, message.KindAck, "")
	in := make([]byte, 16*len(frame.AppendFrame(nil, frame.Binary, answer)))
	for range 16 {
		out = append(out, masked(frame.Binary,
			eventBytes(message.FlagAck, 7, "move", `{"x":1,"y":2}`))...)
	}
	return func() {
		w.nc.Write(out)
		for n := 0; n < len(in); {
			k, err := w.nc.Read(in[n:])
			if err != nil {
				tb.Fatal(err)
			}
			n += k
		}
	}
}

var callModes = map[string][]smartsocket.HandlerOption{
	"inline": {smartsocket.Inline}, "blocking": nil,
}

// A handler with a context and an interceptor costs at most one allocation inline, and three if it
// may block, that of the decoded data included. Encoding a result is not.
func TestAllocationsOfACall(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for mode, most := range map[string]float64{"inline": 1, "blocking": 3} {
		v := callServer(t, callModes[mode]...)
		round := rounds(t, v, "/calls")
		if n := testing.AllocsPerRun(300, round) / 16; n > most+0.1 {
			t.Errorf("%s: %v allocations a question, want %v", mode, n, most)
		}
	}
}

// A question over a connection, 16 at a time: the plain form, and one with a context and an
// interceptor.
func BenchmarkCalls(b *testing.B) {
	for mode, opts := range callModes {
		v := callServer(b, opts...)
		for _, namespace := range []string{"/", "/calls"} {
			b.Run(mode+map[string]string{"/": "/plain", "/calls": "/context"}[namespace],
				func(b *testing.B) {
					round := rounds(b, v, namespace)
					b.ReportAllocs()
					for b.Loop() {
						round()
					}
				})
		}
	}
}
