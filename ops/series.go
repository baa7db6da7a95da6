package ops

import (
	"reflect"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/cluster"
)

// series is a metric whose value is a field of a struct of statistics. Each field has exactly one,
// which a test holds.
type series struct {
	field string // of the struct
	name  string // behind smartsocket_; a counter ends in _total
	help  string
	// labels are name, value, name, value.
	labels []string
}

// connectionSeries are the fields of smartsocket.ConnectionStats, except Refusals.
var connectionSeries = []series{
	{"Open", "connections", "Connections that are open.", nil},
	{"Peak", "connections_peak", "The most connections that were open at once.", nil},
	{"Pending", "connections_pending", "Connections whose request has not come.", nil},
	{"Rejected", "connections_rejected_total", "Connections that were turned away by a limit, " +
		"a missing key or the server's state.", nil},
	{"AcceptLimited", "connections_accept_limited_total", "Of the rejected ones, those over " +
		"acceptRate or a limit of unauthenticated ones.", nil},
	{"AcceptPauses", "accept_pauses_total", "Times that accepting paused because descriptors " +
		"ran out.", nil},
	{"SlowConsumers", "connections_closed_total", closedHelp, []string{"reason", "slow_consumer"}},
	{"IdleCloses", "connections_closed_total", closedHelp, []string{"reason", "idle"}},
	{"OverBudget", "connections_closed_total", closedHelp, []string{"reason", "over_budget"}},
	{"Floods", "connections_closed_total", closedHelp, []string{"reason", "flood"}},
	{"Violations", "protocol_violations_total", "Messages that broke the protocol.", nil},
	{"UnknownAcks", "acks_unknown_total", "Acks that nobody waited for.", nil},
	{"Unhandled", "events_refused_total", refusedHelp, []string{"reason", "no_handler"}},
	{"Undecodable", "events_refused_total", refusedHelp, []string{"reason", "undecodable"}},
	{"Overflows", "events_refused_total", refusedHelp, []string{"reason", "mailbox_full"}},
	{"Discarded", "events_refused_total", refusedHelp, []string{"reason", "connection_lost"}},
	{"RateLimited", "events_refused_total", refusedHelp, []string{"reason", "rate_limit"}},
	{"RejectedEvents", "events_refused_total", refusedHelp, []string{"reason", "middleware"}},
	{"Repeated", "events_repeated_total", "Events repeated after a resume, whose handlers did " +
		"not run again.", nil},
	{"BufferedBytes", "buffered_bytes", "Payloads of events that wait for handlers or are held " +
		"back.", nil},
	{"OutboxBytes", "outbox_bytes", "Memory of what waits for clients to take it.", nil},
	{"HeldEvents", "held_events", "Events that are held back until clients have caught up.", nil},
	{"Away", "sessions", sessionsHelp, []string{"state", "away"}},
	{"Resumed", "resumes_total", resumesHelp, []string{"outcome", "resumed"}},
	{"NotResumed", "resumes_total", resumesHelp, []string{"outcome", "refused"}},
	{"Gaps", "resumes_total", resumesHelp, []string{"outcome", "gap"}},
	{"UnreadSessions", "sessions_unread_total", "Sessions that ended because their clients came " +
		"back and read nothing.", nil},
	{"LoopHoldUps", "loop_holdups_total", "Times that an event loop stood still for more than a " +
		"second.", nil},
	{"Workers", "workers", "Goroutines that may run handlers.", nil},
	{"WorkersBusy", "workers_busy", "Goroutines that run handlers.", nil},
	{"SocketsWaiting", "workers_waiting_sockets", "Sockets with events and no goroutine for " +
		"them.", nil},
	{"WorkerStalls", "workers_stalled_seconds_total", "Seconds in which a socket got no " +
		"goroutine.", nil},
	{"Holds", "drain_holds", "Holds that Drain waits for, or would wait for.", nil},
	{"HoldsExpired", "drain_holds_expired_total", "Holds whose time was over before they were " +
		"released.", nil},
	{"HandlerPanics", "handler_panics_total", "Handlers, middlewares and hooks that panicked.",
		nil},
	{"Errors", "errors_total", "Errors that were raised on sockets.", nil},
	{"SlowInline", "inline_overruns_total", "Inline handlers that held their event loop.", nil},
	{"VolatileDropped", "drops_total", dropsHelp,
		[]string{"class", "volatile", "reason", "behind"}},
	{"StateReplaced", "drops_total", dropsHelp,
		[]string{"class", "state", "reason", "replaced"}},
	{"DeadlineExpired", "drops_total", dropsHelp,
		[]string{"class", "deadline", "reason", "expired"}},
	{"HeldDropped", "drops_total", dropsHelp,
		[]string{"class", "held", "reason", "overflow"}},
	{"MessagesIn", "messages_received_total", "Messages received.", nil},
	{"MessagesOut", "messages_sent_total", "Messages sent.", nil},
	{"BytesIn", "received_bytes_total", "Bytes read from connections.", nil},
	{"BytesOut", "sent_bytes_total", "Bytes written to connections.", nil},
	{"Reads", "socket_reads_total", "System calls that read.", nil},
	{"Writes", "socket_writes_total", "System calls that wrote.", nil},
	{"BuffersTaken", "pool_buffers_taken_total", "Buffers taken from the pools of the process.",
		nil},
	{"BuffersAllocated", "pool_misses_total", "Of these, the ones that had to be allocated.", nil},
}

