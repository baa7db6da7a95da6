package smartsocket

import (
	"math/bits"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// counters only grow.
type counters struct {
	out            atomic.Int64 // messages of broadcasts; single ones are counted per loop
	rejected       atomic.Int64
	violations     atomic.Int64
	unknownAcks    atomic.Int64
	unhandled      atomic.Int64
	overflows      atomic.Int64
	panics         atomic.Int64
	errors         atomic.Int64
	rejectedEvents atomic.Int64
	idleCloses     atomic.Int64
	slowInline     atomic.Int64
	rateLimited    atomic.Int64
}

// Stats is the server at one moment. Rates are over the last 10 s.
type Stats struct {
	Connections int           // sockets that are connected
	MemoryBytes uint64        // memory of the whole process mapped by the Go runtime and not returned
	Uptime      time.Duration // since New
	MessagesIn  float64       // messages received per second
	MessagesOut float64       // messages sent per second
	Latency     Latency       // heartbeat round trips
}

// Latency describes the round trips that heartbeats measured. Quantiles are
// upper bounds with a resolution of 1/8.
type Latency struct {
	Mean, P50, P99 time.Duration
	Samples        int64
}

// ConnectionStats are counters since Start, and the bytes and calls of the event loops.
type ConnectionStats struct {
	Open, Peak, Rejected                 int64
	SlowConsumers, IdleCloses            int64
	Violations, UnknownAcks              int64
	Unhandled, Overflows, RejectedEvents int64
	HandlerPanics, Errors, SlowInline    int64
	RateLimited                          int64
	MessagesIn, MessagesOut              int64
	BytesIn, BytesOut, Reads, Writes     int64
	AcceptPauses                         int64
}

// NamespaceStats describe one namespace.
type NamespaceStats struct {
	Connections, Rooms int
	Events, Handlers   int // event names with handlers, and handlers
}

// Stats summarises the server.
func (v *Server) Stats() Stats {
	st := Stats{MemoryBytes: mappedBytes(), Uptime: v.sinceStart(), Latency: v.latency.read()}
	for _, ns := range v.eachNamespace() {
		st.Connections += ns.Len()
	}
	v.mu.RLock()
	sm := v.sampler
	v.mu.RUnlock()
	if sm != nil {
		st.MessagesIn, st.MessagesOut = sm.rates()
	}
	return st
}

// ConnectionStats returns the counters.
func (v *Server) ConnectionStats() ConnectionStats {
	in, out := v.totals()
	c := &v.counters
	st := ConnectionStats{
		Open: v.live.Load(), Peak: v.peak.Load(), Rejected: c.rejected.Load(), IdleCloses: c.idleCloses.Load(),
		Violations: c.violations.Load(), UnknownAcks: c.unknownAcks.Load(), Unhandled: c.unhandled.Load(),
		Overflows: c.overflows.Load(), RejectedEvents: c.rejectedEvents.Load(), HandlerPanics: c.panics.Load(),
		RateLimited: c.rateLimited.Load(), Errors: c.errors.Load(), SlowInline: c.slowInline.Load(), MessagesIn: in, MessagesOut: out,
	}
	v.mu.RLock()
	r := v.reactor
	v.mu.RUnlock()
	if r != nil {
		rs := r.Stats()
		st.SlowConsumers, st.AcceptPauses = rs.SlowConsumers, rs.AcceptPauses
		st.BytesIn, st.BytesOut, st.Reads, st.Writes = rs.BytesIn, rs.BytesOut, rs.Reads, rs.Writes
	}
	return st
}

// NamespaceStats describes every namespace, by path.
func (v *Server) NamespaceStats() map[string]NamespaceStats {
	all := make(map[string]NamespaceStats)
	for _, ns := range v.eachNamespace() {
		var st NamespaceStats
		st.Connections, st.Rooms = ns.hub.size()
		st.Events, st.Handlers = ns.handlers.count()
		all[ns.path] = st
	}
	return all
}

func (t *table) count() (events, handlers int) {
	if m := t.m.Load(); m != nil {
		for _, e := range *m {
			events++
			handlers += len(e.regs)
		}
	}
	return events, handlers
}

func (v *Server) totals() (in, out int64) {
	out = v.counters.out.Load()
	for i := range v.loops {
		in += v.loops[i].in.Load()
		out += v.loops[i].out.Load()
	}
	return in, out
}

func mappedBytes() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}

