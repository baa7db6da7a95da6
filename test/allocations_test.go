package test

import (
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/race"
	"github.com/smartsocket/smartsocket/message"
)

// A message costs no allocation on its way from the parser through an inline handler and its ack
// to the write, whichever version of an event it is. It is measured over a real connection, because
// the client end of this test allocates nothing per round either.
func TestNoAllocationPerInlineMessage(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	o := Options{RateLimitMaxRequests: 1 << 20, MaxFrameRate: 1 << 20}
	v := startServer(t, o, func(v *Server) {
		v.On("move", reply, smartsocket.Inline)
		v.On("move@3", reply, smartsocket.Inline, smartsocket.Strict)
		v.SetEventRateLimit("move", smartsocket.Limit{Window: time.Hour, MaxRequests: 1 << 20})
	})
	for _, event := range []string{"move", "move@2", "move@3", "move@7"} {
		t.Run(event, func(t *testing.T) { noAllocationPerInlineMessage(t, v, event) })
	}
}

func noAllocationPerInlineMessage(t *testing.T, v *Server, event string) {
	w := dialFull(t, v, "/")
	msg := eventBytes(message.FlagAck, 7, event, `{"x":1,"y":2}`)
	out := masked(frame.Binary, msg)
	ack := ackTo(message.Message{AckID: 7}, message.KindAck, `{"x":1,"y":2}`)
	in := make([]byte, len(frame.AppendFrame(nil, frame.Binary, ack)))
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

// What a single emit allocates does not grow with its delivery class.
func TestEmitAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	v := slowServer(t, Options{})
	w := dialFull(t, v, "/")
	s := socketOf(t, v, w.id)
	go func() {
		b := make([]byte, 64<<10)
		for {
			if _, err := w.nc.Read(b); err != nil {
				return
			}
		}
	}()
	data := []byte("0123456789")
	reliable := testing.AllocsPerRun(2000, func() { s.Emit("e", any(data)) })
	v.SetEmitOptions("other", smartsocket.Volatile)
	named := testing.AllocsPerRun(2000, func() { s.Emit("e", any(data)) })
	volatile := testing.AllocsPerRun(2000, func() { s.Emit("e", any(data), smartsocket.Volatile) })
	if reliable > 1 || named > 1 || volatile > 6 { // 1: the slice as an any
		t.Errorf("%v allocations for a reliable emit, %v with deliveries by name, "+
			"%v for a volatile one", reliable, named, volatile)
	}
}

// A broadcast costs what it costs without a broker, and publishing itself allocates nothing.
func TestBrokerCostsNoAllocation(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	allocs := func(b smartsocket.Broker) float64 {
		v := startServer(t, Options{Broker: b}, nil)
		target := v.Namespace("/").To("room")
		data := Data{}
		return testing.AllocsPerRun(1000, func() { target.Emit("e", data) })
	}
	without, with := allocs(nil), allocs(new(fakeBroker))
	if without > 1 || with > without {
		t.Errorf("%v allocations without a broker, want at most 1; %v with one", without, with)
	}
}

// A broadcast costs the same allocations however many receive it.
func TestBroadcastAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	const receivers = 16
	v := startServer(t, smartsocket.Options{}, nil)
	for range receivers {
		go io.Copy(io.Discard, dialFull(t, v, "/").nc)
	}
	ns, data := v.Namespace("/"), any([]byte("0123456789"))
	for _, opts := range [][]smartsocket.EmitOption{nil, {smartsocket.Volatile}} {
		n := testing.AllocsPerRun(500, func() { ns.Emit("e", data, opts...) })
		if n > 3 { // the event and its target
			t.Errorf("%v allocations for %d receivers, with %d options", n, receivers, len(opts))
		}
	}
}
