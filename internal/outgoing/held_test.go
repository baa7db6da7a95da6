package outgoing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// fakeLine takes room events until the client is behind.
type fakeLine struct {
	room   int
	refuse bool // everything that is sent
	gone   bool
	now    time.Duration
	got    []string
	seen   []*pool.Shared // of every event that was encoded, with a reference of its own
}

func (l *fakeLine) Open() bool         { return !l.gone }
func (l *fakeLine) Behind() bool       { return l.room <= 0 }
func (l *fakeLine) Now() time.Duration { return l.now }

func (l *fakeLine) Encode(e *Event) *Encoded {
	x := e.Encode(Binary, len(e.Name)%2 == 0)
	x.Message.Retain()
	l.seen = append(l.seen, x.Message)
	return x
}

func (l *fakeLine) Send(x *Encoded) bool {
	if l.refuse {
		return false
	}
	l.room--
	m, err := message.Parse(x.Message.Bytes())
	if err != nil {
		panic(err)
	}
	l.got = append(l.got, string(m.Payload))
	return true
}

// check fails if anybody but the line still has a reference to what it has seen.
func (l *fakeLine) check(t *testing.T) {
	t.Helper()
	for _, s := range l.seen {
		s.Release()
		func() {
			defer func() {
				if recover() == nil {
					t.Fatal("bytes of an event are still owned")
				}
			}()
			s.Release()
		}()
	}
	l.seen = nil
}

// naive is Held as a plain list.
type naive struct {
	events []entry
	got    []string
	n      Counts
}

type entry struct {
	event, key, payload string
	state               bool
	size                int
	by                  time.Duration
}

// send is Held.Send for a line that has room for room events.
func (h *naive) send(l *fakeLine, room *int, e entry, volatile bool, maxBytes int) bool {
	switch {
	case volatile && *room <= 0:
		h.n.Volatile++
		return false
	case volatile || len(h.events) == 0 && *room > 0:
		return h.out(l, room, e)
	case l.gone:
		return false
	}
	at := slices.IndexFunc(h.events, func(x entry) bool {
		return e.state && x.state && x.event == e.event && x.key == e.key
	})
	if at >= 0 {
		h.events[at] = e
		h.n.Replaced++
	} else {
		h.events = append(h.events, e)
	}
	for len(h.events) > 1 && (len(h.events) > MaxHeld || h.bytes() > maxBytes) {
		h.events = h.events[1:]
		h.n.Dropped++
	}
	if *room > 0 {
		h.flush(l, room)
	}
	return true
}

func (h *naive) out(l *fakeLine, room *int, e entry) bool {
	if l.refuse {
		return false
	}
	*room--
	h.got = append(h.got, e.payload)
	h.n.Sent++
	return true
}

func (h *naive) flush(l *fakeLine, room *int) {
	for len(h.events) > 0 {
		if e := h.events[0]; e.by > 0 && l.now > e.by {
			h.n.Expired++
		} else if *room <= 0 {
			return
		} else {
			h.out(l, room, e)
		}
		h.events = h.events[1:]
	}
}

func (h *naive) bytes() (n int) {
	for _, e := range h.events {
		n += e.size
	}
	return n
}

// player runs the same operations through a Held and a plain list.
type player struct {
	held     Held
	line     fakeLine
	counts   Counts
	list     naive
	room     int // the line's, as the list uses it up
	maxBytes int
}

// play runs operations through both, which must agree.
func play(t *testing.T, ops []byte, maxBytes int) {
	p := player{maxBytes: maxBytes}
	for step := 0; step+1 < len(ops); step += 2 {
		p.step(t, step, ops[step]%16, int(ops[step+1]))
		p.compare(t, step)
	}
	p.held.Close(&p.counts)
	if p.counts.Bytes != 0 || p.counts.Events != 0 || p.held.Bytes() != 0 {
		t.Fatalf("%d bytes of %d events at the end, %d held", p.counts.Bytes, p.counts.Events,
			p.held.Bytes())
	}
	p.line.check(t)
}

// step does one operation with both.
func (p *player) step(t *testing.T, step int, op byte, arg int) {
	l := &p.line
	switch op {
	case 13:
		l.room, p.room = arg%32, arg%32
		if arg > 32 { // else the client has caught up, and Flush is not called yet
			p.held.Flush(l, &p.counts)
			p.list.flush(l, &p.room)
		}
	case 14:
		l.now += time.Duration(arg % 4)
	case 15:
		switch arg % 64 {
		case 0:
			l.gone = true
		case 1:
			l.gone = true
			p.held.Close(&p.counts)
			p.list.n.Bytes, p.list.n.Events = p.counts.Bytes, p.counts.Events
			p.list.n.Dropped += len(p.list.events)
			p.list.events = nil
		default:
			l.refuse = arg%4 == 2
		}
	default:
		p.send(t, step, op, arg)
	}
}

