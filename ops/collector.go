package ops

import (
	"maps"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/cluster"
	"github.com/smartsocket/smartsocket/internal/metrics"
)

// prefix begins the name of every metric.
const prefix = "smartsocket_"

// maxLabels bounds how many namespaces, and how many nodes, have metrics of their own. What is
// beyond counts as "other".
const maxLabels = 100

// collector is the Collector of a server.
type collector struct {
	server  *smartsocket.Server
	cluster *cluster.Cluster // nil without one

	connections, nodes *numbers

	refusals, present, healthy, ready, build, started *prometheus.Desc
	most, mostBytes, loops, expires                   *prometheus.Desc
	namespaceConnections, namespaceAway, rooms        *prometheus.Desc
	broker, node                                      *prometheus.Desc
	peerPresent, peerHeard, peerReceived, peerMissed  *prometheus.Desc
	peerLate                                          *prometheus.Desc

	since      float64 // of the server, in Unix time
	histograms []histogram
}

// histogram is a metric of a Histogram.
type histogram struct {
	desc *prometheus.Desc
	of   *metrics.Histogram
	unit time.Duration // that one of its metric has
}

// Collector returns a collector of the metrics of a server, for a prometheus.Registry, and of the
// cluster that joins it with others, nil for none. Every number of ConnectionStats and of
// cluster.Stats has one name, see docs/OPERATIONS.md. It is safe for concurrent use. It reads the
// statistics at each collection, and its cost does not depend on the number of connections.
func Collector(server *smartsocket.Server, joined *cluster.Cluster) prometheus.Collector {
	m := server.Measures()
	c := &collector{
		server: server, cluster: joined,
		since:       float64(time.Now().Add(-server.Stats().Uptime).UnixMilli()) / 1000,
		connections: newNumbers[smartsocket.ConnectionStats](connectionSeries),
		refusals:    desc("refusals_total", "Refused connections, by reason.", "reason"),
		present: prometheus.NewDesc(prefix+"sessions", sessionsHelp, nil,
			prometheus.Labels{"state": "present"}),
		healthy: desc("healthy", "1 if every event loop and the goroutines of handlers answer."),
		ready:   desc("ready", "1 if the server takes new clients."),
		build: desc("build_info", "The program: version of the module, of Go, and revision.",
			"version", "goversion", "revision"),
		most: desc("connections_limit", "maxConnections."),
		mostBytes: desc("buffered_bytes_limit", "maxBufferedBytes, for outboxes, events that "+
			"wait and sessions together."),
		loops: desc("loops", "Event loops."),
		expires: desc("certificate_expires_timestamp_seconds", "When the TLS certificate in use "+
			"expires, in Unix time."),
		started:              desc("start_time_seconds", "When the server was made, in Unix time."),
		namespaceConnections: desc("namespace_connections", "Connected sockets.", "namespace"),
		namespaceAway: desc("namespace_away", "Sockets whose clients are away.",
			"namespace"),
		rooms: desc("namespace_rooms", "Rooms with connected members.", "namespace"),
		histograms: []histogram{
			{labelled("handler_duration_seconds", handlerHelp, "mode", "inline"), &m.Inline,
				time.Second},
			{labelled("handler_duration_seconds", handlerHelp, "mode", "queued"), &m.Queued,
				time.Second},
			{desc("event_wait_seconds", "How long events waited for a goroutine (estimated)."),
				&m.Waiting, time.Second},
			{desc("loop_lag_seconds", "How long event loops took to get to a task."), &m.LoopLag,
				time.Second},
			{desc("heartbeat_rtt_seconds", "Round trips of heartbeats."), &m.RoundTrip,
				time.Second},
			{desc("broadcast_duration_seconds", "Time in which a broadcast was queued for its "+
				"receivers here (estimated)."), &m.Broadcast, time.Second},
			{desc("broadcast_receivers", "Receivers of a broadcast here (estimated)."),
				&m.Receivers, time.Microsecond},
		},
	}
	if joined != nil {
		c.nodes = newNumbers[cluster.Stats](clusterSeries)
		c.broker = desc("broker_connected", "1 if broadcasts reach the other nodes.")
		c.node = desc("broker_node_info", "The name of this node.", "node")
		c.peerPresent = desc("broker_peer_present", "1 if the other node is heard.", "peer")
		c.peerHeard = desc("broker_peer_heard_seconds", "How long ago the other node was heard.",
			"peer")
		c.peerReceived = desc("broker_peer_received_total", "Its broadcasts that came in time.",
			"peer")
		c.peerMissed = desc("broker_peer_missed_total", "Its broadcasts that did not come.", "peer")
		c.peerLate = desc("broker_peer_late_total", "Its broadcasts that came too late.", "peer")
	}
	return c
}

