//go:build !js

package client

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/ratelimit"
	"github.com/smartsocket/smartsocket/message"
)

// away is a client that has lost its connection, with a clock that the test drives.
func away(t *testing.T, o Options) (*resumed, *testClock) {
	c, k := newResumed(t, o), newTestClock()
	c.clock = k
	c.next(0)
	c.current.Store(nil)
	c.state = reconnecting
	return c, k
}

func emitAll(t *testing.T, list ...func() error) {
	t.Helper()
	for i, emit := range list {
		if err := emit(); err != nil {
			t.Fatalf("emit %d: %v", i, err)
		}
	}
}

// TestParkedClasses: without a connection volatile events are dropped, states are replaced in their
// place, late ones are dropped when the connection is back, and one warning tells of them.
func TestParkedClasses(t *testing.T) {
	var log safeBuffer
	c, k := away(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	c.SetEmitOptions("tick", Volatile)
	c.SetEmitOptions("pos", State(""))
	emit := func(event string, data any, opts ...EmitOption) func() error {
		return func() error { return c.Emit(event, data, opts...) }
	}
	for i := range 100 {
		emitAll(t, emit("tick", i), emit("pos", i))
	}
	emitAll(t, emit("one", 1), emit("pos", 100),
		emit("tick", 7, State("k")), emit("tick", 8, State("k")), emit("tick", 9, State("other")),
		emit("soon", 1, Deadline(time.Second)), emit("later", 1, Deadline(time.Hour)),
		emit("pos", 101, Deadline(time.Minute), State("old")))
	if s := c.Stats(); s.Waiting != 7 || s.Dropped != 100 || s.Replaced != 101 {
		t.Errorf("%+v", s)
	}
	k.add(time.Minute + 1)
	got := c.next(1 << 20).events()
	if want := []string{"pos100", "one1", "tick8", "tick9", "later1"}; !slices.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
	if s := c.Stats(); s.Waiting != 0 || s.Dropped != 102 || len(c.states) != 0 {
		t.Errorf("%+v, %d states", s, len(c.states))
	}
	settle(t, c.Client)
	if n := strings.Count(log.String(), "level=WARN"); n != 1 ||
		!strings.Contains(log.String(), "volatile=100 late=2 queueFull=0 other=0 "+
			"replacedStates=101") {
		t.Errorf("%d warnings:\n%s", n, log.String())
	}
}

// safeBuffer is a log that is written and read on several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// settle waits until the dispatcher has run what was posted.
func settle(t *testing.T, c *Client) {
	t.Helper()
	done := make(chan bool, 1)
	c.post(job{run: func() { done <- true }})
	take(t, done, "the dispatcher")
}

// TestSetEmitOptions: the options of an emit replace those of its event, no options make the event
// reliable again, and impossible names are refused.
func TestSetEmitOptions(t *testing.T) {
	c, _ := away(t, Options{})
	c.SetEmitOptions("e", Volatile)
	emitAll(t, func() error { return c.Emit("e", 1) },
		func() error { return c.Emit("e", 2, Deadline(time.Hour)) })
	c.SetEmitOptions("e")
	emitAll(t, func() error { return c.Emit("e", 3) })
	if got := c.next(10).events(); !slices.Equal(got, []string{"e2", "e3"}) {
		t.Errorf("sent %v", got)
	}
	got := joined([]EmitOption{State("a"), Volatile, Deadline(1), State("b"), Deadline(2)})
	if want := (delivery{volatile: true, state: true, key: "b", within: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for _, name := range []string{"", "connect", "__x"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("SetEmitOptions takes %q", name)
				}
			}()
			c.SetEmitOptions(name, Volatile)
		}()
	}
}

