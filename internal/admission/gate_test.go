package admission

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// wide are limits that nothing in these tests reaches.
var wide = Limits{Connections: 1 << 20, Newcomers: 1 << 20}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// admit is Admit at time 0 where only the verdict's outcome and reason matter.
func admit(g *Gate, l *Limits, a Arrival) (Ticket, Outcome, Reason) {
	t, v := g.Admit(l, a, 0)
	return t, v.Outcome, v.Reason
}

func TestFullHasAMargin(t *testing.T) {
	var g Gate
	l := Limits{Connections: 2, Newcomers: 1000}
	var tickets []Ticket
	for i := range 2 + RefusalMargin {
		ticket, outcome, reason := admit(&g, &l, Arrival{Newcomer: true})
		want := Full
		if i < 2 {
			want = Admitted
		}
		if outcome != want || reason != None {
			t.Fatalf("connection %d: %v %v", i, outcome, reason)
		}
		tickets = append(tickets, ticket)
	}
	over, outcome, reason := admit(&g, &l, Arrival{Newcomer: true})
	if outcome != Later || reason != Connections || over != (Ticket{}) {
		t.Fatalf("past the margin: %v %v %+v", outcome, reason, over)
	}
	g.Leave(&tickets[0])
	if _, outcome, _ := admit(&g, &l, Arrival{}); outcome != Admitted {
		t.Errorf("a place was left, and the outcome is %v", outcome)
	}
	g.Leave(&tickets[2]) // one of those that were told
	if _, outcome, _ := admit(&g, &l, Arrival{}); outcome != Full {
		t.Errorf("a place of the margin was left, and the outcome is %v", outcome)
	}
	if g.Open() != 2+RefusalMargin || g.Peak() != 2+RefusalMargin {
		t.Errorf("%d open, %d at most", g.Open(), g.Peak())
	}
}

func TestNewcomers(t *testing.T) {
	var g Gate
	l := Limits{Connections: 100, Newcomers: 3, NewcomersPerAddress: 2}
	a, b := Arrival{ip("192.0.2.1"), true}, Arrival{ip("192.0.2.2"), true}
	first, _, _ := admit(&g, &l, a)
	admit(&g, &l, a)
	if _, outcome, reason := admit(&g, &l, a); outcome != Later || reason != NewcomersOfAddress {
		t.Errorf("the third of one address: %v %v", outcome, reason)
	}
	if _, outcome, _ := admit(&g, &l, b); outcome != Admitted {
		t.Errorf("the refused third took a place: %v", outcome)
	}
	if _, outcome, reason := admit(&g, &l, b); outcome != Later || reason != Newcomers {
		t.Errorf("the fourth of all: %v %v", outcome, reason)
	}
	if _, outcome, _ := admit(&g, &l, Arrival{a.Address, false}); outcome != Admitted {
		t.Errorf("one that needs no CONNECT: %v", outcome)
	}
	for range 2 { // the second does nothing
		g.Settle(&first)
	}
	if g.newcomers != 2 || g.Open() != 4 {
		t.Errorf("%d newcomers of %d", g.newcomers, g.Open())
	}
}

// What a connection was counted in is given back, whatever the limits are by then.
func TestLimitsChangeMeanwhile(t *testing.T) {
	var g Gate
	a := Arrival{ip("2001:db8::1"), true}
	without, _, _ := admit(&g, &wide, a)
	l := Limits{
		Connections: 10, Newcomers: 10, ConnectionsPerAddress: 1, NewcomersPerAddress: 1,
	}
	with, outcome, _ := admit(&g, &l, a)
	if outcome != Admitted {
		t.Fatalf("earlier connections count against a new limit: %v", outcome)
	}
	other := Arrival{ip("2001:db8::2"), true} // in the same /64
	_, outcome, reason := admit(&g, &l, other)
	if outcome != Later || reason != ConnectionsOfAddress {
		t.Errorf("%v %v", outcome, reason)
	}
	g.Leave(&without)
	if _, outcome, _ := admit(&g, &l, other); outcome != Later {
		t.Error("the place of a connection that was not counted was given back")
	}
	g.Leave(&with)
	g.Leave(&with)
	if g.Open() != 0 || g.newcomers != 0 || len(g.addresses.of) != 0 {
		t.Errorf("%d open, %d newcomers, %v", g.Open(), g.newcomers, g.addresses.of)
	}
	if with.Address() != a.Address {
		t.Errorf("the address is %v after Leave", with.Address())
	}
}

func TestPaceOfAccepting(t *testing.T) {
	var g Gate
	l := wide
	l.AcceptRate = 5
	let := func(now time.Duration) (n int) {
		for range 20 {
			switch _, v := g.Admit(&l, Arrival{}, now); {
			case v.Outcome == Admitted:
				n++
			case v.Outcome != Later || v.Reason != AcceptRate || !v.Reason.Arriving():
				t.Fatalf("%+v", v)
			}
		}
		return n
	}
	for i, want := range []int{5, 0, 1, 5} {
		after := []time.Duration{0, 0, 200 * time.Millisecond, time.Hour}[i]
		if n := let(time.Hour + after); n != want {
			t.Errorf("%d let in at step %d, want %d", n, i, want)
		}
	}
}