func (p *player) send(t *testing.T, step int, op byte, arg int) {
	t.Helper()
	e := entry{
		event: "at"[:1+arg%2], key: strconv.Itoa(arg >> 2), state: op&1 == 0,
		payload: strconv.Itoa(step),
	}
	o := Options{State: e.state, Key: e.key, Volatile: op == 11}
	if op == 12 || !e.state {
		o.Within = time.Duration(1 + arg%4)
		e.by = p.line.now + o.Within
	}
	ev := event(e.event, e.payload, o)
	e.size = len(ev.Encode(Binary, false).Message.Bytes())
	got := p.held.Send(&p.line, ev, p.maxBytes, &p.counts)
	ev.Release()
	if want := p.list.send(&p.line, &p.room, e, o.Volatile, p.maxBytes); got != want {
		t.Fatalf("step %d: Send gives %v, want %v", step, got, want)
	}
}

// compare fails if the two differ in what they hold, count or have sent.
func (p *player) compare(t *testing.T, step int) {
	t.Helper()
	want := p.list.events
	count, bytes := 0, 0
	p.list.n.Bytes, p.list.n.Events = 0, len(want)
	if q := p.held.q.Load(); q != nil {
		count, bytes = len(q.list)-q.first, q.bytes
		if len(q.list) > 2*MaxHeld+2 {
			t.Fatalf("step %d: a list of %d for %d events", step, len(q.list), count)
		}
		for i, e := range want[:min(count, len(want))] {
			b := q.list[q.first+i].Message.Bytes()
			p.list.n.Bytes += len(b)
			if f := q.list[q.first+i].Frame; f != nil {
				p.list.n.Bytes += len(f.Bytes())
			}
			if string(b[len(b)-len(e.payload):]) != e.payload {
				t.Fatalf("step %d: event %d is %q, want %q", step, i, b, e.payload)
			}
		}
	}
	if count != len(want) || bytes != p.list.bytes() || p.counts != p.list.n {
		t.Fatalf("step %d: %d events of %d bytes, %+v; want %d of %d, %+v",
			step, count, bytes, p.counts, len(want), p.list.bytes(), p.list.n)
	}
	if !slices.Equal(p.line.got, p.list.got) {
		t.Fatalf("step %d: sent %q, want %q", step, p.line.got, p.list.got)
	}
	p.line.got, p.list.got = nil, nil
}

// TestHeldModel holds Held against a plain list in which a newer state takes the
// older one's place, near the bound of events and near that of bytes.
func TestHeldModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 40 {
		ops := make([]byte, 1000)
		for i := range ops {
			ops[i] = byte(random.Uint32())
		}
		play(t, ops, []int{1 << 20, 300, 1}[round%3])
	}
	many := make([]byte, 0, 20_000) // mostly events, so that the bound of their number matters
	for len(many) < cap(many) {
		op, arg := byte(random.IntN(11)), byte(random.Uint32())
		if random.IntN(500) == 0 {
			op = 13
		}
		many = append(many, op, arg)
	}
	play(t, many, 1<<20)
}

// FuzzHeld is TestHeldModel with operations of the fuzzer's choice.
func FuzzHeld(f *testing.F) {
	f.Add([]byte{0, 4, 0, 8, 0, 4, 13, 40, 15, 1}, uint16(100))
	f.Add([]byte{1, 4, 14, 200, 12, 8, 13, 3, 11, 0, 2, 4}, uint16(20))
	f.Fuzz(func(t *testing.T, ops []byte, maxBytes uint16) {
		play(t, ops[:min(len(ops), 1000)], int(maxBytes))
	})
}

// What several clients are held is counted once, and is gone with the last of them.
func TestHeldBytesAreShared(t *testing.T) {
	var hs [3]Held
	var n Counts
	l := new(fakeLine)
	e := event("e", strings.Repeat("x", 1000), Options{State: true})
	size := len(e.Encode(Binary, false).Message.Bytes())
	for i := range hs {
		hs[i].Send(l, e, 1<<20, &n)
		if n.Bytes != size || hs[i].Bytes() != size {
			t.Errorf("client %d: %d bytes in all, %d of its own, want %d", i, n.Bytes,
				hs[i].Bytes(), size)
		}
	}
	e.Release()
	for i := range hs {
		if n.Bytes != size {
			t.Errorf("%d bytes, and %d clients are held something", n.Bytes, len(hs)-i)
		}
		hs[i].Close(&n)
	}
	if n.Bytes != 0 {
		t.Errorf("%d bytes at the end", n.Bytes)
	}
}

