// Package logline writes log records as lines for people, in the form
//
//	[smartsocket] [info] listening on 127.0.0.1:3000 codec=sonic
//
// A value is quoted when it contains anything that could break or forge a line.
package logline

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// lowest is the level below which nothing is ever written.
const lowest = slog.Level(-8)

// New returns a Handler that writes records at level and above to w. It holds a lock for the
// length of a write, so that records of several goroutines do not mix.
func New(w io.Writer, level slog.Leveler) *Handler {
	h := &Handler{mu: new(sync.Mutex), w: w, level: level}
	h.text = textHandler(&h.line)
	return h
}

// Handler is a slog.Handler. It lets slog's own text handler format the attributes and puts the
// product's prefix before them. Safe for concurrent use.
type Handler struct {
	mu    *sync.Mutex
	w     io.Writer
	level slog.Leveler
	text  slog.Handler
	line  buffer
	group func(slog.Handler) slog.Handler
}

type buffer struct{ b []byte }

func (l *buffer) Write(p []byte) (int, error) {
	l.b = append(l.b, p...)
	return len(p), nil
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
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

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.derive(func(t slog.Handler) slog.Handler { return t.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	return h.derive(func(t slog.Handler) slog.Handler { return t.WithGroup(name) })
}

// derive builds a handler with its own line buffer, since the text handler
// underneath writes into that of the handler it was made for.
func (h *Handler) derive(f func(slog.Handler) slog.Handler) slog.Handler {
	d := &Handler{mu: h.mu, w: h.w, level: h.level}
	apply := f
	if h.group != nil {
		before := h.group
		apply = func(t slog.Handler) slog.Handler { return f(before(t)) }
	}
	d.group = apply
	d.text = apply(textHandler(&d.line))
	return d
}

func textHandler(b *buffer) slog.Handler {
	return slog.NewTextHandler(b, &slog.HandlerOptions{Level: lowest, ReplaceAttr: dropBuiltins})
}

func dropBuiltins(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey ||
		a.Key == slog.MessageKey) {
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
