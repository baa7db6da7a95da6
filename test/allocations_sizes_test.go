package test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/race"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// sizes are the payloads that the promises about allocations are kept for.
var sizes = []int{20, 300, 4 << 10, 100 << 10}

// jsonOf is a JSON string of n bytes that compresses about as JSON does.
func jsonOf(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "player %d at %d;", i, i*i%997)
	}
	return `"` + b.String()[:n-2] + `"`
}

// take waits for the next EVENT or ACK. Unlike wire.message it allocates nothing.
func take(w *wire) { takeAs(w, &wireConfig) }

// takeAs is take for a client with this configuration.
func takeAs(w *wire, cfg *frame.Config) {
	for {
		m, rest, ok, err := w.parser.Feed(cfg, w.rest)
		w.rest = rest
		switch {
		case err != nil:
			w.t.Fatal(err)
		case ok && (m.Op == frame.Text || m.Op == frame.Binary &&
			m.Payload[0] != byte(message.KindPing)):
			return
		case ok:
			continue
		}
		n, err := w.nc.Read(w.buf)
		if err != nil {
			w.t.Fatal(err)
		}
		w.rest = w.buf[:n]
	}
}

// dialAs is dialFull for a client that inflates, or not.
func dialAs(t testing.TB, v *Server, inflates bool) *wire {
	t.Helper()
	w := dialWire(t, v, "/", message.Subprotocol)
	w.message()
	w.sendConnect(message.Connect{
		Random: make([]byte, 32), Namespace: []byte("/"), CanInflate: inflates,
	})
	_, p := w.next()
	a, err := message.ParseConnectAck(p)
	if err != nil {
		t.Fatal(err)
	}
	w.id = string(a.SocketID)
	return w
}

// spent runs f and returns what the process allocated and what its pools missed, each for one run.
// Something else may allocate meanwhile, so the best of several attempts counts.
func spent(runs int, f func()) (allocs, misses float64) {
	allocs, misses = 1e9, 1e9
	for range 3 {
		for range runs / 4 {
			f()
		}
		var before, after runtime.MemStats
		was := pool.Stats()
		runtime.ReadMemStats(&before)
		for range runs {
			f()
		}
		runtime.ReadMemStats(&after)
		is := pool.Stats()
		allocs = min(allocs, float64(after.Mallocs-before.Mallocs)/float64(runs))
		misses = min(misses, float64(is.Misses-was.Misses)/max(1, float64(is.Gets-was.Gets)))
	}
	return allocs, misses
}

// echoed makes handlers that answer, emit to their client, to a room, and to its other members. It
// is not inlined, because the compiler inlines nothing into the functions of an inlined copy, and a
// Target stays on the stack only where To is inlined.
//
//go:noinline
func echoed(how ...smartsocket.HandlerOption) func(*Server) {
	type (
		socket = *smartsocket.Socket
		ack    = smartsocket.Ack
	)
	return func(v *Server) {
		v.On("ack", func(_ socket, d Data, a ack) { a.Reply(d) }, how...)
		v.On("emit", func(s socket, d Data, _ ack) { s.Emit("back", d) }, how...)
		v.On("room", func(s socket, d Data, _ ack) {
			s.Namespace().To("room").Emit("back", d)
		}, how...)
		v.On("others", func(s socket, d Data, a ack) {
			s.To("room").Emit("back", d)
			a.Reply(nil)
		}, how...)
	}
}

// Every way of a message costs no allocation, at every size, plain and compressed, through inline
// and blocking handlers, and the pools hit. The client of this test allocates nothing either.
func TestNoAllocationAtAnySize(t *testing.T) {
	if race.Enabled || pool.Poisoned {
		t.Skip("the race detector makes sync.Pool drop buffers")
	}
	for _, mode := range []struct {
		name     string
		inflates bool
		how      []smartsocket.HandlerOption
	}{
		{"inline", false, []smartsocket.HandlerOption{smartsocket.Inline}},
		{"inline, compressed", true, []smartsocket.HandlerOption{smartsocket.Inline}},
		{"blocking", false, nil},
		{"blocking, compressed", true, nil},
	} {
		for _, n := range sizes {
			t.Run(fmt.Sprintf("%s/%d", mode.name, n), func(t *testing.T) {
				testAllocations(t, n, mode.inflates, mode.how)
			})
		}
	}
}

func testAllocations(t *testing.T, n int, inflates bool, how []smartsocket.HandlerOption) {
	o := Options{CompressionThreshold: 256, CompressionLevel: 1, MaxFrameRate: 1 << 30,
		MaxInflateRate: 1 << 30}
	v := startServer(t, o, echoed(how...))
	measureWays(t, v, dialAs(t, v, inflates), dialAs(t, v, inflates), n,
		func(flags message.Flags, event, payload string) []byte {
			return masked(frame.Binary, deflatedEvent(t, flags, event, payload, inflates))
		})
}

