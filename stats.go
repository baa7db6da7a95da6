package smartsocket

import (
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/certfile"
	"github.com/smartsocket/smartsocket/internal/inspect"
	"github.com/smartsocket/smartsocket/internal/journal"
	"github.com/smartsocket/smartsocket/internal/metrics"
	"github.com/smartsocket/smartsocket/internal/tail"
	"github.com/smartsocket/smartsocket/pool"
)

// Stats is a snapshot of the server. Rates are over the last 10 s.
type Stats struct {
	Connections int           // sockets that are connected
	MemoryBytes uint64        // mapped by the Go runtime for the whole process
	Uptime      time.Duration // since New
	MessagesIn  float64       // messages received per second
	MessagesOut float64       // messages sent per second
	Latency     Latency       // heartbeat round trips
}

// Latency describes round trips of heartbeats. Quantiles are upper bounds, exact to 1/8.
type Latency struct {
	Mean, P50, P99 time.Duration
	Samples        int64
}

// ConnectionStats has the counters of a server, and some values of this moment: Open, Pending,
// Away, BufferedBytes, OutboxBytes, HeldEvents, Workers, WorkersBusy, SocketsWaiting and Holds.
// Buffers count for the whole process. Package ops shows all of it to Prometheus.
type ConnectionStats struct {
	Open    int64 `json:"open"`    // accepted; refused ones until they are gone
	Peak    int64 `json:"peak"`    // the most that were open at once
	Pending int64 `json:"pending"` // whose request has not come; not in Open
	// Refusals counts refused connections by cause, see docs/REFERENCE.md.
	Refusals         map[string]int64 `json:"refusals"`
	Rejected         int64            `json:"rejected"`       // full, unauthenticated, no such namespace, late
	SlowConsumers    int64            `json:"slowConsumers"`  // closed at their outbox limit
	IdleCloses       int64            `json:"idleCloses"`     // closed because nothing came within ConnectionTimeout
	AcceptPauses     int64            `json:"acceptPauses"`   // times accepting paused because file descriptors ran out
	Violations       int64            `json:"violations"`     // messages that broke the protocol
	UnknownAcks      int64            `json:"unknownAcks"`    // acks that nobody waited for
	Unhandled        int64            `json:"unhandled"`      // events without a handler
	Undecodable      int64            `json:"undecodable"`    // events whose data does not fit
	Overflows        int64            `json:"overflows"`      // events dropped at a full mailbox, or at maxBufferedBytes
	Discarded        int64            `json:"discarded"`      // events that waited when the connection of their client was lost
	BufferedBytes    int64            `json:"bufferedBytes"`  // payloads of events that wait now, or are held back
	OverBudget       int64            `json:"overBudget"`     // closed because they held most while MaxBufferedBytes ran out
	OutboxBytes      int64            `json:"outboxBytes"`    // memory of what waits for clients to take it
	HeldEvents       int64            `json:"heldEvents"`     // that wait until clients have caught up
	Away             int64            `json:"away"`           // sessions whose clients are away
	Resumed          int64            `json:"resumed"`        // sessions to which a client came back
	NotResumed       int64            `json:"notResumed"`     // that a client asked for in vain: ended, or another's
	Gaps             int64            `json:"gaps"`           // ended, as their clients missed more than was kept
	UnreadSessions   int64            `json:"unreadSessions"` // ended, as their clients resumed and read nothing
	LoopHoldUps      int64            `json:"loopHoldUps"`    // times an event loop stood still for over a second
	Workers          int64            `json:"workers"`        // goroutines that may run handlers
	WorkersBusy      int64            `json:"workersBusy"`    // of these, how many do
	SocketsWaiting   int64            `json:"socketsWaiting"` // sockets with events and no goroutine for them
	WorkerStalls     int64            `json:"workerStalls"`   // seconds in which a socket got none
	RateLimited      int64            `json:"rateLimited"`    // events over a rate limit
	RejectedEvents   int64            `json:"rejectedEvents"` // events stopped by middleware
	Floods           int64            `json:"floods"`         // closed for a flood: frames, controls, inflation
	AcceptLimited    int64            `json:"acceptLimited"`  // of Rejected: acceptRate, unauthenticated limit
	Repeated         int64            `json:"repeated"`       // events repeated after a resume, not run again
	Holds            int64            `json:"holds"`          // which Drain waits for, or would wait for
	HoldsExpired     int64            `json:"holdsExpired"`   // whose time was over before they were released
	HandlerPanics    int64            `json:"handlerPanics"`
	Errors           int64            `json:"errors"`          // raised as "error"
	SlowInline       int64            `json:"slowInline"`      // inline handlers that held their loop
	VolatileDropped  int64            `json:"volatileDropped"` // volatile events for clients that were behind
	StateReplaced    int64            `json:"stateReplaced"`   // held states that a newer one replaced
	DeadlineExpired  int64            `json:"deadlineExpired"` // held events that waited for too long
	HeldDropped      int64            `json:"heldDropped"`     // held events dropped: too many waited, or the client left
	MessagesIn       int64            `json:"messagesIn"`
	MessagesOut      int64            `json:"messagesOut"`
	BytesIn          int64            `json:"bytesIn"`
	BytesOut         int64            `json:"bytesOut"`
	Reads            int64            `json:"reads"`
	Writes           int64            `json:"writes"`
	BuffersTaken     int64            `json:"buffersTaken"`     // from the pools of the process
	BuffersAllocated int64            `json:"buffersAllocated"` // of these, how many the pools had to allocate
}

