package load

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// settledRSS asks the server to collect garbage (SIGUSR1) and returns its resident memory in bytes
// once that no longer falls.
func settledRSS(pid int) (int64, error) {
	if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
		return 0, fmt.Errorf("SIGUSR1 to the server: %w", err)
	}
	last, err := rss(pid)
	for same := 0; same < 5 && err == nil; {
		time.Sleep(30 * time.Millisecond)
		var now int64
		now, err = rss(pid)
		if now < last {
			same = 0
		} else {
			same++
		}
		last = now
	}
	return last, err
}

// rss returns VmRSS of process pid in bytes.
func rss(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	return parseRSS(string(b))
}

func parseRSS(status string) (int64, error) {
	for line := range strings.Lines(status) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kb, err := strconv.ParseInt(f[1], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no VmRSS: the process has ended")
}
