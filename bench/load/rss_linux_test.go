package load

import (
	"os"
	"testing"
)

func TestParseRSS(t *testing.T) {
	got, err := parseRSS("Name:\tx\nVmHWM:\t  900 kB\nVmRSS:\t     123 kB\nRssAnon:\t 1 kB\n")
	if err != nil || got != 123<<10 {
		t.Errorf("got %d, %v", got, err)
	}
	if _, err := parseRSS("Name:\tx\nState:\tZ (zombie)\n"); err == nil {
		t.Error("a process without memory gave no error")
	}
}

func TestCPUTimeGrows(t *testing.T) {
	before, err := cpuTime(os.Getpid())
	if err != nil || before <= 0 {
		t.Fatalf("got %v, %v", before, err)
	}
	for range 1 << 20 {
		if after, err := cpuTime(os.Getpid()); err != nil || after > before {
			return
		}
	}
	t.Error("a million system calls cost no CPU")
}
