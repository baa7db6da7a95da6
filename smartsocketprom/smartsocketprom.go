// Package smartsocketprom collects the statistics of a server for a Prometheus registry. It is a
// module of its own, so that who does without Prometheus does not get its modules either.
//
//	prometheus.MustRegister(smartsocketprom.New(server))
package smartsocketprom

import (
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/smartsocket/smartsocket"
)

// gauges are the statistics that are values of this moment; all others are counters.
var gauges = []string{
	"open", "peak", "pending", "bufferedBytes", "workers", "workersBusy", "socketsWaiting", "holds",
}

// collector is the Collector of a server.
type collector struct {
	server    *smartsocket.Server
	fields    []field // of ConnectionStats
	refusals  *prometheus.Desc
	namespace map[string]*prometheus.Desc
	latency   *prometheus.Desc
}

// field is a number in ConnectionStats.
type field struct {
	index int
	kind  prometheus.ValueType
	desc  *prometheus.Desc
}

// New returns a Collector of server's ConnectionStats, NamespaceStats and heartbeat latency. Each
// number has its name there in snake_case after smartsocket_, and counters end in _total. Refusals
// have the label cause, and what concerns a namespace has the label namespace. It is safe for
// concurrent use, and reads the statistics at each collection.
func New(server *smartsocket.Server) prometheus.Collector {
	c := &collector{
		server:   server,
		refusals: describe("refusals_total", "refused connections by cause", "cause"),
		latency:  describe("latency_seconds", "round trips of heartbeats, all since the start"),
		namespace: map[string]*prometheus.Desc{
			"connections": describe("namespace_connections", "connected sockets", "namespace"),
			"rooms":       describe("namespace_rooms", "rooms with members", "namespace"),
		},
	}
	t := reflect.TypeFor[smartsocket.ConnectionStats]()
	for i := range t.NumField() {
		name := t.Field(i).Tag.Get("json")
		if t.Field(i).Type.Kind() != reflect.Int64 {
			continue
		}
		f := field{index: i, kind: prometheus.CounterValue}
		text := snake(name)
		if slices.Contains(gauges, name) {
			f.kind = prometheus.GaugeValue
		} else {
			text += "_total"
		}
		f.desc = describe(text, "ConnectionStats."+t.Field(i).Name)
		c.fields = append(c.fields, f)
	}
	return c
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("smartsocket_"+name, help, labels, nil)
}

// snake turns camelCase into snake_case.
func snake(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	to <- c.refusals
	to <- c.latency
	for _, d := range c.namespace {
		to <- d
	}
	for _, f := range c.fields {
		to <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	st := c.server.ConnectionStats()
	v := reflect.ValueOf(st)
	for _, f := range c.fields {
		to <- prometheus.MustNewConstMetric(f.desc, f.kind, float64(v.Field(f.index).Int()))
	}
	for cause, n := range st.Refusals {
		to <- prometheus.MustNewConstMetric(c.refusals, prometheus.CounterValue, float64(n), cause)
	}
	for path, ns := range c.server.NamespaceStats() {
		for name, n := range map[string]int{"connections": ns.Connections, "rooms": ns.Rooms} {
			to <- prometheus.MustNewConstMetric(
				c.namespace[name], prometheus.GaugeValue, float64(n), path)
		}
	}
	l := c.server.Stats().Latency
	to <- prometheus.MustNewConstSummary(c.latency, uint64(l.Samples),
		l.Mean.Seconds()*float64(l.Samples),
		map[float64]float64{0.5: l.P50.Seconds(), 0.99: l.P99.Seconds()})
}
