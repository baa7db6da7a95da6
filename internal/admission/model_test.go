package admission

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// tick is the step of the model's clock. All that the gate computes from
// multiples of it is exact in floating point, so that the model may count in integers.
const tick = failureRefill / 512

// model is the gate as a list of its connections and of all that ever happened.
type model struct {
	l        Limits
	now      time.Duration
	members  []member
	rate     []arrival // that asked for a place in the pace
	failures map[netip.Addr][]time.Duration
}

type member struct {
	ticket                                           Ticket
	group                                            netip.Addr
	ofAddress, newcomer, newcomerOfAddress, toBeTold bool
}

type arrival struct {
	at   time.Duration
	rate int
}

// level is how far an address has filled its bucket, in ticks: 512 are one failure.
func (m *model) level(a netip.Addr) (level time.Duration) {
	var last time.Duration
	for i, at := range append(m.failures[a], m.now) {
		level = max(level-(at-last)/tick, 0)
		if i < len(m.failures[a]) {
			level = min(level+512, 512*maxLevel)
		}
		last = at
	}
	return level
}

// paced reports whether the arrivals so far leave a place for one more. It counts in
// parts of a place: 256 ticks of a rate of one are five places.
func (m *model) paced() bool {
	const place = int64(time.Second)
	var left int64
	ok := false
	for i, a := range m.rate {
		most := int64(a.rate) * place
		if i == 0 {
			left = most
		} else {
			left = min(left+int64(a.rate)*int64(a.at-m.rate[i-1].at), most)
		}
		if ok = left >= place; ok {
			left -= place
		}
	}
	return ok
}

func (m *model) count(f func(*member) bool) (n int) {
	for i := range m.members {
		if f(&m.members[i]) {
			n++
		}
	}
	return n
}

// admit is what Admit must say, and the member that it must count.
func (m *model) admit(a Arrival) (member, Verdict) {
	x := member{group: group(a.Address)}
	if a.Address.IsValid() {
		if over := m.level(x.group) - 512*(failuresAllowed-1); over > 0 {
			return x, Verdict{Outcome: Throttled, Wait: over * tick}
		}
	}
	same := func(y *member) bool { return y.group == x.group }
	if n := m.l.ConnectionsPerAddress; n > 0 {
		if m.count(func(y *member) bool { return y.ofAddress && same(y) }) >= n {
			return x, Verdict{Outcome: Later, Reason: ConnectionsOfAddress}
		}
		x.ofAddress = true
	}
	if m.l.AcceptRate > 0 {
		if m.rate = append(m.rate, arrival{m.now, m.l.AcceptRate}); !m.paced() {
			return x, Verdict{Outcome: Later, Reason: AcceptRate}
		}
	}
	if x.newcomer = a.Newcomer; x.newcomer {
		if m.count(func(y *member) bool { return y.newcomer }) >= m.l.Newcomers {
			return x, Verdict{Outcome: Later, Reason: Newcomers}
		}
		if n := m.l.NewcomersPerAddress; n > 0 {
			if m.count(func(y *member) bool { return y.newcomerOfAddress && same(y) }) >= n {
				return x, Verdict{Outcome: Later, Reason: NewcomersOfAddress}
			}
			x.newcomerOfAddress = true
		}
	}
	told := m.count(func(y *member) bool { return y.toBeTold })
	if len(m.members)-told < m.l.Connections {
		return x, Verdict{}
	}
	if told >= RefusalMargin {
		return x, Verdict{Outcome: Later, Reason: Connections}
	}
	x.toBeTold = true
	return x, Verdict{Outcome: Full}
}

// playground are addresses of few groups: none, IPv4, and IPv6 of which two share a /64.
var playground = [...]netip.Addr{
	{}, ip("192.0.2.1"), ip("192.0.2.2"),
	ip("2001:db8::1"), ip("2001:db8::2"), ip("2001:db8:0:1::1"),
}

// play runs the operations that are written in ops through a gate and its model.
func play(t *testing.T, ops []byte) {
	var g Gate
	m := model{
		now: tick, // at 0 the pace has not begun
		l:   Limits{Connections: 3, Newcomers: 5}, failures: make(map[netip.Addr][]time.Duration),
	}
	peak := 0
	for step := 0; step+1 < len(ops); step += 2 {
		m.step(t, &g, ops[step], ops[step+1])
		peak = max(peak, len(m.members))
		m.compare(t, &g, peak)
	}
	for i := range m.members {
		g.Leave(&m.members[i].ticket)
	}
	m.members = nil
	m.compare(t, &g, peak)
	if len(g.addresses.of) != 0 {
		t.Fatalf("after all have left: %v", g.addresses.of)
	}
}

