package logline

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// withoutTimes checks that each line begins with a time, and leaves it out.
func withoutTimes(t *testing.T, text string) (rest string) {
	t.Helper()
	for line := range strings.Lines(text) {
		at, after, _ := strings.Cut(line, " ")
		if _, err := time.Parse(layout, at); err != nil {
			t.Errorf("%q has no time in front: %v", line, err)
		}
		rest += after
	}
	return rest
}

func TestLines(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(New(&b, slog.LevelDebug))
	log.Info("plain")
	log.Warn("with values", "n", 7, "text", "two words", "err", errors.New("x"))
	log.Error("two\nlines\r", "forged", "a\n[smartsocket] [info] b")
	log.Log(t.Context(), slog.LevelDebug-1, "too low")
	sub := log.With("id", "a").WithGroup("g").With("x", 1)
	sub.Debug("grouped", "y", 2)
	log.Debug("and the first one again", "time", "kept")
	want := `[smartsocket] [info] plain
[smartsocket] [warn] with values n=7 text="two words" err=x
[smartsocket] [error] two lines  forged="a\n[smartsocket] [info] b"
[smartsocket] [debug] grouped id=a g.x=1 g.y=2
[smartsocket] [debug] and the first one again
`
	if got := strings.ReplaceAll(withoutTimes(t, b.String()), " \n", "\n"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestRecordsDoNotMix(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(New(&b, slog.LevelInfo))
	var all sync.WaitGroup
	for range 8 {
		one := log.With("who", "somebody")
		all.Go(func() {
			for range 100 {
				one.Info("line", "n", 1)
			}
		})
	}
	all.Wait()
	for line := range strings.Lines(withoutTimes(t, b.String())) {
		if line != "[smartsocket] [info] line who=somebody n=1\n" {
			t.Fatalf("%q", line)
		}
	}
}

func TestDebugEnabled(t *testing.T) {
	for debug, want := range map[string]bool{
		"": false, "*": true, "smartsocket:*": true, "http, smartsocket:reactor": true,
		"express:*": false, "not-smartsocket": false, " * ": true,
	} {
		t.Setenv("DEBUG", debug)
		if got := DebugEnabled(); got != want {
			t.Errorf("DEBUG=%q enables debug: %t, want %t", debug, got, want)
		}
		if got := Default().Enabled(t.Context(), slog.LevelDebug); got != want {
			t.Errorf("DEBUG=%q: the default logger writes debug: %t, want %t", debug, got, want)
		}
	}
}

// Colours are for terminals, unless the environment says otherwise.
func TestColours(t *testing.T) {
	terminal, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as terminals are
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, c := range []struct {
		w    io.Writer
		env  string
		want bool
	}{
		{terminal, "", true},
		{file, "", false},
		{new(bytes.Buffer), "", false},
		{terminal, "NO_COLOR=1", false},
		{terminal, "TERM=dumb", false},
		{terminal, "CLICOLOR=0", false},
		{terminal, "CLICOLOR_FORCE=0", true},
		{file, "CLICOLOR_FORCE=1", true},
		{new(bytes.Buffer), "CLICOLOR_FORCE=1", true},
	} {
		name, value, _ := strings.Cut(c.env, "=")
		if got := Colours(c.w, func(n string) string {
			if n == name {
				return value
			}
			return ""
		}); got != c.want {
			t.Errorf("%T with %q: %t", c.w, c.env, got)
		}
	}
	var b bytes.Buffer
	t.Setenv("NO_COLOR", "")
	t.Setenv("CLICOLOR_FORCE", "1")
	log := slog.New(New(&b, slog.LevelInfo))
	log.Warn("careful")
	log.With("a", 1).Error("no")
	if got := withoutTimes(t, b.String()); got != "[smartsocket] \x1b[33m[warn]\x1b[0m careful\n"+
		"[smartsocket] \x1b[31m[error]\x1b[0m no a=1\n" {
		t.Errorf("%q", got)
	}
}

// For machines, keys and levels are always the same, and durations are milliseconds.
func TestJSONForMachines(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(NewJSON(&b, lowest))
	for _, l := range []slog.Level{lowest, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn,
		slog.LevelError} {
		log.Log(t.Context(), l, "m", "held", 1500*time.Microsecond, "error", errors.New("x"),
			"peer", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7}, "none", (*net.TCPAddr)(nil),
			"kind", kind(2))
	}
	levels := []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR"}
	for line := range strings.Lines(b.String()) {
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		if got["level"] != levels[0] || got["msg"] != "m" || got["held"] != 1.5 ||
			got["error"] != "x" || got["time"] == nil || got["peer"] != "127.0.0.1:7" ||
			got["none"] != nil || got["kind"] != "second" || len(got) != 8 {
			t.Errorf("%s", line)
		}
		levels = levels[1:]
	}
	if len(levels) > 0 {
		t.Errorf("no lines of %v", levels)
	}
}

// kind is a value that has a name.
type kind int

func (k kind) String() string { return [...]string{"none", "first", "second"}[k] }