// sampler is the server's one background goroutine: it keeps the rates and watches inline handlers.
type sampler struct {
	quit chan struct{}
	done chan struct{}

	mu   sync.Mutex
	ring [11]struct {
		at      time.Duration
		in, out int64
	}
	n int
}

func startSampler(v *Server) *sampler {
	sm := &sampler{quit: make(chan struct{}), done: make(chan struct{})}
	sm.sample(v)
	go sm.run(v)
	return sm
}

// run looks at the loops once per InlineBudget while inline handlers run, and
// ever more rarely, down to once a second, while none do.
func (sm *sampler) run(v *Server) {
	defer close(sm.done)
	pause := v.opts.InlineBudget
	timer := time.NewTimer(pause)
	defer timer.Stop()
	next := v.sinceStart() + time.Second
	for {
		select {
		case <-sm.quit:
			return
		case <-timer.C:
		}
		now := v.sinceStart()
		if v.watchInline(now) {
			pause = v.opts.InlineBudget
		} else {
			pause = min(2*pause, time.Second)
		}
		if now >= next {
			next = now + time.Second
			sm.sample(v)
			if v.sessions != nil {
				v.sessions.sweep(now)
			}
		}
		timer.Reset(min(pause, max(next-v.sinceStart(), time.Millisecond)))
	}
}

func (sm *sampler) sample(v *Server) {
	in, out := v.totals()
	sm.mu.Lock()
	defer sm.mu.Unlock()
	slot := &sm.ring[sm.n%len(sm.ring)]
	slot.at, slot.in, slot.out = v.sinceStart(), in, out
	sm.n++
}

// rates are per second over what the ring covers.
func (sm *sampler) rates() (in, out float64) {
	sm.mu.Lock()
	defer sm.mu.Unlock()
	if sm.n < 2 {
		return 0, 0
	}
	last := sm.ring[(sm.n-1)%len(sm.ring)]
	first := sm.ring[max(sm.n-len(sm.ring), 0)%len(sm.ring)]
	span := (last.at - first.at).Seconds()
	return float64(last.in-first.in) / span, float64(last.out-first.out) / span
}

func (sm *sampler) stop() {
	close(sm.quit)
	<-sm.done
}

// histogram counts durations in buckets of 8 per power of two, from 1 µs up.
type histogram struct {
	n, sum  atomic.Int64
	buckets [256]atomic.Int64
}

func (h *histogram) add(d time.Duration) {
	h.n.Add(1)
	h.sum.Add(int64(d))
	h.buckets[bucketOf(uint64(d.Microseconds()))].Add(1)
}

// bucketOf maps microseconds to a bucket: exact below 8, then 3 bits behind the leading one.
func bucketOf(us uint64) int {
	if us < 8 {
		return int(us)
	}
	shift := bits.Len64(us) - 4
	return min(shift*8+int(us>>shift), 255)
}

// bucketTop is the largest duration of a bucket.
func bucketTop(i int) time.Duration {
	if i < 8 {
		return time.Duration(i) * time.Microsecond
	}
	shift := i/8 - 1
	return time.Duration((uint64(i%8+8)+1)<<shift-1) * time.Microsecond
}

func (h *histogram) read() Latency {
	n := h.n.Load()
	if n == 0 {
		return Latency{}
	}
	return Latency{Mean: time.Duration(h.sum.Load() / n), P50: h.quantile(n, 50), P99: h.quantile(n, 99), Samples: n}
}

func (h *histogram) quantile(n, percent int64) time.Duration {
	want, seen := (n*percent+99)/100, int64(0)
	for i := range h.buckets {
		if seen += h.buckets[i].Load(); seen >= want {
			return bucketTop(i)
		}
	}
	return bucketTop(len(h.buckets) - 1)
}
