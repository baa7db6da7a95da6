package browser

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/internal/browsertest"
)

var (
	rounds = flag.Int("rounds", 15, "how often each trial is measured")
	batch  = flag.Int("batch", 20, "milliseconds of one measurement")
	only   = flag.String("only", "",
		"measure trials that match this expression, such as 'plain decode 100 B'")
	outDir = flag.String("o", "", "write tables and figures to this directory")
)

// report is what the page reports.
type report struct {
	Agent    string
	Isolated bool
	Wrong    []string // results that are not as they must be
	Trials   []trial
	Handled  int
}

type trial struct {
	Case, Mode, Who, Kind string
	NS                    []float64 // nanoseconds per message, one figure for each round
}

func (t trial) name() string { return t.Who + " " + t.Mode + " " + t.Kind + " " + t.Case }

func visit(t testing.TB, browser browsertest.Browser, files string, query url.Values) report {
	t.Helper()
	site := newSite(t, browser, files)
	var got report
	if err := json.Unmarshal(site.Visit(t, "/?"+query.Encode()), &got); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range got.Wrong {
		t.Error(wrong)
	}
	return got
}

// TestBrowserBenchmark runs every trial once. All decoders must return the same, and all encoders
// must be understood. No time is judged.
func TestBrowserBenchmark(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for the browser")
	}
	browsertest.Path(t, browsertest.Chromium)
	got := visit(t, browsertest.Chromium, build(t), url.Values{"rounds": {"2"}, "batch": {"0"}})
	if len(got.Trials) != 5*2*6+2*2 {
		t.Errorf("%d trials", len(got.Trials))
	}
	decoded := 0
	for _, trial := range got.Trials {
		if len(trial.NS) != 2 {
			t.Errorf("%s has %d figures, want 2", trial.name(), len(trial.NS))
		}
		if trial.Kind == "decode" {
			decoded += len(trial.NS)
		}
	}
	if got.Handled != decoded {
		t.Errorf("%d events were handed out, want %d", got.Handled, decoded)
	}
	for _, row := range table(got) {
		if strings.Contains(row, "NaN") {
			t.Errorf("the table has the row %s", row)
		}
	}
}

// BenchmarkBrowsers measures, and prints a table for each browser.
func BenchmarkBrowsers(b *testing.B) {
	files := build(b)
	for _, browser := range browsertest.All {
		b.Run(string(browser), func(b *testing.B) {
			got := visit(b, browser, files, url.Values{"rounds": {strconv.Itoa(*rounds)},
				"batch": {strconv.Itoa(*batch)}, "only": {*only}})
			text := fmt.Sprintf("%s\n\n%s\n", got.Agent, strings.Join(table(got), "\n"))
			fmt.Println("\n" + text)
			if *outDir == "" {
				return
			}
			if err := os.MkdirAll(*outDir, 0o755); err != nil {
				b.Fatal(err)
			}
			figures, err := json.MarshalIndent(got, "", " ")
			if err != nil {
				b.Fatal(err)
			}
			for name, content := range map[string][]byte{".md": []byte(text), ".json": figures} {
				if err := os.WriteFile(filepath.Join(*outDir, string(browser)+name), content,
					0o644); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// columns lists what is measured in which mode, in the order of the table.
var columns = []struct{ who, mode, title string }{
	{"json", "plain", "plain JSON"}, {"socket.io", "plain", "socket.io-parser"},
	{"wasm", "plain", "wasm"}, {"js", "plain", "js"},
	{"wasm", "sealed", "wasm sealed"}, {"js", "sealed", "js sealed"},
	{"wasm", "deflated", "wasm deflated"}, {"js", "deflated", "js deflated"},
}

// table has a row for each case and direction. It shows medians in microseconds, and the median of
// the rounds' ratios to plain JSON.
func table(r report) []string {
	head, line := "| |", "|---|"
	for _, c := range columns {
		head, line = head+" "+c.title+" |", line+"---:|"
	}
	rows := []string{head, line}
	find := func(kind, name, who, mode string) []float64 {
		for _, t := range r.Trials {
			if t.Kind == kind && t.Case == name && t.Who == who && t.Mode == mode {
				return t.NS
			}
		}
		return nil
	}
	for _, kind := range []string{"decode", "encode"} {
		var seen []string
		for _, t := range r.Trials {
			if t.Kind != kind || slices.Contains(seen, t.Case) {
				continue
			}
			seen = append(seen, t.Case)
			row := "| " + kind + ", " + t.Case + " |"
			base := find(kind, t.Case, "json", "plain")
			for _, c := range columns {
				row += " " + cell(find(kind, t.Case, c.who, c.mode), base) + " |"
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func cell(ns, base []float64) string {
	if len(ns) == 0 {
		return ""
	}
	text := fmt.Sprintf("%.2f µs", median(ns)/1000)
	if len(base) != len(ns) || &base[0] == &ns[0] {
		return text
	}
	ratios := make([]float64, len(ns))
	for i := range ns {
		ratios[i] = ns[i] / max(base[i], 1) // a clock may be too coarse for one message
	}
	return text + fmt.Sprintf(", %.2f ×", median(ratios))
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}