// clusterSeries are the fields of cluster.Stats, except State and Node.
var clusterSeries = []series{
	{"Nodes", "broker_nodes", "Nodes that are there, including this one.", nil},
	{"Published", "broker_published_total", "Broadcasts given to the broker.", nil},
	{"Received", "broker_received_total", "Broadcasts of other nodes delivered here.", nil},
	{"Lost", "broker_lost_total", "Broadcasts of this node that the broker did not get.", nil},
	{"Gaps", "broker_gaps_total", "Gaps in what other nodes published.", nil},
	{"Missed", "broker_missed_total", "Broadcasts that are missing in these gaps.", nil},
	{"Late", "broker_late_total", "Broadcasts dropped because they came too late.", nil},
	{"Duplicates", "broker_duplicates_total", "Broadcasts dropped because they came again.", nil},
	{"Invalid", "broker_invalid_total", "Messages that no node would send.", nil},
	{"SlowConsumers", "broker_slow_consumer_total", "Times that this server was too slow for " +
		"what came.", nil},
	{"Reconnects", "broker_reconnects_total", "Times that the broker came back.", nil},
	{"Silences", "broker_silences_total", "Times that a node fell silent without a goodbye.", nil},
}

const (
	closedHelp   = "Connections that the server closed because of what they did."
	refusedHelp  = "Events of clients that no handler saw, or whose data did not fit."
	resumesHelp  = "Clients that came back and asked for their session."
	dropsHelp    = "Events that were lost as their class allows; held is state and deadline."
	sessionsHelp = "Sockets whose clients are connected, and those whose clients are away."
)

// numbers are the metrics of a struct's fields.
type numbers struct {
	of      reflect.Type
	indexes []int
	kinds   []prometheus.ValueType
	descs   []*prometheus.Desc
}

// newNumbers makes the metrics of the struct T. It panics on a field that does not exist.
func newNumbers[T smartsocket.ConnectionStats | cluster.Stats](list []series) *numbers {
	n := &numbers{of: reflect.TypeFor[T]()}
	for _, s := range list {
		f, ok := n.of.FieldByName(s.field)
		if !ok {
			panic("ops: " + n.of.String() + " has no field " + s.field)
		}
		labels := make(prometheus.Labels)
		for i := 0; i+1 < len(s.labels); i += 2 {
			labels[s.labels[i]] = s.labels[i+1]
		}
		n.indexes = append(n.indexes, f.Index[0])
		n.kinds = append(n.kinds, kindOf(s.name))
		n.descs = append(n.descs,
			prometheus.NewDesc(prefix+s.name, s.help, nil, labels))
	}
	return n
}

// collect sends what a value of the struct says.
func (n *numbers) collect(to chan<- prometheus.Metric, value reflect.Value) {
	for i, d := range n.descs {
		v := float64(value.Field(n.indexes[i]).Int())
		to <- prometheus.MustNewConstMetric(d, n.kinds[i], v)
	}
}
