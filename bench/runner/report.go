//go:build linux

package runner

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket/bench/load"
)

// Report is the content of results.json.
type Report struct {
	Date      string        `json:"date"`
	Machine   string        `json:"machine"`
	Commit    string        `json:"commit"`
	Go        string        `json:"go"`
	PGO       bool          `json:"pgo"`
	Command   string        `json:"command"`
	Rounds    int           `json:"rounds"`
	Scenarios []ScenarioRow `json:"scenarios"`
}

// ScenarioRow holds the results of one scenario.
type ScenarioRow struct {
	Name    string      `json:"name"`
	Title   string      `json:"title"`
	Load    load.Params `json:"load"`
	Entries []EntryRow  `json:"entries"`
}

// EntryRow holds the results of one server: nanoseconds of server CPU per message or, if idle,
// bytes of resident memory per connection.
type EntryRow struct {
	Name   string        `json:"name"`
	Median float64       `json:"median"`
	Ratio  float64       `json:"ratio"` // median of the ratios to the first entry, one per round
	Lowest float64       `json:"lowestRatio"`
	Target float64       `json:"target,omitempty"`
	Busy   float64       `json:"generatorBusy"` // fraction of its CPU that the generator used
	Rate   float64       `json:"perSecond"`
	Rounds []load.Result `json:"rounds"`
}

func newReport(r *run) *Report {
	rep := &Report{
		Date: time.Now().UTC().Format(time.DateOnly), Machine: machine(), Commit: commit(),
		Go: runtime.Version(), PGO: r.pgo != "", Rounds: r.rounds,
		Command: strings.TrimSpace(r.suite.Command + " " + strings.Join(os.Args[1:], " ")),
	}
	fmt.Print(rep.head())
	return rep
}

func (rep *Report) head() string {
	pgo := "without PGO"
	if rep.PGO {
		pgo = "with PGO"
	}
	return fmt.Sprintf("%s, commit %s, %s %s, %s\n`%s`: each server pinned to one CPU, "+
		"GOMAXPROCS=1, generator on another; medians of %d rounds\n",
		rep.Date, rep.Commit, rep.Go, pgo, rep.Machine, rep.Command, rep.Rounds)
}

func (rep *Report) add(c Scenario, rows [][]load.Result) {
	s := ScenarioRow{Name: c.Name, Title: c.Title, Load: c.Load}
	for i, e := range c.Entries {
		s.Entries = append(s.Entries, entryRow(c, e, rows[i], rows[0]))
	}
	rep.Scenarios = append(rep.Scenarios, s)
}

func entryRow(c Scenario, e Entry, rounds, base []load.Result) EntryRow {
	row := EntryRow{Name: e.label(), Target: e.Target, Rounds: rounds}
	var figures, ratios, busy, rate []float64
	for i, r := range rounds {
		f := figure(c, r)
		figures = append(figures, f)
		if b := figure(c, base[i]); b > 0 {
			ratios = append(ratios, f/b)
		}
		if r.Elapsed > 0 {
			busy = append(busy, float64(r.OwnCPU)/float64(r.Elapsed))
			rate = append(rate, float64(r.Messages)/r.Elapsed.Seconds())
		}
	}
	row.Median, row.Ratio, row.Busy, row.Rate = median(figures), median(ratios), median(busy),
		median(rate)
	if len(ratios) > 0 {
		row.Lowest = slices.Min(ratios)
	}
	return row
}

// figure returns what a scenario compares.
func figure(c Scenario, r load.Result) float64 {
	if c.Load.Idle {
		return float64(r.RSSAfter-r.RSSBefore) / float64(c.Load.Conns)
	}
	return float64(r.ServerCPU) / float64(max(r.Messages, 1))
}

// median returns the middle of v, or the mean of the two middle values, or 0 if v is empty. It does
// not change v.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// table formats the scenario in Markdown.
func (s *ScenarioRow) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n**%s** (%s, %d connections)\n\n", s.Title, s.Name, s.Load.Conns)
	if s.Load.Idle {
		b.WriteString("| server | resident bytes per connection | target |\n|---|---|---|\n")
		for _, e := range s.Entries {
			fmt.Fprintf(&b, "| %s | %.0f | %s |\n", e.Name, e.Median,
				verdict(e.Median, e.Target, "%.0f"))
		}
		return b.String()
	}
	fmt.Fprintf(&b, "| server | CPU µs per message | × %s | lowest | target | messages/s | "+
		"generator busy |\n|---|---|---|---|---|---|---|\n", s.Entries[0].Name)
	for _, e := range s.Entries {
		fmt.Fprintf(&b, "| %s | %.2f | %.2f | %.2f | %s | %.0f | %.0f %% |\n", e.Name,
			e.Median/1000, e.Ratio, e.Lowest,
			verdict(e.Ratio, e.Target, "%.2f"), e.Rate, 100*e.Busy)
	}
	return b.String()
}

func verdict(got, target float64, format string) string {
	switch {
	case target == 0:
		return ""
	case got <= target:
		return fmt.Sprintf("≤ "+format+": met", target)
	}
	return fmt.Sprintf("≤ "+format+": **missed**", target)
}

// write puts table.md and results.json into dir.
func (rep *Report) write(dir string) error {
	text := rep.head()
	for i := range rep.Scenarios {
		text += rep.Scenarios[i].table()
	}
	if err := os.WriteFile(filepath.Join(dir, "table.md"), []byte(text), 0o644); err != nil {
		return err
	}
	b, err := json.MarshalIndent(rep, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "results.json"), append(b, '\n'), 0o644)
}

// machine describes the hardware and the kernel.
func machine() string {
	model := runtime.GOARCH
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			model = strings.TrimSpace(v)
			break
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	version, _, _ := strings.Cut(strings.TrimSpace(string(kernel)), "-")
	return fmt.Sprintf("%d × %s, Linux %s", runtime.NumCPU(), model, version)
}

// commit returns the short hash of the module's commit, followed by "+" if files differ from it.
func commit() string {
	dir := moduleDir()
	hash, err := exec.Command("git", "-C", dir, "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	changed, _ := exec.Command("git", "-C", dir, "status", "--porcelain",
		"--untracked-files=no").Output()
	if len(changed) > 0 {
		return strings.TrimSpace(string(hash)) + "+"
	}
	return strings.TrimSpace(string(hash))
}

// moduleDir returns where SmartSocket's source is, or "" if the go command does not say.
func moduleDir() string {
	out, _ := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	return strings.TrimSpace(string(out))
}

// findPGO resolves the flag -pgo to a file, or to "".
func findPGO(flag string) string {
	switch flag {
	case "off", "":
		return ""
	case "auto":
		path := filepath.Join(moduleDir(), "profiles", "default.pgo")
		if _, err := os.Stat(path); err != nil {
			return ""
		}
		return path
	}
	if abs, err := filepath.Abs(flag); err == nil {
		return abs
	}
	return flag
}
