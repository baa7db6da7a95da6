package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/internal/race"
	"github.com/smartsocket/smartsocket/message"
)

func TestReferenceDefaults(t *testing.T) {
	o := smartsocket.DefaultOptions()
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"port", o.Port, 3000},
		{"host", o.Host, "localhost"},
		{"enableEncryption", o.EnableEncryption, smartsocket.Auto},
		{"encryptionAlgorithm", o.EncryptionAlgorithm, "aes-256-cbc"},
		{"enableRateLimiting", o.EnableRateLimiting, smartsocket.Enabled},
		{"rateLimitWindow", o.RateLimitWindow, time.Minute},
		{"rateLimitMaxRequests", o.RateLimitMaxRequests, 100},
		{"enableConnectionPooling", o.EnableConnectionPooling, smartsocket.Enabled},
		{"enableMessageCache", o.EnableMessageCache, false},
		{"maxConnections", o.MaxConnections, 10_000},
		{"connectionTimeout", o.ConnectionTimeout, 30 * time.Second},
		{"compressionThreshold", o.CompressionThreshold, 1024},
		{"compressionLevel", o.CompressionLevel, 6},
		{"ackTimeout", o.AckTimeout, 30 * time.Second},
		{"maxMessageBytes", o.MaxMessageBytes, 16 << 20},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s is %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestReferenceRunUntilTheContextEnds(t *testing.T) {
	o := Options{Host: "127.0.0.1", Port: -1, Logger: testLogger(t)}
	v, err := smartsocket.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- v.Run(ctx) }()
	eventually(t, "the port", func() bool { return v.Addr() != nil })
	w := dialFull(t, v, "/")
	cancel()
	if m := w.message(); m.Kind != message.KindGoaway {
		t.Errorf("kind %d, want GOAWAY", m.Kind)
	}
	w.wantClose(1001)
	w.nc.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestReferenceNamespacePaths(t *testing.T) {
	v := startServer(t, Options{}, nil)
	chat := v.Namespace("chat")
	for _, path := range []string{"/chat", "chat/", "/chat/"} {
		if v.Namespace(path) != chat {
			t.Errorf("%q is another namespace than chat", path)
		}
		w := dialFull(t, v, path)
		if chat.Socket(w.id) == nil {
			t.Errorf("a client of %q is not in /chat", path)
		}
	}
	root := v.Namespace("/")
	if v.Namespace("/Chat") == chat || chat.Path() != "/chat" || v.Namespace("") != root {
		t.Error("case does not matter, or paths are not clean")
	}
	if got := v.Namespaces(); !slices.Equal(got, []string{"/", "/Chat", "/chat"}) {
		t.Errorf("%q", got)
	}
}

func TestReferenceErrorHandler(t *testing.T) {
	told := make(chan error, 4)
	v := startServer(t, Options{}, func(v *Server) {
		v.OnError(func(s *Socket, err error) {
			if s == nil {
				t.Error("no socket")
			}
			told <- err
		})
		v.On("panic", panics)
		v.On("unwritable", func(_ *Socket, _ Data, ack Ack) { ack.Reply(func() {}) })
		v.On("refused", echo)
		v.Use(func(_ *Socket, event string, _ Data, next func(error)) {
			if event == "refused" {
				next(errors.New("no"))
				return
			}
			next(nil)
		})
	})
	w := dialFull(t, v, "/")
	for i, c := range []struct {
		event string
		want  error
	}{
		{"panic", smartsocket.ErrHandlerFailed},
		{"unwritable", smartsocket.ErrInvalidFormat},
		{"refused", smartsocket.ErrRejected},
	} {
		w.request(uint64(i), c.event, "1")
		if err := <-told; !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.event, err, c.want)
		}
	}
}

