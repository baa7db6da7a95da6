package test

import (
	"runtime"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/race"
	"github.com/smartsocket/smartsocket/message"
)

// A message costs no allocation from the parser through a handler and its ack to
// the write. Measured over a real connection: the client end of this test
// allocates nothing per round either.
func TestNoAllocationPerInlineMessage(t *testing.T) { noAllocationPerMessage(t, smartsocket.Inline) }

// The same through the mailbox and a pooled goroutine.
func TestNoAllocationPerMessage(t *testing.T) { noAllocationPerMessage(t) }

func noAllocationPerMessage(t *testing.T, opts ...smartsocket.HandlerOption) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.On("move", func(_ *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) { ack.Reply(d) }, opts...)
	})
	w := dialFull(t, v, "/")
	msg := append(message.AppendEventHeader(nil, message.FlagAck, 0, 7, "move"), `{"x":1,"y":2}`...)
	out := frame.AppendMaskedFrame(nil, frame.Binary, false, msg, [4]byte{1, 2, 3, 4})
	in := make([]byte, len(frame.AppendFrame(nil, frame.Binary, append(message.Append(nil, &message.Message{Kind: message.KindAck, Flags: message.FlagAck, AckID: 7}), `{"x":1,"y":2}`...))))
	round := func() {
		w.nc.Write(out)
		for n := 0; n < len(in); {
			k, err := w.nc.Read(in[n:])
			if err != nil {
				t.Fatal(err)
			}
			n += k
		}
	}
	const rounds = 5000
	for range 500 {
		round()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		round()
	}
	runtime.ReadMemStats(&after)
	if n := after.Mallocs - before.Mallocs; n > rounds/20 {
		t.Errorf("%d allocations in %d messages", n, rounds)
	}
}
