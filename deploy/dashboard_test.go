package deploy

import (
	"crypto/tls"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/cluster"
	"github.com/smartsocket/smartsocket/internal/selfsigned"
	"github.com/smartsocket/smartsocket/ops"
)

// labelNames are those of each metric that a server exposes, with _bucket, _sum and _count of
// histograms. It has a certificate, and a cluster whose NATS is not there.
var labelNames = sync.OnceValues(func() (map[string][]string, error) {
	joined, err := cluster.New(cluster.Options{URL: "nats://127.0.0.1:1"})
	if err != nil {
		return nil, err
	}
	defer joined.Close()
	certificate, err := selfsigned.New(1)
	if err != nil {
		return nil, err
	}
	srv, err := smartsocket.New(smartsocket.Options{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}})
	if err != nil {
		return nil, err
	}
	if err := srv.StartDetached(); err != nil {
		return nil, err
	}
	defer srv.Close()
	registry := prometheus.NewRegistry()
	registry.MustRegister(ops.Collector(srv, joined), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	families, err := registry.Gather()
	if err != nil {
		return nil, err
	}
	found := make(map[string][]string)
	for _, f := range families {
		var names []string
		for _, l := range f.Metric[0].Label {
			names = append(names, l.GetName())
		}
		found[f.GetName()] = names
		if f.Metric[0].Histogram != nil {
			delete(found, f.GetName())
			for _, part := range []string{"_sum", "_count"} {
				found[f.GetName()+part] = names
			}
			found[f.GetName()+"_bucket"] = append(slices.Clone(names), "le")
		}
	}
	return found, nil
})

// exposed are the names of the metrics.
func exposed(t *testing.T) map[string]bool {
	t.Helper()
	found, err := labelNames()
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for name := range found {
		names[name] = true
	}
	return names
}

// Every query of the dashboard is PromQL, and its metrics and labels are those of a server.
func TestDashboard(t *testing.T) {
	const file = "helm/smartsocket/dashboards/smartsocket.json"
	var board struct {
		Title  string
		Panels []struct {
			ID      int
			Title   string
			Type    string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, file)), &board); err != nil {
		t.Fatal(err)
	}
	if len(board.Panels) < 30 {
		t.Errorf("only %d panels", len(board.Panels))
	}
	ids, places := make(map[int]bool), make(map[[2]int]string)
	queries := 0
	for _, p := range board.Panels {
		if ids[p.ID] {
			t.Errorf("%s: its id is another's", p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := places[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s lies on %s, or outside", p.Title, other)
				}
				places[[2]int{x, y}] = p.Title
			}
		}
		for _, target := range p.Targets {
			queries++
			checkQuery(t, p.Title, target.Expr)
		}
	}
	if queries < 40 {
		t.Errorf("only %d queries", queries)
	}
	if m := regexp.MustCompile(`label_values\((\w+), instance\)`).FindStringSubmatch(
		board.Templating.List[1].Definition); m == nil || !exposed(t)[m[1]] {
		t.Errorf("the nodes are listed by %q", board.Templating.List[1].Definition)
	}
}

// checkQuery reports a query that is no PromQL, or asks for what is not there.
func checkQuery(t *testing.T, where, query string) {
	t.Helper()
	query = strings.ReplaceAll(query, "$__rate_interval", "1m")
	expression, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		t.Errorf("%s: %s: %v", where, query, err)
		return
	}
	found, err := labelNames()
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"instance", "job"} // of Prometheus
	parser.Inspect(expression, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok && v.Name != "up" { // which is Prometheus' own
			names, there := found[v.Name]
			if !there {
				t.Errorf("%s: no server has a metric %s", where, v.Name)
			}
			known = append(known, names...)
			for _, m := range v.LabelMatchers {
				if m.Name != "__name__" && !slices.Contains(known, m.Name) {
					t.Errorf("%s: %s has no label %s", where, v.Name, m.Name)
				}
			}
		}
		return nil
	})
	parser.Inspect(expression, func(n parser.Node, _ []parser.Node) error {
		if a, ok := n.(*parser.AggregateExpr); ok {
			for _, name := range a.Grouping {
				if !slices.Contains(known, name) {
					t.Errorf("%s: %s groups by %s, which nothing has", where, query, name)
				}
			}
		}
		return nil
	})
	rated := regexp.MustCompile(`(?:rate|increase)\((\w+)`)
	for _, m := range rated.FindAllStringSubmatch(query, -1) {
		if !regexp.MustCompile(`_(total|bucket|sum|count)$`).MatchString(m[1]) {
			t.Errorf("%s: rate of %s, which is no counter", where, m[1])
		}
	}
}
