package admission

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// Limits.Share, for newcomers and for pending connections, against counts of our own. Whoever has
// none gets a place while there is one, and nobody gets more than half of all, or the floor if that
// is more.
func TestShareModel(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		var g Gate
		limit := 1 + random.IntN(100)
		l := Limits{Connections: 1000, Newcomers: limit, Pending: limit, Share: true}
		type member struct {
			ticket Ticket
			of     netip.Addr
		}
		var members [2][]member // newcomers, pending
		var has [2]map[netip.Addr]int
		has[0], has[1] = make(map[netip.Addr]int), make(map[netip.Addr]int)
		for range 500 {
			kind, a := random.IntN(2), crowd(random.IntN(random.IntN(6)+1))
			if n := len(members[kind]); n > 0 && random.IntN(3) == 0 {
				i := random.IntN(n)
				m := &members[kind][i]
				if g.Leave(&m.ticket); random.IntN(2) == 0 {
					g.Leave(&m.ticket) // does nothing
				}
				has[kind][m.of]--
				*m = members[kind][n-1]
				members[kind] = members[kind][:n-1]
				continue
			}
			own, taken := has[kind][a], len(members[kind])
			want := taken < limit && (own < shareFloor || own < limit-taken)
			if own == 0 && taken < limit && !want {
				t.Fatal("the model keeps somebody out who has none")
			}
			var ticket Ticket
			var v Verdict
			if kind == 0 {
				ticket, v = g.Admit(&l, Arrival{a, true}, 0)
			} else {
				ticket, v = g.Arrive(&l, a, false)
			}
			if (v.Outcome == Admitted) != want {
				t.Fatalf("kind %d: %+v for one that has %d of %d, limit %d", kind, v, own, taken,
					limit)
			}
			if !want {
				g.Leave(&ticket) // of one that was told
				continue
			}
			members[kind] = append(members[kind], member{ticket, a})
			if has[kind][a]++; has[kind][a] > max(shareFloor, (limit+1)/2) {
				t.Fatalf("one address has %d of %d places", has[kind][a], limit)
			}
		}
		for kind := range members {
			for i := range members[kind] {
				g.Leave(&members[kind][i].ticket)
			}
		}
		if len(g.addresses.of) > 0 || g.newcomers != 0 || g.Pending() != 0 || g.Open() != 0 {
			t.Fatalf("after all have left: %+v", &g)
		}
	}
}

// Connections without a request: their limits, those that are told, and those behind a proxy.
func TestPendingPlaces(t *testing.T) {
	var g Gate
	l := Limits{Connections: 10, Pending: 100, ConnectionsPerAddress: 3}
	a, b := ip("192.0.2.1"), ip("192.0.2.2")
	arrive := func(l *Limits, a netip.Addr, proxied bool) (Ticket, Outcome, Reason) {
		ticket, v := g.Arrive(l, a, proxied)
		return ticket, v.Outcome, v.Reason
	}
	var first Ticket
	for range 3 {
		first, _, _ = arrive(&l, a, false)
	}
	told, outcome, reason := arrive(&l, a, false)
	if outcome != Full || reason != PendingOfAddress {
		t.Errorf("the fourth of one address: %v %v", outcome, reason)
	}
	if _, outcome, _ := arrive(&l, b, false); outcome != Admitted {
		t.Errorf("another address: %v", outcome)
	}
	if g.Pending() != 5 || g.Open() != 0 {
		t.Errorf("%d pending, %d open", g.Pending(), g.Open())
	}
	g.Leave(&told)
	g.Leave(&first)
	if _, outcome, _ := arrive(&l, a, false); outcome != Admitted {
		t.Errorf("a place was left: %v", outcome)
	}
	for i := range RefusalMargin + 1 {
		_, outcome, _ := arrive(&l, a, false)
		if want := i < RefusalMargin; (outcome == Full) != want {
			t.Errorf("the %dth that is one too many: %v", i, outcome)
		}
	}
	small := Limits{Connections: 10, Pending: g.pendingLimit(2), Share: true}
	for i := range 3 {
		_, outcome, reason := arrive(&small, a, true)
		if want := i < 2; (outcome == Admitted) != want || !want && reason != Pending {
			t.Errorf("the %dth behind a proxy: %v %v", i, outcome, reason)
		}
	}
}

// pendingLimit leaves n places.
func (g *Gate) pendingLimit(n int) int { return int(g.pending) + n }

// Those that must authenticate later are newcomers again, and settle once.
func TestUnsettle(t *testing.T) {
	var g Gate
	l := Limits{Connections: 10, Newcomers: 2, Share: true}
	a := Arrival{ip("192.0.2.1"), true}
	x, _, _ := admit(&g, &l, a)
	y, _, _ := admit(&g, &l, a)
	g.Settle(&x)
	g.Settle(&y)
	for range 2 {
		g.Unsettle(&l, &x)
		g.Unsettle(&l, &y)
	}
	if _, outcome, reason := admit(&g, &l, a); outcome != Later || reason != Newcomers {
		t.Errorf("with both unsettled: %v %v", outcome, reason)
	}
	g.Settle(&x)
	if z, outcome, _ := admit(&g, &l, a); outcome != Admitted {
		t.Errorf("with one settled: %v", outcome)
	} else {
		g.Leave(&z)
	}
	g.Leave(&x)
	g.Leave(&y)
	g.Unsettle(&l, &y) // is gone
	if g.newcomers != 0 || len(g.addresses.of) != 0 {
		t.Errorf("%d newcomers, %v", g.newcomers, g.addresses.of)
	}
}

// The number of failures is an option, and the wait is bounded whatever it is.
func TestLimitFailures(t *testing.T) {
	a := Arrival{Address: ip("192.0.2.1")}
	for _, limit := range []int{1, 3, 100} {
		var g Gate
		g.LimitFailures(limit)
		for i := range limit {
			if _, v := g.Admit(&wide, a, 0); v.Outcome != Admitted {
				t.Fatalf("limit %d: %+v after %d failures", limit, v, i)
			}
			g.Failed(a.Address, 0)
		}
		for range 1000 {
			g.Failed(a.Address, 0)
		}
		if _, v := g.Admit(&wide, a, 0); v.Outcome != Throttled || v.Wait != 110*time.Second {
			t.Errorf("limit %d: %+v", limit, v)
		}
	}
	var g Gate
	for range 100 {
		g.Failed(a.Address, 0)
	}
	g.LimitFailures(-1)
	g.Failed(a.Address, 0)
	if _, v := g.Admit(&wide, a, 0); v.Outcome != Admitted {
		t.Errorf("without a limit: %+v", v)
	}
}
