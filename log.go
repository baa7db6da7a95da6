package smartsocket

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// LevelTrace is below slog.LevelDebug: the only level at which payloads may be logged.
const LevelTrace = slog.Level(-8)

// NewLogHandler returns a slog.Handler that writes one line a record in the form
//
//	[smartsocket] [info] listening on 127.0.0.1:3000 codec=sonic
//
// to w, for records at level and above. Values are quoted when they contain
// anything that could break or forge a line. Safe for concurrent use.
func NewLogHandler(w io.Writer, level slog.Leveler) slog.Handler {
	h := &logHandler{mu: new(sync.Mutex), w: w, level: level}
	h.text = slog.NewTextHandler(&h.line, &slog.HandlerOptions{Level: LevelTrace, ReplaceAttr: dropBuiltins})
	return h
}

// DebugEnabled reports whether the environment asks for debug logging of
// SmartSocket: DEBUG holds "*" or "smartsocket:*" among its comma-separated names.
func DebugEnabled() bool {
	for _, name := range strings.Split(os.Getenv("DEBUG"), ",") {
		if name = strings.TrimSpace(name); name == "*" || strings.HasPrefix(name, "smartsocket") {
			return true
		}
	}
	return false
}

func defaultLogger() *slog.Logger {
	level := slog.LevelInfo
	if DebugEnabled() {
		level = slog.LevelDebug
	}
	return slog.New(NewLogHandler(os.Stderr, level))
}

// logHandler lets slog's own text handler format the attributes and puts the
// product's prefix before them.
type logHandler struct {
	mu    *sync.Mutex
	w     io.Writer
	level slog.Leveler
	text  slog.Handler
	line  logLine
	group func(slog.Handler) slog.Handler
}

type logLine struct{ b []byte }

func (l *logLine) Write(p []byte) (int, error) {
	l.b = append(l.b, p...)
	return len(p), nil
}

func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.line.b = append(h.line.b[:0], "[smartsocket] ["...)
	h.line.b = append(h.line.b, levelName(r.Level)...)
	h.line.b = append(h.line.b, "] "...)
	h.line.b = append(h.line.b, oneLine(r.Message)...)
	if r.NumAttrs() > 0 || h.group != nil {
		h.line.b = append(h.line.b, ' ')
	}
	attrs := slog.NewRecord(time.Time{}, r.Level, "", 0)
	r.Attrs(func(a slog.Attr) bool { attrs.AddAttrs(a); return true })
	if err := h.text.Handle(ctx, attrs); err != nil {
		return err
	}
	_, err := h.w.Write(h.line.b)
	return err
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.derive(func(t slog.Handler) slog.Handler { return t.WithAttrs(attrs) })
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	return h.derive(func(t slog.Handler) slog.Handler { return t.WithGroup(name) })
}

// derive builds a handler with its own line buffer, since the text handler
// underneath writes into that of the handler it was made for.
func (h *logHandler) derive(f func(slog.Handler) slog.Handler) slog.Handler {
	d := &logHandler{mu: h.mu, w: h.w, level: h.level}
	apply := f
	if h.group != nil {
		before := h.group
		apply = func(t slog.Handler) slog.Handler { return f(before(t)) }
	}
	d.group = apply
	d.text = apply(slog.NewTextHandler(&d.line, &slog.HandlerOptions{Level: LevelTrace, ReplaceAttr: dropBuiltins}))
	return d
}

func dropBuiltins(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
		return slog.Attr{}
	}
	return a
}

func levelName(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "error"
	case l >= slog.LevelWarn:
		return "warn"
	case l >= slog.LevelInfo:
		return "info"
	case l >= slog.LevelDebug:
		return "debug"
	}
	return "trace"
}

// oneLine keeps a message from starting a second line.
func oneLine(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
