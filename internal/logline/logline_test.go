package logline

import (
	"bytes"
	"errors"
	"log/slog"
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