// NamespaceStats describe one namespace.
type NamespaceStats struct {
	Connections int `json:"connections"`
	Away        int `json:"away"` // sockets that Namespace.Away lists
	Rooms       int `json:"rooms"`
	Events      int `json:"events"`   // names that have handlers
	Handlers    int `json:"handlers"` // of all of them
}

// Stats summarises the server.
func (v *Server) Stats() Stats {
	st := Stats{Uptime: v.sinceStart(), Latency: Latency(v.measures.RoundTrip.Read())}
	st.MemoryBytes = metrics.MappedBytes()
	for _, ns := range v.eachNamespace() {
		st.Connections += ns.Len()
	}
	st.MessagesIn, st.MessagesOut = v.rates.PerSecond()
	return st
}

// MarshalJSON gives the numbers under the names of the JavaScript API too:
// memoryUsage as text ("45.1MB"), uptime and averageLatency in milliseconds.
func (st Stats) MarshalJSON() ([]byte, error) {
	o := metrics.Overview{Connections: st.Connections, MemoryBytes: st.MemoryBytes,
		MessagesIn: st.MessagesIn, MessagesOut: st.MessagesOut}
	return o.JSON(st.Uptime, metrics.Summary(st.Latency))
}

// ConnectionStats returns the counters.
func (v *Server) ConnectionStats() ConnectionStats {
	in, out := v.totals()
	c := &v.counters
	st := ConnectionStats{
		Open: v.gate.Open(), Peak: v.gate.Peak(), Rejected: c.rejected.Load(),
		IdleCloses: c.idleCloses.Load(), Violations: c.violations.Load(),
		UnknownAcks: c.unknownAcks.Load(), Unhandled: c.unhandled.Load(),
		Undecodable: c.undecodable.Load(),
		Overflows:   c.overflows.Load(), RejectedEvents: c.rejectedEvents.Load(),
		Discarded: c.discarded.Load(), BufferedBytes: v.memory.Taken() + c.outgoing.Bytes.Load(),
		HandlerPanics: c.panics.Load(), Errors: c.errors.Load(), SlowInline: c.slowInline.Load(),
		VolatileDropped: c.outgoing.Volatile.Load(), StateReplaced: c.outgoing.Replaced.Load(),
		DeadlineExpired: c.outgoing.Expired.Load(), HeldDropped: c.outgoing.Dropped.Load(),
		RateLimited: c.rateLimited.Load(), Repeated: c.repeated.Load(), Floods: c.floods.Load(),
		AcceptLimited: c.acceptLimited.Load(), MessagesIn: in, MessagesOut: out,
	}
	load := v.workers.Load()
	st.Workers, st.WorkersBusy = int64(load.Max), int64(load.Busy)
	st.OverBudget, st.UnreadSessions = c.overBudget.Load(), v.sessions.Unread()
	back := v.sessions.Counts()
	st.Resumed, st.NotResumed, st.Gaps = back.Resumed, back.Refused, back.Gaps
	st.Away, st.HeldEvents = int64(v.sessions.Away()), c.outgoing.Events.Load()
	st.SocketsWaiting, st.WorkerStalls = int64(load.Waiting), c.workerStalls.Load()
	ps := pool.Stats()
	st.BuffersTaken, st.BuffersAllocated = int64(ps.Gets), int64(ps.Misses)
	st.Holds, st.HoldsExpired = v.departure.Count(v.sinceStart())
	v.mu.RLock()
	r, endpoint := v.reactor, v.endpoint
	v.mu.RUnlock()
	st.Pending, st.Refusals = v.gate.Pending(), make(map[string]int64)
	if endpoint != nil {
		for cause, n := range endpoint.Refusals() {
			if n > 0 {
				st.Refusals[frame.Cause(cause).String()] = n
			}
		}
		v.journal.AddRefusals(st.Refusals)
	}
	if r != nil {
		rs := r.Stats()
		st.OverBudget += rs.OverBudget
		st.OutboxBytes, st.LoopHoldUps = rs.OutboxBytes, rs.HoldUps
		st.SlowConsumers, st.AcceptPauses = rs.SlowConsumers, rs.AcceptPauses
		st.BytesIn, st.BytesOut, st.Reads, st.Writes = rs.BytesIn, rs.BytesOut, rs.Reads, rs.Writes
	}
	return st
}

