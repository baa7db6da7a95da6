// Package logline writes log records as lines for people, in the form
//
//	2026-11-27T11:26:58.123Z [smartsocket] [info] listening on 127.0.0.1:3000 codec=sonic
//
// A value is quoted when it contains anything that could break or forge a line. The lines go
// through a Queue, because a log that cannot be written must not hold up the caller.
//
// Handler.mu guards the line that is being formatted, Queue.mu the lines that wait. They are not
// held together, and neither is held while something is written. Read logline.go, then queue.go.
package logline

import (
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// lowest is the level below which nothing is ever written.
const lowest = slog.Level(-8)

// layout is RFC 3339 with milliseconds.
const layout = "2006-01-02T15:04:05.000Z07:00"

// New returns a Handler that writes records at level and above to w, through a Queue. On a terminal
// the level has a colour, see Colours.
func New(w io.Writer, level slog.Leveler) *Handler {
	h := &Handler{w: NewQueue(w, droppedLine), level: level, colours: Colours(w, os.Getenv)}
	h.text = textHandler(&h.line)
	return h
}

// Colours reports whether lines for w are to have colours: never if NO_COLOR is set, otherwise if
// CLICOLOR_FORCE is set and not 0, or if w is a terminal that can show them.
func Colours(w io.Writer, getenv func(string) string) bool {
	if getenv("NO_COLOR") != "" {
		return false
	}
	if force := getenv("CLICOLOR_FORCE"); force != "" && force != "0" {
		return true
	}
	if getenv("TERM") == "dumb" || getenv("CLICOLOR") == "0" {
		return false
	}
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	fi, err := f.Stat()
	return err == nil && fi.Mode()&os.ModeCharDevice != 0
}

// colour begins the colour of a level, for a terminal; ends ends it.
func colour(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "\x1b[31m" // red
	case level >= slog.LevelWarn:
		return "\x1b[33m" // yellow
	case level >= slog.LevelInfo:
		return "\x1b[32m" // green
	}
	return "\x1b[2m" // faint
}

const ends = "\x1b[0m"

// Handler is a slog.Handler. It lets slog's own text handler format the attributes and puts the
// product's prefix before them. Safe for concurrent use.
type Handler struct {
	w       *Queue
	level   slog.Leveler
	colours bool
	mu      sync.Mutex // guards text and line; not held while a line is written
	text    slog.Handler
	line    buffer
	group   func(slog.Handler) slog.Handler
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
	line, err := h.format(ctx, r)
	if err != nil {
		return err
	}
	_, err = h.w.Write(line)
	return err
}

// format returns r as a line.
func (h *Handler) format(ctx context.Context, r slog.Record) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.line.b = appendHead(h.line.b[:0], r.Time, r.Level, h.colours)
	h.line.b = append(h.line.b, oneLine(r.Message)...)
	if r.NumAttrs() > 0 || h.group != nil {
		h.line.b = append(h.line.b, ' ')
	}
	attrs := slog.NewRecord(time.Time{}, r.Level, "", 0)
	r.Attrs(func(a slog.Attr) bool { attrs.AddAttrs(a); return true })
	if err := h.text.Handle(ctx, attrs); err != nil {
		return nil, err
	}
	return append([]byte(nil), h.line.b...), nil
}

// appendHead appends what is in front of a message. A zero time is left out, as slog demands.
func appendHead(b []byte, at time.Time, level slog.Level, colours bool) []byte {
	if !at.IsZero() {
		b = append(at.AppendFormat(b, layout), ' ')
	}
	b = append(b, "[smartsocket] "...)
	if colours {
		b = append(b, colour(level)...)
	}
	b = append(b, '[')
	b = append(b, levelName(level)...)
	b = append(b, ']')
	if colours {
		b = append(b, ends...)
	}
	return append(b, ' ')
}

// droppedLine is the note of a Queue.
func droppedLine(n int64) []byte {
	b := append(appendHead(nil, time.Now(), slog.LevelWarn, false), dropped...)
	return append(strconv.AppendInt(append(b, " lines="...), n, 10), '\n')
}

const dropped = "log lines were dropped, because the log could not be written"

// NewJSON returns a handler that writes records as slog's JSON handler does: time, level, msg, then
// the values, whose durations are in milliseconds. What the text handler writes by its String
// method, such as an address, is that text here too. The levels are ERROR, WARN, INFO, DEBUG and
// TRACE. It writes through a Queue.
func NewJSON(w io.Writer, level slog.Leveler) slog.Handler {
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: forMachines}
	note := func(n int64) []byte {
		var line buffer
		slog.New(slog.NewJSONHandler(&line, nil)).Warn(dropped, "lines", n)
		return line.b
	}
	return slog.NewJSONHandler(NewQueue(w, note), o)
}

func forMachines(groups []string, a slog.Attr) slog.Attr {
	switch level, isLevel := a.Value.Any().(slog.Level); {
	case a.Value.Kind() == slog.KindDuration:
		a.Value = slog.Float64Value(float64(a.Value.Duration()) / float64(time.Millisecond))
	case isLevel && len(groups) == 0 && a.Key == slog.LevelKey:
		a.Value = slog.StringValue(strings.ToUpper(levelName(level)))
	case a.Value.Kind() == slog.KindAny:
		if text, ok := textOf(a.Value.Any()); ok {
			a.Value = slog.StringValue(text)
		}
	}
	return a
}

// textOf is what v says of itself, if it does not know how it is written as JSON.
func textOf(v any) (string, bool) {
	switch v.(type) {
	case json.Marshaler, encoding.TextMarshaler, error, slog.Level:
		return "", false
	}
	s, ok := v.(fmt.Stringer)
	if p := reflect.ValueOf(v); !ok || p.Kind() == reflect.Pointer && p.IsNil() {
		return "", false
	}
	return s.String(), true
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
	d := &Handler{w: h.w, level: h.level, colours: h.colours}
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

// DebugEnabled reports whether the environment variable DEBUG has "*" or a name that begins with
// "smartsocket" among its comma-separated names.
func DebugEnabled() bool {
	for _, name := range strings.Split(os.Getenv("DEBUG"), ",") {
		if name = strings.TrimSpace(name); name == "*" || strings.HasPrefix(name, "smartsocket") {
			return true
		}
	}
	return false
}

// Default makes the logger of a server that was given none: to stderr, at level info, or at debug
// if that is enabled.
func Default() *slog.Logger {
	level := slog.LevelInfo
	if DebugEnabled() {
		level = slog.LevelDebug
	}
	return slog.New(New(os.Stderr, level))
}
