package budget

import (
	"bytes"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
)

// The share of the memory that a budget has by default: half of a limit that somebody has set, or
// a quarter of the machine's memory. The rest is for the program itself and for the collector.
const (
	ofLimit   = 2
	ofMachine = 4
	fallback  = 1 << 30 // memory of a machine that does not say
	least     = 64 << 20
)

// Default returns the budget for this process: a share of the smallest of GOMEMLIMIT, the limit of
// the control group, and the machine's memory. It is at least 64 MiB. The first call decides.
var Default = sync.OnceValue(func() int64 {
	limit := debug.SetMemoryLimit(-1) // asks and changes nothing
	return share(limit, cgroupLimit(os.ReadFile), machine(os.ReadFile))
})

func share(goLimit, cgroup, physical int64) int64 {
	n := physical / ofMachine
	if limit := min(goLimit, cgroup); limit < physical {
		n = limit / ofLimit
	}
	return max(n, least)
}

// cgroupLimit returns the limit of the process's control group, of version 2 or 1, or MaxInt64.
func cgroupLimit(read func(string) ([]byte, error)) int64 {
	for _, name := range []string{
		"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes",
	} {
		text, err := read(name)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64); err == nil && n > 0 {
			return n
		}
	}
	return math.MaxInt64
}

// machine returns the memory of the machine, as far as it is known.
func machine(read func(string) ([]byte, error)) int64 {
	text, err := read("/proc/meminfo")
	if err != nil {
		return fallback
	}
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) < 2 || string(fields[0]) != "MemTotal:" {
			continue
		}
		if kib, err := strconv.ParseInt(string(fields[1]), 10, 64); err == nil && kib > 0 {
			return kib << 10
		}
	}
	return fallback
}