// measureWays sends each event of echoed with a payload of n bytes as c, which is in a room with
// other, and checks what a message and what came back for it cost.
func measureWays(t *testing.T, v *Server, c, other *wire, n int,
	encode func(flags message.Flags, event, payload string) []byte) {
	for _, s := range v.Namespace("/").Sockets() {
		if err := s.Join("room"); err != nil {
			t.Fatal(err)
		}
	}
	payload, cfg := jsonOf(n), &frame.Config{Client: true, MaxMessage: 1 << 20, Deflate: true}
	for _, event := range []string{"ack", "emit", "room", "others"} {
		flags := message.Flags(0)
		if event == "ack" || event == "others" {
			flags = message.FlagAck
		}
		out := encode(flags, event, payload)
		runs := 100
		if n > 10<<10 {
			runs = 30
		}
		allocs, misses := spent(runs, func() {
			if _, err := c.nc.Write(out); err != nil {
				t.Fatal(err)
			}
			takeAs(c, cfg)
			if event == "room" || event == "others" {
				takeAs(other, cfg)
			}
		})
		if allocs >= 0.5 || misses > 0.01 {
			t.Errorf("%s: %.2f allocations, %.2f %% misses", event, allocs, 100*misses)
		}
	}
}

// The same holds for plain clients, who know nothing of our wire and speak JSON in text frames, in
// a room together with other clients, too.
func TestNoAllocationAtAnySizeForPlainClients(t *testing.T) {
	if race.Enabled || pool.Poisoned {
		t.Skip("the race detector makes sync.Pool drop buffers")
	}
	for _, mode := range []struct {
		name string
		// c sends, and other is in the room with it.
		c, other func(testing.TB, *Server) *wire
		how      []smartsocket.HandlerOption
	}{
		{"inline", plainMember, plainMember,
			[]smartsocket.HandlerOption{smartsocket.Inline}},
		{"inline, compressed", deflatingMember, deflatingMember,
			[]smartsocket.HandlerOption{smartsocket.Inline}},
		{"blocking", plainMember, plainMember, nil},
		{"blocking, compressed", deflatingMember, deflatingMember, nil},
		{"with a full client", plainMember, fullMember, nil},
	} {
		for _, n := range sizes {
			t.Run(fmt.Sprintf("%s/%d", mode.name, n), func(t *testing.T) {
				o := Options{CompressionThreshold: 256, CompressionLevel: 1,
					MaxFrameRate: 1 << 30}
				v := startServer(t, o, echoed(mode.how...))
				c, other := mode.c(t, v), mode.other(t, v)
				eventually(t, "both", func() bool { return v.Namespace("/").Len() == 2 })
				measureWays(t, v, c, other, n, plainEvent)
			})
		}
	}
}

func plainMember(t testing.TB, v *Server) *wire { return dialPlain(t, v, "/") }

// deflatingMember is a plain client that takes permessage-deflate, as browsers do.
func deflatingMember(t testing.TB, v *Server) *wire {
	addr := v.Addr().String()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return upgradeWith(t, nc, addr, "/", "",
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n")
}

func fullMember(t testing.TB, v *Server) *wire { return dialAs(t, v, true) }

// plainEvent is what a plain client sends.
func plainEvent(flags message.Flags, event, payload string) []byte {
	ack := ""
	if flags&message.FlagAck != 0 {
		ack = `,"ack":7`
	}
	return masked(frame.Text, fmt.Appendf(nil, `{"event":%q,"data":%s%s}`, event, payload, ack))
}

// deflatedEvent is an EVENT with id 7, compressed as a client would.
func deflatedEvent(t *testing.T, f message.Flags, event, payload string, deflate bool) []byte {
	if !deflate || len(payload) < 256 {
		return eventBytes(f, 7, event, payload)
	}
	head := message.AppendEventHeader(nil, f|message.FlagDeflated, 0, 7, event)
	b, err := pool.Deflate(head, []byte(payload), 6, false)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A typed handler with a flat struct costs one allocation: the value. README's move handler costs
// two more, the value as an any and one in the codec. Data that is passed on costs none, whatever
// the target and the options.
func TestAllocationsOfTypedHandlers(t *testing.T) {
	if race.Enabled || pool.Poisoned {
		t.Skip("the race detector makes sync.Pool drop buffers")
	}
	type move struct{ X, Y int }
	inline := smartsocket.Inline
	v := startServer(t, Options{MaxFrameRate: 1 << 30}, func(v *Server) {
		smartsocket.On(v, "typed", func(_ *smartsocket.Socket, m move, a smartsocket.Ack) {
			a.Reply(nil)
		}, inline)
		smartsocket.On(v, "move", func(s *smartsocket.Socket, m move, a smartsocket.Ack) {
			s.To("arena").Emit("moved", m)
			a.Reply(true)
		}, inline)
		v.On("raw", func(s *smartsocket.Socket, d smartsocket.Data, a smartsocket.Ack) {
			s.To("arena").Emit("moved", d, smartsocket.Volatile)
			s.Emit("moved", d, smartsocket.State("k"), smartsocket.Deadline(1e9))
			s.Broadcast().Emit("moved", d)
			v.ToSocket(s.ID()).Local().Emit("moved", d)
			v.To("arena").Emit("moved", d)
			v.Emit("moved", d)
			a.Reply(d)
		}, inline)
	})
	c := dialAs(t, v, false)
	for _, e := range []struct {
		event   string
		answers int
		most    float64
	}{{"typed", 1, 1}, {"move", 1, 3}, {"raw", 4, 0}} {
		out := masked(frame.Binary, eventBytes(message.FlagAck, 7, e.event, `{"X":1,"Y":2}`))
		allocs, misses := spent(300, func() {
			if _, err := c.nc.Write(out); err != nil {
				t.Fatal(err)
			}
			for range e.answers {
				take(c)
			}
		})
		t.Logf("%s: %.2f allocations", e.event, allocs)
		if allocs >= e.most+0.5 || misses > 0.01 {
			t.Errorf("%s: %.2f allocations, %.2f %% misses", e.event, allocs, 100*misses)
		}
	}
}
