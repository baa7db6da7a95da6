package ops

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/cluster"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/selfsigned"
)

// Each field of the statistics has one metric, and no metric has two. Fields that are no number are
// shown otherwise, which is said here.
func TestEveryFieldOnce(t *testing.T) {
	for _, c := range []struct {
		of        reflect.Type
		series    []series
		elsewhere []string
	}{
		{reflect.TypeFor[smartsocket.ConnectionStats](), connectionSeries, []string{"Refusals"}},
		{reflect.TypeFor[cluster.Stats](), clusterSeries, []string{"State", "Node"}},
	} {
		fields, names := make(map[string]int), make(map[string]int)
		for _, s := range c.series {
			fields[s.field]++
			names[s.name+fmt.Sprint(s.labels)]++
			if s.help == "" || len(s.labels)%2 != 0 {
				t.Errorf("%+v is not complete", s)
			}
		}
		for _, name := range c.elsewhere {
			fields[name]++
		}
		for i := range c.of.NumField() {
			name := c.of.Field(i).Name
			if fields[name] != 1 {
				t.Errorf("%v.%s has %d metrics, want one", c.of, name, fields[name])
			}
			delete(fields, name)
		}
		for name := range fields {
			t.Errorf("%v has no field %s", c.of, name)
		}
		for name, n := range names {
			if n != 1 {
				t.Errorf("%s stands for %d fields", name, n)
			}
		}
	}
}

