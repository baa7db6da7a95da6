//go:build linux

package runner

import (
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/bench/load"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}} {
		var first float64
		if len(c.v) > 0 {
			first = c.v[0]
		}
		if got := median(c.v); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.v, got, c.want)
		}
		if len(c.v) > 0 && c.v[0] != first {
			t.Error("median sorted its argument")
		}
	}
}

func cpu(d ...time.Duration) (list []load.Result) {
	for _, d := range d {
		list = append(list, load.Result{Messages: 1000, Elapsed: time.Second, ServerCPU: 1000 * d,
			OwnCPU: time.Second / 2})
	}
	return list
}

// A ratio is taken within a round, so that a slow round slows both sides of it.
func TestRatiosAreTakenPerRound(t *testing.T) {
	c := Scenario{Name: "s", Title: "T", Load: Echo20,
		Entries: []Entry{{Server: "floor"}, {Server: "raw", Target: 1.15}}}
	base := cpu(10*time.Microsecond, 40*time.Microsecond, 10*time.Microsecond)
	ours := cpu(11*time.Microsecond, 44*time.Microsecond, 13*time.Microsecond)
	rep := Report{}
	rep.add(c, [][]load.Result{base, ours})
	e := rep.Scenarios[0].Entries[1]
	if e.Median != 13000 || e.Ratio < 1.099 || e.Ratio > 1.101 || e.Busy != .5 || e.Rate != 1000 {
		t.Errorf("got %+v", e)
	}
	table := rep.Scenarios[0].table()
	for _, want := range []string{"**T** (s, 200 connections)", "| CPU µs per message | × floor |",
		"| floor | 10.00 | 1.00 |", "| raw | 13.00 | 1.10 | 1.10 | ≤ 1.15: met | 1000 | 50 % |"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
}

func TestIdleReportsBytes(t *testing.T) {
	c := Scenario{Load: load.Params{Conns: 1000, Idle: true},
		Entries: []Entry{{Server: "raw", Target: 500}}}
	rep := Report{}
	rep.add(c, [][]load.Result{{{RSSBefore: 1 << 20, RSSAfter: 1<<20 + 600_000}}})
	if table := rep.Scenarios[0].table(); !strings.Contains(table,
		"| raw | 600 | ≤ 500: **missed** |") {
		t.Errorf("got\n%s", table)
	}
}
