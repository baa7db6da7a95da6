package smartsocket_test

import (
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
)

// TestMain checks that nothing of the package keeps running behind the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if left := ownGoroutines(); left != "" {
			os.Stderr.WriteString("goroutines were left behind:\n" + left)
			code = 1
		}
	}
	os.Exit(code)
}

// ownGoroutines returns the stacks that run code of this module, after giving them time to end.
func ownGoroutines() string {
	var left string
	for range 200 {
		buf := make([]byte, 1<<20)
		buf = buf[:runtime.Stack(buf, true)]
		left = ""
		for _, g := range strings.Split(string(buf), "\n\n") {
			if strings.Contains(g, "smartsocket/smartsocket") && !strings.Contains(g, "TestMain") {
				left += g + "\n\n"
			}
		}
		if left == "" {
			return ""
		}
		time.Sleep(10 * time.Millisecond)
	}
	return left
}

// testLogger writes to the test's own log.
func testLogger(t testing.TB) *slog.Logger {
	return slog.New(smartsocket.NewLogHandler(testWriter{t}, slog.LevelDebug))
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}