// A volatile event passes what is held once the client has caught up.
func TestVolatilePassesWhatIsHeld(t *testing.T) {
	var h Held
	var n Counts
	l := new(fakeLine)
	send := func(payload string, o Options) bool {
		e := event("e", payload, o)
		defer e.Release()
		return h.Send(l, e, 1<<20, &n)
	}
	if !send("1", Options{State: true}) || send("2", Options{Volatile: true}) {
		t.Error("of a client that is behind, states are held and volatile events dropped")
	}
	l.room = 10
	if !send("3", Options{Volatile: true}) || !send("4", Options{Within: 1}) {
		t.Error("dropped although the client has caught up")
	}
	want, counted := []string{"3", "1", "4"}, Counts{Sent: 3, Volatile: 1}
	if !slices.Equal(l.got, want) || n != counted {
		t.Errorf("%q, %+v", l.got, n)
	}
	h.Close(&n)
	l.check(t)
}

// safeLine is a line for several goroutines.
type safeLine struct {
	mu sync.Mutex
	fakeLine
}

func (l *safeLine) Behind() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.fakeLine.Behind() }
func (l *safeLine) Send(x *Encoded) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fakeLine.Send(x)
}

func (l *safeLine) Encode(e *Event) *Encoded { return e.Encode(Binary, false) }

func (l *safeLine) drain(room int) {
	l.mu.Lock()
	l.room = room
	l.mu.Unlock()
}

// Several goroutines emit states while the client falls behind and catches up:
// of each goroutine's state the newest arrives, and none before an older one.
func TestHeldConcurrently(t *testing.T) {
	const writers, rounds = 4, 3000
	var h Held
	l := new(safeLine)
	var all sync.WaitGroup
	counts := make([]Counts, writers+1)
	for k := range writers {
		all.Go(func() {
			for i := range rounds {
				payload := fmt.Sprintf("[%d,%d]", k, i)
				e := event("at", payload, Options{State: true, Key: strconv.Itoa(k)})
				if !h.Send(l, e, 1<<20, &counts[k]) {
					t.Errorf("event %d of %d was lost", i, k)
				}
				e.Release()
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		all.Wait()
	}()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		l.drain(3)
		h.Flush(l, &counts[writers])
	}
	l.drain(1 << 20)
	h.Flush(l, &counts[writers])
	last := [writers]int{-1, -1, -1, -1}
	for _, got := range l.got {
		var k, i int
		if _, err := fmt.Sscanf(got, "[%d,%d]", &k, &i); err != nil || i <= last[k] {
			t.Fatalf("%q after %d: %v", got, last[k], err)
		}
		last[k] = i
	}
	sum := 0
	for _, n := range counts {
		sum += n.Sent + n.Replaced
	}
	newest := rounds - 1
	if last != [writers]int{newest, newest, newest, newest} || sum != writers*rounds {
		t.Errorf("the last are %v; %d of %d are accounted for", last, sum, writers*rounds)
	}
}

// quietLine is a line whose methods allocate nothing.
type quietLine struct {
	behind bool
	sent   int
}

func (l *quietLine) Open() bool               { return true }
func (l *quietLine) Behind() bool             { return l.behind }
func (l *quietLine) Now() time.Duration       { return 1 }
func (l *quietLine) Encode(e *Event) *Encoded { return e.Encode(Binary, true) }
func (l *quietLine) Send(*Encoded) bool       { l.sent++; return true }

// Once an event is encoded, each further receiver costs no allocation, and neither
// does a state that takes a held one's place.
func TestReceiversAllocateNothing(t *testing.T) {
	e := event("e", `{"x":1}`, Options{})
	defer e.Release()
	e.Encode(Binary, true)
	keeps, behind := new(quietLine), &quietLine{behind: true}
	var fresh, held Held
	var n Counts
	send := func(h *Held, l Line, o Options) func() {
		return func() {
			e.Options = o
			h.Send(l, e, 1<<20, &n)
		}
	}
	for name, act := range map[string]func(){
		"the form":                      func() { e.Encode(Binary, true) },
		"a volatile, client keeps up":   send(&fresh, keeps, Options{Volatile: true}),
		"a volatile, client behind":     send(&held, behind, Options{Volatile: true}),
		"a state, client keeps up":      send(&fresh, keeps, Options{State: true}),
		"a state that replaces another": send(&held, behind, Options{State: true}),
	} {
		if a := testing.AllocsPerRun(1000, act); a != 0 {
			t.Errorf("%s: %v allocations", name, a)
		}
	}
	held.Close(&n)
	if fresh.q.Load() != nil {
		t.Error("a client that keeps up has a queue")
	}
}

func TestCounters(t *testing.T) {
	var c Counters
	for range 2 {
		c.Add(&Counts{Sent: 1, Volatile: 2, Replaced: 3, Expired: 4, Dropped: 5, Bytes: 6,
			Events: 7})
	}
	c.Add(&Counts{})
	c.Add(&Counts{Bytes: 5})
	c.Add(&Counts{Bytes: -5})
	got := Counts{int(c.Sent.Load()), int(c.Volatile.Load()), int(c.Replaced.Load()),
		int(c.Expired.Load()), int(c.Dropped.Load()),
		int(c.Bytes.Load()), int(c.Events.Load())}
	if want := (Counts{2, 4, 6, 8, 10, 12, 14}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
