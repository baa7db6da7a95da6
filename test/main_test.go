package test

import (
	"bytes"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/leaktest"
)

// TestMain checks that no goroutine of ours is left behind the tests.
func TestMain(m *testing.M) { leaktest.Main(m) }

// patience bounds every wait of these tests. It is for hangs: no test asserts how long something
// took.
const patience = 20 * time.Second

// eventually waits until ok, which something else brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// testLogger writes to the test's own log, from info on: tests that count allocations use it.
func testLogger(t testing.TB) *slog.Logger {
	w := &testWriter{t: t}
	t.Cleanup(w.end)
	return slog.New(smartsocket.NewLogHandler(w, slog.LevelInfo))
}

// testWriter writes to a test's log while the test runs. A server that is ended from inside goes on
// after its test, and a test must not be written to when it is over.
type testWriter struct {
	mu sync.Mutex
	t  testing.TB // nil when the test is over
}

func (w *testWriter) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.t = nil
}

func (w *testWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.t != nil {
		w.t.Logf("%s", strings.TrimSuffix(string(p), "\n"))
	}
	return len(p), nil
}

// logBuffer keeps a whole log.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// logger writes to l at every level.
func (l *logBuffer) logger() *slog.Logger {
	return slog.New(smartsocket.NewLogHandler(l, smartsocket.LevelTrace))
}

// warnings writes to l from warn on.
func (l *logBuffer) warnings() *slog.Logger {
	return slog.New(smartsocket.NewLogHandler(l, slog.LevelWarn))
}

// heapNow is the live heap after a collection.
func heapNow() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// allocated is how many bytes f makes the process allocate.
func allocated(f func()) int64 {
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	f()
	runtime.ReadMemStats(&b)
	return int64(b.TotalAlloc - a.TotalAlloc)
}