func TestFailuresAreThrottled(t *testing.T) {
	var g Gate
	a := Arrival{Address: ip("2001:db8::1")}
	for range failuresAllowed - 1 {
		g.Failed(a.Address, 0)
	}
	if _, v := g.Admit(&wide, a, 0); v.Outcome != Admitted {
		t.Fatalf("one failure too early: %+v", v)
	}
	g.Failed(ip("2001:db8::2"), 0) // in the same /64
	if _, v := g.Admit(&wide, a, 0); v.Outcome != Throttled || v.Wait != failureRefill {
		t.Fatalf("%+v", v)
	}
	other := Arrival{Address: ip("2001:db8:0:1::1")}
	if _, v := g.Admit(&wide, other, 0); v.Outcome != Admitted {
		t.Errorf("another /64: %+v", v)
	}
	if _, v := g.Admit(&wide, a, failureRefill); v.Outcome != Admitted {
		t.Errorf("after the wait: %+v", v)
	}
	for range 100 {
		g.Failed(netip.Addr{}, 0)
	}
	if _, v := g.Admit(&wide, Arrival{}, 0); v.Outcome != Admitted {
		t.Errorf("a client without an address: %+v", v)
	}
}

// Many goroutines let connections in and out. No count is ever negative or over
// its limit, and in the end everything has been given back.
func TestGateConcurrently(t *testing.T) {
	var g Gate
	l := Limits{
		Connections: 20, Newcomers: 15, ConnectionsPerAddress: 9, NewcomersPerAddress: 5,
		AcceptRate: 1 << 30,
	}
	var all sync.WaitGroup
	for i := range uint64(8) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(i, 1))
			var mine []Ticket
			for range 5000 {
				mine = randomStep(random, &g, &l, mine)
				g.check(t, &l)
			}
			for k := range mine {
				g.Leave(&mine[k])
			}
		})
	}
	all.Wait()
	none := Limits{}
	g.check(t, &none)
	if len(g.addresses.of) != 0 || g.Peak() == 0 {
		t.Errorf("after all have left: peak %d, %v", g.Peak(), g.addresses.of)
	}
}

// randomStep may let one connection in, settle one and let one go. It returns
// the tickets of those that are there.
func randomStep(random *rand.Rand, g *Gate, l *Limits, mine []Ticket) []Ticket {
	a := netip.AddrFrom4([4]byte{10, 0, 0, byte(random.IntN(4))})
	who := Arrival{a, random.IntN(2) == 0}
	ticket, v := g.Admit(l, who, time.Duration(random.Int64N(1e9)))
	if v.Outcome == Admitted || v.Outcome == Full {
		mine = append(mine, ticket)
	}
	if len(mine) > 0 && random.IntN(2) == 0 {
		g.Settle(&mine[random.IntN(len(mine))])
	}
	if len(mine) > 5 || len(mine) > 0 && random.IntN(3) == 0 {
		k, last := random.IntN(len(mine)), len(mine)-1
		g.Leave(&mine[k])
		mine[k] = mine[last]
		mine = mine[:last]
	}
	return mine
}

// check fails if a count is negative or over its limit.
func (g *Gate) check(t *testing.T, l *Limits) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	in := func(n int64, limit int) bool { return 0 <= n && n <= int64(limit) }
	if !in(g.open-g.refused, l.Connections) || !in(g.refused, RefusalMargin) ||
		!in(g.newcomers, l.Newcomers) {
		t.Errorf("%d open, %d refused, %d newcomers", g.open, g.refused, g.newcomers)
	}
	for a, p := range g.addresses.of {
		if !in(int64(p.open), l.ConnectionsPerAddress) ||
			!in(int64(p.newcomers), l.NewcomersPerAddress) {
			t.Errorf("%v has %+v", a, p)
		}
	}
}

// busy are limits of which all are counted and none is reached by one connection.
var busy = Limits{
	Connections: 1000, ConnectionsPerAddress: 10, Newcomers: 100, NewcomersPerAddress: 10,
	AcceptRate: 1 << 30,
}

// BenchmarkAdmit is one connection that comes, settles and leaves.
func BenchmarkAdmit(b *testing.B) {
	var g Gate
	a := Arrival{ip("2001:db8::1"), true}
	g.Failed(a.Address, 0)
	b.ReportAllocs()
	for i := range b.N {
		t, _ := g.Admit(&busy, a, time.Duration(i))
		g.Settle(&t)
		g.Leave(&t)
	}
}

func TestAdmitAllocatesNothing(t *testing.T) {
	var g Gate
	a := Arrival{ip("2001:db8::1"), true}
	g.Failed(a.Address, 0)
	if n := testing.AllocsPerRun(1000, func() {
		ticket, v := g.Admit(&busy, a, 0)
		if v.Outcome != Admitted {
			t.Fatal(v)
		}
		g.Settle(&ticket)
		g.Leave(&ticket)
	}); n != 0 {
		t.Errorf("%v allocations for a connection that comes and goes", n)
	}
}