// Measures is for package ops, which shows the histograms.
func (v *Server) Measures() *metrics.Set { return &v.measures }

// Limits is for package ops, which shows how near the server is to them.
func (v *Server) Limits() inspect.Limits {
	t := v.current()
	return inspect.Limits{Connections: t.MaxConnections, BufferedBytes: v.memory.Limit(),
		Loops:              v.fixed.Loops,
		CertificateExpires: certfile.Expires(v.fixed.TLSConfig, t.TLSCertFile != "")}
}

// Tail is for package ops, which shows what happens.
func (v *Server) Tail() *tail.Tail { return &v.journal.Tail }

// Inspect is for package ops, which shows a socket to the operator. The messages of its connection
// are counted from the first call on, unless they were counted before.
func (v *Server) Inspect(s *Socket) inspect.Socket {
	l := s.link.Load()
	at := inspect.Socket{
		Authenticated: [...]string{"not needed", "missing", "done", "done"}[s.auth.Load()],
		Connection:    l.serial, HeldBytes: l.held.Bytes(), WaitingBytes: s.mail.Bytes(),
	}
	if s.kept != nil {
		at.Resumable = true
		at.KeptEvents, at.KeptBytes = s.kept.Size()
	}
	if e := s.running.Load(); e != nil {
		at.Handler = e.Event()
	}
	d := l.diary.Load()
	if d == nil && l.isOpen() {
		l.diary.CompareAndSwap(nil, &journal.Diary{Since: v.sinceStart(), Counted: true})
		d = l.diary.Load()
	}
	if d != nil && d.Counted {
		at.CountedFor = v.sinceStart() - d.Since
		at.In, at.Out = d.In.Load(), d.Out.Load()
	}
	return at
}

// ClientAddr is for package ops. It returns the address of the client of s: that of the peer, or
// what a proxy of Options.TrustedProxies has named, without a port. "" means that it is not known.
func (v *Server) ClientAddr(s *Socket) string {
	named := s.link.Load().ticket.Address() // which does not change
	if a := journal.ClientAddr(s.RemoteAddr(), named); a != nil {
		return a.String()
	}
	return ""
}

// NamespaceStats describes every namespace, by path.
func (v *Server) NamespaceStats() map[string]NamespaceStats {
	all := make(map[string]NamespaceStats)
	for _, ns := range v.eachNamespace() {
		var st NamespaceStats
		st.Connections, st.Rooms = ns.hub.Size()
		st.Events, st.Handlers = ns.handlers.Count()
		st.Away = ns.hub.AwaySize()
		all[ns.path] = st
	}
	return all
}

// totals counts the messages that came in and went out, over all loops.
func (v *Server) totals() (in, out int64) {
	out = v.counters.outgoing.Sent.Load()
	for i := range v.loops {
		in += v.loops[i].in.Load()
		out += v.loops[i].out.Load()
	}
	return in, out
}
