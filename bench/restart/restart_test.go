//go:build linux

package main

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"testing"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *role != "" { // a node, or players
		main()
		return
	}
	code := m.Run()
	endNodes()
	os.Exit(code)
}

// Nobody is refused and no answer is lost when nodes are restarted one after the other behind a
// real HAProxy, and when one hands its socket on.
func TestNobodyNoticesARestart(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes 20 s")
	}
	*clients, *single = 40, 40
	for name, run := range map[string]func(context.Context) ([]row, error){
		"rolling": rolling, "hand-over": handOver,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath("haproxy"); name == "rolling" && err != nil {
				t.Skip("HAProxy is not installed (scripts/haproxy.sh)")
			}
			ctx, cancel := context.WithTimeout(t.Context(), mostTime/2)
			defer cancel()
			rows, err := run(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				t.Logf("%s: %s", r.what, r.measured)
				if r.hard && !r.kept {
					t.Errorf("%s: %s, promised is %s", r.what, r.measured, r.promised)
				}
			}
		})
	}
}