const handlerHelp = "How long handlers took: inline on the event loop, or on a goroutine " +
	"(estimated)."

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, labels, nil)
}

func labelled(name, help, label, value string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, nil, prometheus.Labels{label: value})
}

// kindOf is what a name says.
func kindOf(name string) prometheus.ValueType {
	if strings.HasSuffix(name, "_total") {
		return prometheus.CounterValue
	}
	return prometheus.GaugeValue
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, to) }

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	st := c.server.ConnectionStats()
	c.connections.collect(to, reflect.ValueOf(st))
	for cause, n := range st.Refusals {
		count(to, c.refusals, n, cause)
	}
	if len(st.Refusals) == 0 { // so that the metric is there before the first refusal
		count(to, c.refusals, 0, "other")
	}
	gauge(to, c.healthy, truth(c.server.Healthy() == nil))
	gauge(to, c.ready, truth(c.server.Ready() == nil))
	version, revision := build()
	gauge(to, c.build, 1, version, runtime.Version(), revision)
	gauge(to, c.started, c.since)
	limits := c.server.Limits()
	gauge(to, c.most, float64(limits.Connections))
	gauge(to, c.mostBytes, float64(limits.BufferedBytes))
	gauge(to, c.loops, float64(limits.Loops))
	if at := limits.CertificateExpires; !at.IsZero() {
		gauge(to, c.expires, float64(at.Unix()))
	}
	c.namespaces(to)
	for _, h := range c.histograms {
		h.collect(to)
	}
	if c.cluster != nil {
		c.peers(to)
	}
}

// namespaces sends what concerns single namespaces.
func (c *collector) namespaces(to chan<- prometheus.Metric) {
	all := c.server.NamespaceStats()
	connections := 0
	var rest smartsocket.NamespaceStats
	send := func(path string, ns smartsocket.NamespaceStats) {
		gauge(to, c.namespaceConnections, float64(ns.Connections), path)
		gauge(to, c.namespaceAway, float64(ns.Away), path)
		gauge(to, c.rooms, float64(ns.Rooms), path)
	}
	for i, path := range slices.Sorted(maps.Keys(all)) {
		ns := all[path]
		connections += ns.Connections
		if i >= maxLabels {
			rest.Connections += ns.Connections
			rest.Rooms += ns.Rooms
			rest.Away += ns.Away
			continue
		}
		send(path, ns)
	}
	if len(all) > maxLabels {
		send("other", rest)
	}
	gauge(to, c.present, float64(connections))
}

// peers sends what concerns the broker and the other nodes.
func (c *collector) peers(to chan<- prometheus.Metric) {
	st := c.cluster.Stats()
	c.nodes.collect(to, reflect.ValueOf(st))
	gauge(to, c.broker, truth(st.State == cluster.Connected))
	gauge(to, c.node, 1, st.Node)
	all := c.cluster.Peers()
	for i := range all {
		if i == maxLabels {
			break
		}
		p := &all[i]
		gauge(to, c.peerPresent, truth(p.Present), p.Node)
		gauge(to, c.peerHeard, p.Heard.Seconds(), p.Node)
		count(to, c.peerReceived, p.Received, p.Node)
		count(to, c.peerMissed, p.Missed, p.Node)
		count(to, c.peerLate, p.Late, p.Node)
	}
}

// bounds are those of the buckets of all histograms: 8 µs to 33 s, and 8 to 33 million receivers.
var bounds = func() (list []time.Duration) {
	for d := 8 * time.Microsecond; d <= 34*time.Second; d *= 2 {
		list = append(list, d)
	}
	return list
}()

// collect sends the histogram.
func (h *histogram) collect(to chan<- prometheus.Metric) {
	below, n, sum := h.of.Distribution(bounds)
	buckets := make(map[float64]uint64, len(bounds))
	for i, b := range bounds {
		buckets[float64(b)/float64(h.unit)] = uint64(below[i])
	}
	to <- prometheus.MustNewConstHistogram(
		h.desc, uint64(n), float64(sum)/float64(h.unit), buckets)
}

func gauge(to chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, text(labels)...)
}

func count(to chan<- prometheus.Metric, d *prometheus.Desc, n int64, labels ...string) {
	to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), text(labels)...)
}

// text makes labels what Prometheus takes.
func text(labels []string) []string {
	for i := range labels {
		labels[i] = strings.ToValidUTF8(labels[i], "�")
	}
	return labels
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// build is the version of the program's module, and the revision that it was built from.
func build() (version, revision string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return info.Main.Version, revision
}
