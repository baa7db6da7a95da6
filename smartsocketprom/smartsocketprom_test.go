package smartsocketprom

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// values gathers what New collects: the value of each metric, with its labels behind the name.
func values(t *testing.T, v *smartsocket.Server) map[string]float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(New(v)); err != nil {
		t.Fatal(err)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			all[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() +
				float64(m.GetSummary().GetSampleCount())
		}
	}
	return all
}

func TestCollect(t *testing.T) {
	s := smartsockettest.New(t, smartsocket.Options{APIKeys: []string{"12345678"}}, nil)
	s.NewClient(t).ConnectFails("ERR_CONN_004")
	if _, err := s.Hold("match", time.Hour); err != nil {
		t.Fatal(err)
	}
	got := values(t, s.Server)
	for name, want := range map[string]float64{
		"smartsocket_rejected_total":             1,
		"smartsocket_refusals_total credentials": 1,
		"smartsocket_holds":                      1,
		"smartsocket_namespace_connections /":    0,
		"smartsocket_namespace_rooms /":          0,
		"smartsocket_latency_seconds":            0,
		"smartsocket_handler_panics_total":       0,
	} {
		if n, ok := got[name]; !ok || n != want {
			t.Errorf("%s is %v (there: %v), want %v", name, n, ok, want)
		}
	}
}

// What is a gauge has its name in ConnectionStats.
func TestGaugesExist(t *testing.T) {
	v, err := smartsocket.New(smartsocket.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := values(t, v)
	for _, name := range gauges {
		if _, ok := got["smartsocket_"+snake(name)]; !ok {
			t.Errorf("%s is no statistic", name)
		}
	}
}
