package logline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// gate is a writer that blocks until it is opened.
type gate struct {
	open chan struct{}
	mu   sync.Mutex
	b    bytes.Buffer
	note chan string // each line, when somebody listens
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	g.b.Write(p)
	if g.note != nil && strings.Contains(string(p), dropped) {
		g.note <- string(p)
	}
	return len(p), nil
}

// A writer that blocks holds nobody up, loses what does not fit, and tells how much that was.
func TestABlockedWriterCostsLines(t *testing.T) {
	g := &gate{open: make(chan struct{}), note: make(chan string, 1)}
	log := slog.New(New(g, slog.LevelInfo))
	const lines = maxQueued + 100
	for i := range lines { // would hang
		log.Info("line", "n", i)
	}
	close(g.open)
	note := <-g.note
	log.Info("after")
	g.mu.Lock()
	defer g.mu.Unlock()
	got := strings.Split(strings.TrimSuffix(g.b.String(), "\n"), "\n")
	written, lost := len(got)-2, 0
	if _, err := fmt.Sscanf(note[strings.Index(note, "lines="):], "lines=%d", &lost); err != nil {
		t.Fatal(err)
	}
	if written+lost != lines || lost < 50 {
		t.Errorf("%d lines written and %d lost, of %d", written, lost, lines)
	}
	for i, line := range got[:written] {
		if !strings.HasSuffix(line, fmt.Sprintf("[smartsocket] [info] line n=%d", i)) {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	if !strings.Contains(got[written], "[warn] "+dropped) ||
		!strings.HasSuffix(got[written+1], "after") {
		t.Errorf("the end is %q", got[written:])
	}
}

// While nothing blocks, a line is written when the call returns.
func TestLinesAreWrittenAtOnce(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	close(g.open)
	log := slog.New(New(g, slog.LevelInfo))
	for i := range 100 {
		log.Info("line")
		g.mu.Lock()
		if n := strings.Count(g.b.String(), "\n"); n != i+1 {
			t.Errorf("%d lines after %d calls", n, i+1)
		}
		g.mu.Unlock()
	}
}

func TestQueueIsBoundedInBytes(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	q := NewQueue(g, droppedLine)
	q.stalled = true
	line := make([]byte, 64<<10)
	for range 100 {
		q.Write(line)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes > maxQueuedBytes || q.dropped < 80 {
		t.Errorf("%d bytes are queued, %d lines dropped", q.bytes, q.dropped)
	}
	close(g.open)
}

func TestJSONDurationsAreMilliseconds(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	close(g.open)
	slog.New(NewJSON(g, slog.LevelInfo)).Info("x", "held", 1500*time.Microsecond,
		slog.Group("g", "d", time.Second))
	g.mu.Lock()
	defer g.mu.Unlock()
	var got struct {
		Msg  string
		Held float64
		G    struct{ D float64 }
	}
	if err := json.Unmarshal(g.b.Bytes(), &got); err != nil || got.Held != 1.5 || got.G.D != 1000 {
		t.Errorf("%s (%v)", g.b.String(), err)
	}
}

func TestATimeIsInFront(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	close(g.open)
	h := New(g, slog.LevelInfo)
	at := time.Date(2026, 11, 27, 11, 26, 58, 123456789, time.UTC)
	h.Handle(t.Context(), slog.NewRecord(at, slog.LevelInfo, "x", 0))
	h.Handle(t.Context(), slog.NewRecord(time.Time{}, slog.LevelInfo, "y", 0))
	g.mu.Lock()
	defer g.mu.Unlock()
	want := "2026-11-27T11:26:58.123Z [smartsocket] [info] x\n[smartsocket] [info] y\n"
	if g.b.String() != want {
		t.Errorf("got\n%swant\n%s", g.b.String(), want)
	}
}