// step does one operation with both.
func (m *model) step(t *testing.T, g *Gate, op, arg byte) {
	t.Helper()
	a := playground[int(arg>>1)%len(playground)]
	at := int(arg) % max(len(m.members), 1)
	some := len(m.members) > 0
	switch op %= 16; {
	case op < 6:
		m.arrive(t, g, Arrival{a, arg&1 == 0})
	case op < 8 && some:
		x := &m.members[at]
		g.Settle(&x.ticket)
		x.newcomer, x.newcomerOfAddress = false, false
	case op < 11 && some:
		g.Leave(&m.members[at].ticket)
		m.members = slices.Delete(m.members, at, at+1)
	case op < 13:
		g.Failed(a, m.now)
		if a.IsValid() {
			m.failures[group(a)] = append(m.failures[group(a)], m.now)
		}
	case op == 13:
		m.now += time.Duration(arg) * tick
	case op == 14:
		m.l = Limits{
			Connections: int(arg & 7), ConnectionsPerAddress: int(arg >> 5 & 3),
			Newcomers: int(arg>>3&3) * 4, NewcomersPerAddress: int(arg >> 6 & 3),
			AcceptRate: int(arg>>2&1) * (1 + int(arg>>4)),
		}
	default:
		m.l.Connections, m.l.Newcomers = int(arg)%4, 500
		m.l.ConnectionsPerAddress, m.l.AcceptRate = 0, 0
	}
}

// arrive asks both for a place.
func (m *model) arrive(t *testing.T, g *Gate, who Arrival) {
	t.Helper()
	x, want := m.admit(who)
	ticket, got := g.Admit(&m.l, who, m.now)
	if got.Outcome == Later { // outside_test.go says how long
		if got.Wait < time.Second || got.Wait > longest {
			t.Fatalf("%+v is told to wait %v", who, got.Wait)
		}
		got.Wait = 0
	}
	if got != want {
		t.Fatalf("%+v for %+v, want %+v", got, who, want)
	}
	if x.ticket = ticket; got.Outcome == Admitted || got.Outcome == Full {
		m.members = append(m.members, x)
	} else if ticket != (Ticket{}) {
		t.Fatalf("ticket %+v with %+v", ticket, got)
	}
}

func (m *model) compare(t *testing.T, g *Gate, peak int) {
	t.Helper()
	newcomers := m.count(func(x *member) bool { return x.newcomer })
	told := m.count(func(x *member) bool { return x.toBeTold })
	got := [...]int64{g.Open(), g.newcomers, g.refused, g.Peak()}
	want := [...]int64{int64(len(m.members)), int64(newcomers), int64(told), int64(peak)}
	if got != want {
		t.Fatalf("open, newcomers, refused and peak are %v, want %v", got, want)
	}
	for _, a := range playground {
		same := func(x *member) bool { return x.group == group(a) }
		want := places{
			int32(m.count(func(x *member) bool { return x.ofAddress && same(x) })),
			int32(m.count(func(x *member) bool { return x.newcomerOfAddress && same(x) })),
			0,
		}
		if got := g.addresses.of[group(a)]; got != want {
			t.Fatalf("%v has %+v, want %+v", a, got, want)
		}
	}
}

// TestGateModel holds the gate against a list of its connections.
func TestGateModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 80 {
		ops := make([]byte, 1000)
		for i := range ops {
			ops[i] = byte(random.Uint32())
		}
		play(t, ops)
	}
}

// FuzzGate is TestGateModel with operations of the fuzzer's choice.
func FuzzGate(f *testing.F) {
	f.Add([]byte{0, 0, 6, 0, 8, 0})
	f.Add([]byte{14, 0xff, 0, 2, 0, 2, 0, 2, 13, 9, 11, 2, 0, 3})
	full := []byte{15, 1}
	for range RefusalMargin + 3 {
		full = append(full, 0, 0)
	}
	f.Add(full)
	f.Fuzz(func(t *testing.T, ops []byte) { play(t, ops[:min(len(ops), 600)]) })
}