// TestFullQueueForgetsItsStates: a state that the full queue dropped is not replaced later.
func TestFullQueueForgetsItsStates(t *testing.T) {
	c, _ := away(t, Options{QueueSize: 2})
	for _, e := range []string{"s", "a", "b", "s"} {
		if err := c.Emit(e, nil, State("")); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.next(10).events(); !slices.Equal(got, []string{"b", "s"}) {
		t.Errorf("sent %v", got)
	}
}

// TestResendClasses: what was sent before the loss and did not arrive is sent again, except for
// what may be lost: volatile events, late ones, and states of which there is a newer one.
func TestResendClasses(t *testing.T) {
	c, k := newResumed(t, Options{}), newTestClock()
	c.clock = k
	c.next(1 << 20)
	emitAll(t,
		func() error { return c.Emit("v", 1, Volatile) },
		func() error { return c.Emit("s", 1, State("")) },
		func() error { return c.Emit("s", 2, State("")) },
		func() error { return c.Emit("r", 1) },
		func() error { return c.Emit("p", 1, State("")) },
		func() error { return c.Emit("d", 1, Deadline(time.Second)) },
		func() error { return c.Emit("d", 2, Deadline(time.Hour)) },
		func() error { return c.Emit("v", 2, Volatile) })
	c.current.Store(nil)
	c.state = reconnecting
	if err := c.Emit("p", 2, State("")); err != nil {
		t.Fatal(err)
	}
	k.add(time.Minute)
	got := c.next(1 << 20).events()
	if want := []string{"s2", "r1", "d2", "p2"}; !slices.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
	if c.current.Load().missing {
		t.Error("what may be lost is not missing")
	}
	if s := c.Stats(); s.Dropped != 3 || s.Replaced != 2 {
		t.Errorf("%+v", s)
	}
}

// TestPacedRelease: what waited is sent no faster than the server's limit allows, in order, and
// what is emitted meanwhile comes behind it.
func TestPacedRelease(t *testing.T) {
	c, k := away(t, Options{})
	c.rate = paceOf(10, 60_000)
	for i := range 25 {
		emitAll(t, func() error { return c.Emit("e", i) })
	}
	link := c.next(1 << 20)
	if n := len(link.got); n != 9 { // a tenth is left to what need not wait
		t.Fatalf("%d were sent at once, want 9", n)
	}
	emitAll(t, func() error { return c.Emit("e", 25) },
		func() error { return c.Emit("lost", 1, Volatile) },
		func() error { return c.Emit("pos", 1, State("")) },
		func() error { return c.Emit("pos", 2, State("")) })
	server := ratelimit.Window{}
	seen := 0
	var now time.Duration
	for step := 0; step < 1000 && c.current.Load().behind.Load(); step++ {
		for ; seen < len(link.got); seen++ {
			l := ratelimit.Limit{Window: time.Minute, MaxRequests: 10}
			if ok, _ := server.Allow(l, now); !ok {
				t.Fatalf("event %d is over the limit at %v", seen, now)
			}
		}
		again := take(t, k.funcs, "the wait for the limit")
		k.add(time.Second)
		now += time.Second
		again()
	}
	var want []string
	for i := range 26 {
		want = append(want, "e"+string(marshalled(t, i)))
	}
	if got := link.events(); !slices.Equal(got, append(want, "pos2")) {
		t.Errorf("sent %v", got)
	}
	emitAll(t, func() error { return c.Emit("e", 27) })
	if n := len(link.got); n != 28 || c.Stats().Waiting != 0 {
		t.Errorf("%d were sent, %d wait", n, c.Stats().Waiting)
	}
}

// TestAnswersDoNotWaitForTheLimit: it is one of events.
func TestAnswersDoNotWaitForTheLimit(t *testing.T) {
	c, _ := away(t, Options{})
	c.rate = paceOf(1, 60_000)
	old := newLink(c.Client, &script{}, &attempt{life: c.life, at: c.at, session: c.x})
	old.resumable = true
	emitAll(t, func() error { return c.Emit("e", 1) }, func() error { return c.Emit("e", 2) })
	b := message.Append(nil, &message.Message{Kind: message.KindAck, Flags: message.FlagAck,
		AckID: 7})
	c.parkAnswer(old, 7, b, len(b))
	link := c.next(10)
	if len(link.got) != 2 || !bytes.Equal(link.got[1], b) || c.Stats().Waiting != 1 {
		t.Errorf("sent %x", link.got)
	}
}

func marshalled(t *testing.T, v any) []byte {
	b, err := marshal(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPaceCountsWhatWasSent: what the session sent before the loss counts for the release, and a
// new session begins anew.
func TestPaceCountsWhatWasSent(t *testing.T) {
	c, k := newResumed(t, Options{}), newTestClock()
	c.clock, c.rate = k, paceOf(20, 60_000)
	c.next(1 << 20)
	for range 15 {
		emitAll(t, func() error { return c.Emit("e", 0) })
	}
	c.current.Store(nil)
	c.state = reconnecting
	for range 10 {
		emitAll(t, func() error { return c.Emit("parked", 0) })
	}
	k.add(time.Second)
	link := &script{left: 1 << 20}
	l := newLink(c.Client, link, &attempt{life: c.life, at: c.at, session: c.x})
	l.resumable, l.recovered, l.arrived, l.rate = true, true, 16, c.rate
	c.publish(l)
	if n := len(link.got); n != 3 {
		t.Errorf("%d of the parked events were sent, want 3 = 18 - 15", n)
	}
	var p pace
	p.begin(paceOf(20, 60_000), false, k.Now(), 100)
	p.note(k.Now(), 120)
	if ok, _ := p.next(k.Now(), 120); ok {
		t.Error("an event too many")
	}
	p.begin(paceOf(20, 60_000), false, k.Now(), 120)
	if ok, _ := p.next(k.Now(), 120); !ok {
		t.Error("a new session begins with what the one before had sent")
	}
}

// TestQueueKeepsTheLimit: a real server refuses nothing of what waited for it.
func TestQueueKeepsTheLimit(t *testing.T) {
	got := make(chan int, 100)
	v, err := smartsocket.New(smartsocket.Options{Host: "127.0.0.1", Port: -1,
		Logger:          slog.New(slog.DiscardHandler),
		RateLimitWindow: 2 * time.Second, RateLimitMaxRequests: 20})
	if err != nil {
		t.Fatal(err)
	}
	smartsocket.On(v, "n", func(_ *smartsocket.Socket, n int, _ smartsocket.Ack) { got <- n })
	if err := v.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	c := newClient(t, urlOf(v, "/"), Options{})
	c.state = reconnecting // so that Emit parks
	for i := range 30 {
		if err := c.Emit("n", i); err != nil {
			t.Fatal(err)
		}
	}
	c.state = idle
	connect(t, c)
	for i := range 30 {
		if n := take(t, got, "an event"); n != i {
			t.Fatalf("event %d came, want %d", n, i)
		}
	}
	if n := v.ConnectionStats().RateLimited; n != 0 {
		t.Errorf("%d were refused", n)
	}
}

// TestRoomThatComesMeanwhile: an event that is held back is sent although room came before it was
// held, so that nobody will tell of room any more.
func TestRoomThatComesMeanwhile(t *testing.T) {
	c := newResumed(t, Options{})
	link := c.next(10)
	link.busy = 1
	emitAll(t, func() error { return c.Emit("s", 1, State("")) })
	for ctx := testContext(t); c.Stats().Waiting > 0; runtime.Gosched() {
		if ctx.Err() != nil {
			t.Fatal("it waits for good")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if got := link.events(); !slices.Equal(got, []string{"s1"}) {
		t.Errorf("sent %v", got)
	}
}

// TestHighWater: while too much is unsent volatile events are dropped, states are held and
// replaced, Emit fails, and the statistics tell how much it is. When there is room again, the
// states go out and OnDrain runs.
func TestHighWater(t *testing.T) {
	got := make(chan string, 100)
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		for _, event := range []string{"fill", "pos", "tick", "plain", "soon"} {
			v.On(event, func(_ *smartsocket.Socket, d smartsocket.Data, _ smartsocket.Ack) {
				if event == "fill" {
					got <- event
					return
				}
				got <- event + string(d.Bytes())
			})
		}
	})
	c, _, g := gated(t, urlOf(v, "/"), Options{SendTimeout: NoWait, HighWaterMark: 1000})
	drained := make(chan bool, 10)
	c.OnDrain(func() { drained <- true })
	emitAll(t, func() error { return c.Emit("fill", make([]byte, 100)) })
	if n := take(t, got, "the first event"); n != "fill" {
		t.Fatal(n)
	}
	g.shut()
	incompressible := make([]byte, 2000)
	rand.Read(incompressible)
	emitAll(t, func() error { return c.Emit("fill", incompressible) },
		func() error { return c.Emit("tick", 1, Volatile) },
		func() error { return c.Emit("pos", 1, State("")) },
		func() error { return c.Emit("pos", 2, State("")) },
		func() error { return c.Emit("soon", 1, Deadline(time.Hour)) })
	if err := c.Emit("plain", 1); err == nil || !strings.Contains(err.Error(), "ERR_CONN_002") {
		t.Errorf("Emit: %v", err)
	}
	s := c.Stats()
	if s.BufferedAmount < 2000 || s.Dropped != 1 || s.Waiting != 2 || s.Replaced != 1 {
		t.Errorf("%+v", s)
	}
	select {
	case <-drained:
		t.Error("OnDrain ran too early")
	default:
	}
	g.open()
	for _, want := range []string{"fill", "pos2", "soon1"} {
		if n := take(t, got, want); n != want {
			t.Fatalf("%s came, want %s", n, want)
		}
	}
	take(t, drained, "OnDrain")
	emitAll(t, func() error { return c.Emit("plain", 2) })
	if n := take(t, got, "the last event"); n != "plain2" {
		t.Error(n)
	}
	if len(drained) != 0 {
		t.Error("OnDrain ran without need")
	}
}