func TestReferenceBroadcastReach(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) {
		quiz := v.Namespace("/quiz")
		quiz.On("join", func(s *Socket, d Data, ack Ack) {
			s.Join("code")
			quiz.To("code").Emit("joined", d.JSON())
			ack.Reply(true)
		})
	})
	quiz, chat := v.Namespace("/quiz"), v.Namespace("/chat")
	a, b := dialFull(t, v, "/quiz"), dialFull(t, v, "/quiz")
	c, d := dialFull(t, v, "/chat"), dialFull(t, v, "/")
	everybody := map[*wire]string{a: "a", b: "b", c: "c", d: "d"}
	eventually(t, "all", func() bool { return v.Stats().Connections == 4 })
	a.request(1, "join", `"a"`)
	a.wantEvent("joined", `"a"`)
	a.wantAck(1, "true")
	b.request(1, "join", `"b"`)
	b.wantEvent("joined", `"b"`)
	b.wantAck(1, "true")
	a.wantEvent("joined", `"b"`)
	for i, s := range []struct {
		name   string
		target emitter
		to     []*wire
	}{
		{"everybody", v, []*wire{a, b, c, d}},
		{"a namespace", quiz, []*wire{a, b}},
		{"a room", quiz.To("code"), []*wire{a, b}},
		{"a room of the same name elsewhere", chat.To("code"), nil},
		{"one socket of another namespace, by the server", v.To(c.id), []*wire{c}},
		{"one socket", quiz.ToSocket(b.id), []*wire{b}},
		{"all but one", quiz.Except(a.id), []*wire{b}},
		{"nobody", quiz.To("empty"), nil},
	} {
		got, err := s.target.Emit("e", i)
		if err != nil || got.Queued != len(s.to) || got.Dropped != 0 {
			t.Errorf("%s: %+v %v, want %d", s.name, got, err, len(s.to))
		}
		for _, w := range s.to {
			w.wantEvent("e", fmt.Sprint(i))
		}
	}
	v.Emit("end", nil) // what should not have come would come before it
	for w := range everybody {
		w.wantEvent("end", "")
	}
}

func TestReferenceSocketValues(t *testing.T) {
	v := startServer(t, Options{}, nil)
	w := dialFull(t, v, "/")
	s := v.Namespace("/").Socket(w.id)
	if s.Get("name") != nil {
		t.Error("a value before Set")
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 100 {
				s.Set(fmt.Sprint(i), i)
				s.Get("0")
			}
		})
	}
	wg.Wait()
	if s.Get("7") != 7 {
		t.Errorf("%v", s.Get("7"))
	}
	if s.Set("7", nil); s.Get("7") != nil {
		t.Error("nil does not remove")
	}
}

func TestReferenceStatistics(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) {
		echoOn(v)
		v.Namespace("/quiz").On("a", echo)
		v.Namespace("/quiz").On("b", echo)
		v.Namespace("/quiz").On("b", echo)
	})
	w := dialFull(t, v, "/quiz")
	v.Namespace("/quiz").Socket(w.id).Join("x", "y")
	for i := range uint64(10) {
		w.request(i, "a", "1")
		w.wantEvent("echo", "1")
		w.wantAck(i, "1")
	}
	w.request(99, "nobody", "")
	w.wantNack(99, message.CodeNoHandler)
	want := smartsocket.NamespaceStats{Connections: 1, Rooms: 2, Events: 2, Handlers: 3}
	if got := v.NamespaceStats()["/quiz"]; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	c := v.ConnectionStats()
	if c.Open != 1 || c.Peak != 1 || c.Unhandled != 1 || c.MessagesIn < 12 || c.MessagesOut < 20 ||
		c.BytesIn == 0 || c.BytesOut == 0 || c.Reads == 0 || c.Writes == 0 {
		t.Errorf("%+v", c)
	}
	eventually(t, "a round trip and a rate", func() bool {
		w.request(1, "b", "")
		for m := w.message(); m.Kind != message.KindAck; m = w.message() {
		}
		st := v.Stats()
		return st.Latency.Samples > 0 && st.MessagesIn > 0 && st.MessagesOut > 0
	})
	st := v.Stats()
	if st.Connections != 1 || st.Uptime <= 0 || st.MemoryBytes < 1<<20 ||
		st.Latency.P50 > st.Latency.P99 || st.Latency.Mean <= 0 {
		t.Errorf("%+v", st)
	}
	var j struct {
		Connections, Uptime               int
		MemoryUsage                       string
		MessagesPerSecond, AverageLatency float64
	}
	b, err := json.Marshal(st)
	if err == nil {
		err = json.Unmarshal(b, &j)
	}
	var mb float64
	_, e := fmt.Sscanf(j.MemoryUsage, "%fMB", &mb)
	if err != nil || e != nil || j.Connections != 1 || mb <= 1 || j.MessagesPerSecond <= 0 ||
		j.AverageLatency <= 0 || int64(j.Uptime) != st.Uptime.Milliseconds() {
		t.Errorf("%s (%v)", b, err)
	}
}

func TestReferenceInlineHandlersAreWatched(t *testing.T) {
	release := make(chan struct{})
	var log logBuffer
	o := Options{InlineBudget: time.Millisecond, Logger: log.logger()}
	v := startServer(t, o, func(v *Server) {
		v.On("block", func(*Socket, Data, Ack) { <-release }, smartsocket.Inline)
	})
	w := dialFull(t, v, "/")
	w.emit("block", "")
	eventually(t, "the watchdog", func() bool { return v.ConnectionStats().SlowInline == 1 })
	close(release)
	if !strings.Contains(log.String(), "holds its event loop") {
		t.Errorf("the log is silent: %s", log.String())
	}
}