// What a collection sends is what the fields have, each under its own name.
func TestNumbers(t *testing.T) {
	var st smartsocket.ConnectionStats
	v := reflect.ValueOf(&st).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Int64 {
			f.SetInt(int64(1000 + i))
		}
	}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(fixed{newNumbers[smartsocket.ConnectionStats](connectionSeries), v})
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []float64
	for _, f := range families {
		for _, m := range f.GetMetric() {
			counts := strings.HasSuffix(f.GetName(), "_total")
			if (m.GetCounter() != nil) != counts {
				t.Errorf("%s is a counter: %t", f.GetName(), m.GetCounter() != nil)
			}
			got = append(got, m.GetCounter().GetValue()+m.GetGauge().GetValue())
		}
	}
	slices.Sort(got)
	var want []float64
	for i := range v.NumField() {
		if v.Field(i).Kind() == reflect.Int64 {
			want = append(want, float64(1000+i))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// fixed collects the numbers of one value.
type fixed struct {
	n *numbers
	v reflect.Value
}

func (f fixed) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(f, to) }
func (f fixed) Collect(to chan<- prometheus.Metric) { f.n.collect(to, f.v) }

// start starts a server, and ends it with the test. Handlers are registered by set, which may be
// nil.
func start(t testing.TB, o smartsocket.Options, set func(*smartsocket.Server)) *smartsocket.Server {
	t.Helper()
	o.Port = -1
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	v, err := smartsocket.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if set != nil {
		set(v)
	}
	if err := v.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// dial connects a client, and closes it with the test.
func dial(t testing.TB, v *smartsocket.Server, o client.Options) *client.Client {
	t.Helper()
	c, err := client.New("ws://"+v.Addr().String(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Disconnect)
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask asks h as this machine does, and returns status and body.
func ask(t testing.TB, h http.Handler, method, target, text string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, "http://localhost:9090"+target, strings.NewReader(text))
	r.RemoteAddr = "127.0.0.1:5555"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(b)
}

// metric returns the value of a line of /metrics.
func metric(t testing.TB, h http.Handler, name string) (value float64, there bool) {
	t.Helper()
	_, text := ask(t, h, "GET", "/metrics", "")
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if _, err := fmt.Sscan(rest, &value); err != nil {
				t.Fatal(err)
			}
			return value, true
		}
	}
	return 0, false
}

// The metrics say what happens.
func TestMetrics(t *testing.T) {
	v := start(t, smartsocket.Options{EnableMessageCache: true,
		EnableRateLimiting: smartsocket.Disabled}, func(v *smartsocket.Server) {
		v.On("inline", func(_ *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
			ack.Reply(d)
		}, smartsocket.Inline)
		v.On("queued", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
			_, _ = v.Namespace("/").Emit("all", d)
			ack.Reply(d)
		})
	})
	h := Handler(v, Options{})
	c := dial(t, v, client.Options{})
	const n = 2000
	for _, event := range []string{"inline", "queued"} {
		for range n {
			if _, err := c.EmitWithAck(t.Context(), event, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, want := range map[string][2]float64{ // at least and at most
		`smartsocket_connections`:                                      {1, 1},
		`smartsocket_sessions{state="present"}`:                        {1, 1},
		`smartsocket_sessions{state="away"}`:                           {0, 0},
		`smartsocket_namespace_connections{namespace="/"}`:             {1, 1},
		`smartsocket_messages_received_total`:                          {2 * n, 2*n + 10},
		`smartsocket_messages_sent_total`:                              {3 * n, 3*n + 10},
		`smartsocket_ready`:                                            {1, 1},
		`smartsocket_healthy`:                                          {1, 1},
		`smartsocket_events_refused_total{reason="no_handler"}`:        {0, 0},
		`smartsocket_refusals_total{reason="other"}`:                   {0, 0},
		`smartsocket_handler_duration_seconds_count{mode="inline"}`:    {n / 4, 4 * n},
		`smartsocket_handler_duration_seconds_count{mode="queued"}`:    {n / 4, 4 * n},
		`smartsocket_event_wait_seconds_count`:                         {n / 4, 4 * n},
		`smartsocket_event_wait_seconds_bucket{le="+Inf"}`:             {n / 4, 4 * n},
		`smartsocket_broadcast_receivers_bucket{le="8"}`:               {0, 10 * n},
		`smartsocket_pool_misses_total`:                                {0, 1e9},
		`smartsocket_drops_total{class="volatile",reason="behind"}`:    {0, 0},
		`smartsocket_connections_closed_total{reason="slow_consumer"}`: {0, 0},
		`smartsocket_resumes_total{outcome="resumed"}`:                 {0, 0},
	} {
		if got, ok := metric(t, h, name); !ok || got < want[0] || got > want[1] {
			t.Errorf("%s is %v (there: %t), want %v", name, got, ok, want)
		}
	}
	if _, ok := metric(t, h, "go_goroutines"); !ok {
		t.Error("there is nothing of the Go runtime")
	}
}

// With TLS of its own a server tells when its certificate expires.
func TestCertificateExpires(t *testing.T) {
	const name = "smartsocket_certificate_expires_timestamp_seconds"
	if _, there := metric(t, Handler(start(t, smartsocket.Options{}, nil), Options{}),
		name); there {
		t.Error("a server without TLS has a certificate")
	}
	dir := t.TempDir()
	o := smartsocket.Options{TLSCertFile: filepath.Join(dir, "c"),
		TLSKeyFile: filepath.Join(dir, "k")}
	if err := selfsigned.Write(o.TLSCertFile, o.TLSKeyFile, 1); err != nil {
		t.Fatal(err)
	}
	got, _ := metric(t, Handler(start(t, o, nil), Options{}), name)
	if left := time.Until(time.Unix(int64(got), 0)); left < 50*time.Minute || left > time.Hour {
		t.Errorf("it expires in %v", left)
	}
}

// Labels are bounded, however many namespaces there are.
func TestLabelsAreBounded(t *testing.T) {
	v := start(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		for i := range 3 * maxLabels {
			v.Namespace(fmt.Sprintf("/n%03d", i))
		}
	})
	_, text := ask(t, Handler(v, Options{}), "GET", "/metrics", "")
	if n := strings.Count(text, "smartsocket_namespace_rooms{"); n != maxLabels+1 {
		t.Errorf("%d namespaces, want %d and the rest", n, maxLabels)
	}
	if !strings.Contains(text, `smartsocket_namespace_rooms{namespace="other"} 0`) {
		t.Error("the rest is missing")
	}
}

// A scrape costs the same whether there are few sockets or many.
func TestScrapeDoesNotCountSockets(t *testing.T) {
	cost := func(sockets int) float64 {
		v := start(t, smartsocket.Options{MaxConnections: 2 * sockets}, nil)
		for range sockets {
			v.Namespace("/").Captive(func(frame.Opcode, []byte) {})
		}
		r := prometheus.NewRegistry()
		r.MustRegister(Collector(v, nil))
		return testing.AllocsPerRun(20, func() {
			if _, err := r.Gather(); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := cost(10), cost(1000)
	if many > few+20 {
		t.Errorf("%v allocations with 1000 sockets, %v with 10", many, few)
	}
}

func BenchmarkScrape15000(b *testing.B) {
	v := start(b, smartsocket.Options{MaxConnections: 20_000}, nil)
	for range 15_000 {
		v.Namespace("/").Captive(func(frame.Opcode, []byte) {})
	}
	h := Handler(v, Options{})
	b.ReportAllocs()
	for b.Loop() {
		if code, _ := ask(b, h, "GET", "/metrics", ""); code != 200 {
			b.Fatal(code)
		}
	}
}
