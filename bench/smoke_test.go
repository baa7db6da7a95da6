//go:build linux

package main

import (
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/smartsocket/smartsocket/bench/load"
	"github.com/smartsocket/smartsocket/bench/runner"
)

// TestMain makes the test binary the load generator if the runner starts it as that.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == runner.Generate {
		os.Exit(runner.Main(suite))
	}
	os.Exit(m.Run())
}

// Every scenario of the suite runs end to end, in a small size. All messages are answered and the
// figures exist. No time is judged.
func TestEveryScenarioRuns(t *testing.T) {
	for _, tool := range []string{cmp.Or(os.Getenv("CC"), "cc"), "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is missing: the floor and the servers cannot be built", tool)
		}
	}
	small := suite
	small.Scenarios = slices.Clone(suite.Scenarios)
	for i := range small.Scenarios {
		l := &small.Scenarios[i].Load
		l.Conns, l.Messages, l.Warm = 50, 500, 0
	}
	dir := t.TempDir()
	args := os.Args
	defer func() { os.Args = args }()
	os.Args = []string{"bench", "-rounds", "1", "-pgo", "off", "-o", dir}
	if code := runner.Main(small); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	b, err := os.ReadFile(filepath.Join(dir, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report runner.Report
	if err := json.Unmarshal(b, &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Scenarios) != len(suite.Scenarios) {
		t.Fatalf("%d scenarios in the report, want %d", len(report.Scenarios), len(suite.Scenarios))
	}
	for _, s := range report.Scenarios {
		for _, e := range s.Entries {
			for _, r := range e.Rounds {
				check(t, s, e.Name, r)
			}
		}
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "*.cpu.pprof")); len(found) == 0 {
		t.Error("no CPU profile was left")
	}
}

func check(t *testing.T, s runner.ScenarioRow, server string, r load.Result) {
	t.Helper()
	if r.RSSBefore <= 0 || r.RSSAfter <= 0 {
		t.Errorf("%s, %s: no memory was read: %+v", s.Name, server, r)
	}
	if !s.Load.Idle && (r.Messages < s.Load.Messages || r.OwnCPU <= 0) {
		t.Errorf("%s, %s: %+v, want at least %d messages", s.Name, server, r, s.Load.Messages)
	}
}
