package journal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/budget"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/message"
)

type peer struct{ a net.Addr }

func (p *peer) RemoteAddr() net.Addr { return p.a }

// record is a Journal with a clock of its own, and what it writes.
func record(level slog.Level) (*Journal, *time.Duration, *bytes.Buffer) {
	now, b := new(time.Duration), new(bytes.Buffer)
	log := slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: level}))
	return New(log, func() time.Duration { return *now }), now, b
}

// The first of a cause is told at once, what follows with a count and a new example.
func TestOften(t *testing.T) {
	j, now, b := record(slog.LevelInfo)
	c := Cause{What: "it failed", Namespace: "/", Event: "e"}
	for i := range 1000 {
		j.Often(slog.LevelWarn, c, func() []any { return []any{"i", i} })
		const first = `msg="it failed" event=e namespace=/ count=1 i=0`
		if i == 0 && !strings.Contains(b.String(), first) {
			t.Fatalf("at first: %s", b)
		}
	}
	*now = 10 * time.Second
	j.Flush()
	if strings.Count(b.String(), "\n") != 2 ||
		!strings.HasSuffix(b.String(), "count=999 over=10s i=1\n") {
		t.Errorf("after 10 s: %s", b)
	}
	for i := range 300 {
		c.Event = fmt.Sprint(i)
		j.Often(slog.LevelWarn, c, func() []any { return nil })
	}
	j.Close()
	if !strings.Contains(b.String(), "too many causes are not logged\" count=45") {
		t.Errorf("what is lost is not told: %s", b)
	}
}

func TestLongestIsTold(t *testing.T) {
	j, now, b := record(slog.LevelInfo)
	for _, ms := range []time.Duration{5, 70, 6} {
		j.HeldLoop("/", "e", "ss_1", 0, ms*time.Millisecond)
	}
	*now = 10 * time.Second
	j.Flush()
	if !strings.Contains(b.String(), "count=1 longest=5ms") ||
		!strings.Contains(b.String(), "count=2 over=10s longest=70ms") {
		t.Errorf("%s", b)
	}
}

func TestGoneKeepsTheAddress(t *testing.T) {
	at := netip.MustParseAddrPort("192.0.2.1:99")
	known := &peer{net.TCPAddrFromAddrPort(at)}
	if got := Gone(nil, known, netip.Addr{}).Address(); got.String() != at.String() {
		t.Errorf("%v", got)
	}
	reset := &peer{&net.TCPAddr{}}
	if got := Gone(nil, reset, at.Addr()).Address(); got.String() != "192.0.2.1:0" {
		t.Errorf("of a connection that was reset: %v", got)
	}
	j, _, _ := record(slog.LevelDebug)
	if got := Gone(j.Accepted(known, nil, false), reset, at.Addr()).Address(); got.String() !=
		at.String() {
		t.Errorf("of a connection that was reset, at debug: %v", got)
	}
	if got := Gone(nil, &peer{}, netip.Addr{}).Address(); got != nil {
		t.Errorf("of an unknown peer: %v", got)
	}
}

// When debug is off nothing is allocated and nothing is written.
func TestOffCostsNoAllocation(t *testing.T) {
	j, _, b := record(slog.LevelInfo)
	p := &peer{&net.TCPAddr{}}
	m := &message.Message{Event: []byte("e"), Payload: []byte("1")}
	e := &message.Error{Code: "X"}
	o := outgoing.New("e", outgoing.Deflater{})
	var v any = 1
	if n := testing.AllocsPerRun(100, func() {
		j.Accepted(p, m.Event, false)
		j.Upgraded(p)
		j.Connect(p, new(message.Connect))
		j.Authenticated(p, "x")
		j.Joined(p, netip.Addr{}, "ss_1", "/", false)
		j.RefusedMessage("ss_1", "/", m.Event, e)
		j.Received("ss_1", "/", m)
		j.Emitted("ss_1", "/", "e", 1, v)
		j.Broadcast("/", o, 1, 0)
		j.Answered("ss_1", "/", 1, 1)
		j.Closed(nil, "ss_1", "/", 1000, "", nil)
	}); n > 0 || b.Len() > 0 {
		t.Errorf("%v allocations, %q", n, b)
	}
}

// Floods of connections that are cut make one line per cause and ten seconds, with their number.
func TestCutsAreBursts(t *testing.T) {
	j, now, b := record(slog.LevelInfo)
	d := &Diary{Peer: netip.MustParseAddrPort("192.0.2.1:7")}
	for range 1000 {
		j.SlowConsumer(d, "ss_1", 99, errors.New("too slow"))
		j.OverBudget(d, budget.New(800))
		j.Flush()
	}
	for _, want := range []string{
		`level=WARN msg="slow consumers are cut: send less, or raise maxOutboxBytes and ` +
			`maxOutboxAge" count=1 peer=192.0.2.1:7 socket=ss_1 bytes=99 error="too slow"`,
		"count=1 peer=192.0.2.1:7 maxBufferedBytes=800",
	} {
		if strings.Count(b.String(), "\n") != 2 || !strings.Contains(b.String(), want) {
			t.Errorf("no line with %q:\n%s", want, b)
		}
	}
	*now = 10 * time.Second
	j.Flush()
	if strings.Count(b.String(), "\n") != 4 ||
		strings.Count(b.String(), "count=999 over=10s") != 2 {
		t.Errorf("after 10 s:\n%s", b)
	}
}

// A client behind a proxy is named by its own address.
func TestClientAddr(t *testing.T) {
	proxy := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7}
	for named, want := range map[string]string{"": "127.0.0.1:7", "127.0.0.1": "127.0.0.1:7",
		"::ffff:127.0.0.1": "127.0.0.1:7", "192.0.2.7": "192.0.2.7", "2001:db8::7": "2001:db8::7"} {
		var a netip.Addr
		if named != "" {
			a = netip.MustParseAddr(named)
		}
		if got := ClientAddr(proxy, a); got.String() != want {
			t.Errorf("%q is shown as %v, not as %s", named, got, want)
		}
	}
	if got := new(Diary).Client(); got != nil {
		t.Errorf("nobody is %v", got)
	}
	j, _, b := record(slog.LevelInfo)
	d := Gone(nil, &peer{proxy}, netip.MustParseAddr("192.0.2.7"))
	j.SlowConsumer(d, "ss_1", 99, errors.New("too slow"))
	j.OverBudget(d, budget.New(800))
	if n := strings.Count(b.String(), "peer=192.0.2.7 "); n != 2 {
		t.Errorf("%d lines name the client:\n%s", n, b)
	}
}

// A loop that is held again and again makes few lines, of which the first comes at once.
func TestHeldLoopsAreBursts(t *testing.T) {
	j, now, b := record(slog.LevelInfo)
	for range 100 {
		j.LoopHeld(3, true, 7)
		j.LoopHeld(3, false, 0)
		j.QueueHeld(true)
		j.QueueHeld(false)
	}
	for _, part := range []string{
		"level=WARN msg=\"an event loop has not answered", "count=1 loop=3 closed=7",
		"level=INFO msg=\"an event loop answers again\"",
		"level=WARN msg=\"no goroutine has taken an event on",
		"level=INFO msg=\"goroutines take events on again\"",
	} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("no line with %q:\n%s", part, b)
		}
	}
	if n := strings.Count(b.String(), "\n"); n != 4 {
		t.Errorf("%d lines at once", n)
	}
	*now = 10 * time.Second
	j.Flush()
	if n := strings.Count(b.String(), "count=99"); n != 4 {
		t.Errorf("%d lines with the rest after 10 s:\n%s", n, b)
	}
}
