package test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/leaktest"
)

// TestMain checks that nothing of the package keeps running behind the tests.
func TestMain(m *testing.M) { leaktest.Main(m) }

// testLogger writes to the test's own log.
func testLogger(t testing.TB) *slog.Logger {
	return slog.New(smartsocket.NewLogHandler(testWriter{t}, slog.LevelDebug))
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}
