package reactor

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain checks that no goroutine of the package is left behind, and lets a
// test run itself again as a process of its own (see rerun).
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if left := leftGoroutines(); left != "" {
			os.Stderr.WriteString("goroutines were left behind:\n" + left)
			code = 1
		}
	}
	os.Exit(code)
}

func leftGoroutines() string {
	var left string
	for range 300 {
		left = ""
		for _, g := range strings.Split(stacks(), "\n\n") {
			if (strings.Contains(g, "smartsocket/reactor.") || strings.Contains(g, "netpoll.")) && !strings.Contains(g, "TestMain") {
				left += g + "\n\n"
			}
		}
		if left == "" {
			break
		}
		time.Sleep(10 * time.Millisecond) // ending goroutines give no signal
	}
	return left
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}