func TestReferencePoolingShows(t *testing.T) {
	taken := func(o smartsocket.Toggle) (allocated, all int64) {
		v := startServer(t, Options{EnableConnectionPooling: o}, echoOn)
		w := dialFull(t, v, "/")
		before := v.ConnectionStats()
		for i := range uint64(100) {
			w.request(i, "echo", "1")
			w.wantEvent("echo", "1")
			w.wantAck(i, "1")
		}
		after := v.ConnectionStats()
		return after.BuffersAllocated - before.BuffersAllocated,
			after.BuffersTaken - before.BuffersTaken
	}
	defer startServer(t, Options{}, nil) // switches it on again
	if n, all := taken(smartsocket.Disabled); n < 100 || n > all {
		t.Errorf("without pooling, %d of %d buffers were allocated", n, all)
	}
	if n, all := taken(smartsocket.Enabled); all < 100 || n > all/2 && !race.Enabled {
		t.Errorf("with pooling, %d of %d buffers were allocated", n, all)
	}
}

func TestReferenceCompressionThreshold(t *testing.T) {
	for _, c := range []struct {
		threshold, size int
		deflated        bool
	}{
		{0, 1024, false}, {0, 1025, true}, {100, 100, false}, {100, 101, true},
		{-1, 100_000, false},
	} {
		v := startServer(t, Options{CompressionThreshold: c.threshold}, nil)
		w := dialWire(t, v, "/", message.Subprotocol)
		w.message()
		w.sendConnect(message.Connect{CanInflate: true})
		w.message()
		v.Emit("e", json.RawMessage(`"`+strings.Repeat("x", c.size-2)+`"`))
		if m := w.message(); m.Flags&message.FlagDeflated != 0 != c.deflated {
			t.Errorf("threshold %d: %d bytes are compressed: %v", c.threshold, c.size, !c.deflated)
		}
	}
}

func TestReferenceRateNotice(t *testing.T) {
	v := startServer(t, Options{RateLimitMaxRequests: 2, RateLimitWindow: time.Minute}, echoOn)
	w := dialFull(t, v, "/")
	for range 2 {
		w.emit("echo", "1")
		w.wantEvent("echo", "1")
	}
	for range 50 { // over the limit: one notice, not fifty
		w.emit("echo", "1")
	}
	var n struct {
		Message, Code, Event string
		RetryAfter           int64
	}
	m := w.message()
	if err := json.Unmarshal(m.Payload, &n); err != nil ||
		string(m.Event) != "__rate-limited__" || n.Code != "ERR_RATE_001" || n.Event != "echo" ||
		n.RetryAfter < 30_000 || n.RetryAfter > 62_000 || n.Message == "" {
		t.Errorf("%q %q %v", m.Event, m.Payload, err)
	}
	v.Emit("next", nil)
	w.wantEvent("next", "")
}

func TestReferenceAcksSwitchedOff(t *testing.T) {
	v := startServer(t, Options{}, echoOn)
	c := connected(t, newClient(t, v, client.Options{EnableAcknowledgments: client.Disabled}))
	if _, err := c.EmitWithAck(context.Background(), "echo", 1); err == nil {
		t.Error("EmitWithAck without acks gives no error")
	}
	done := func(client.Data, error) { t.Error("the callback ran") }
	if err := c.EmitAck("echo", 1, 0, done); err == nil {
		t.Error("EmitAck without acks gives no error")
	}
	if err := c.Emit("echo", 1); err != nil {
		t.Error(err)
	}
}

// The benchmarks measure how long a broadcast takes. This test checks that all of it arrives.
func TestReferenceBroadcastOfAllSizes(t *testing.T) {
	const n = 100
	v := startServer(t, Options{}, nil)
	conns := make([]*wire, n)
	for i := range conns {
		conns[i] = dialFull(t, v, "/")
	}
	eventually(t, "all", func() bool { return v.Namespace("/").Len() == n })
	for _, size := range []int{100, 1000, 10_000} {
		data := `"` + strings.Repeat("x", size-2) + `"`
		if d, err := v.Emit("e", json.RawMessage(data)); err != nil || d.Queued != n {
			t.Fatalf("%+v %v", d, err)
		}
		for _, w := range conns {
			w.wantEvent("e", data)
		}
	}
}
