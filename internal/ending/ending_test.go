package ending

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestReportNamesWhatIsLeft(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	hold := make(chan struct{})
	defer close(hold)
	var r Report
	failed := errors.New("no route")
	r.Stop(t.Context(), "the first", func() error { return nil })
	r.Stop(over, "the quick one", func() error { return nil })
	r.Stop(over, "the stuck one", func() error { <-hold; return nil })
	r.Stop(t.Context(), "the broken one", func() error { return failed })
	r.Left(0, "connections")
	r.Left(3, "handlers")
	err := r.Err()
	if !errors.Is(err, failed) {
		t.Errorf("%v does not wrap the error of a part", err)
	}
	want := "not ended in time: the stuck one, 3 handlers"
	if !strings.Contains(err.Error(), want) {
		t.Errorf("%q does not say %q", err, want)
	}
	if err := new(Report).Err(); err != nil {
		t.Errorf("nothing is left, and the error is %v", err)
	}
}

func TestRunOnALoopKeepsTheDeadlineAlone(t *testing.T) {
	parent, cancel := context.WithTimeout(t.Context(), time.Hour)
	cancel()
	failed := errors.New("no route")
	for _, ctx := range []context.Context{parent, context.Background()} {
		got := make(chan context.Context, 1)
		hold := make(chan struct{})
		err := Run(ctx, true, time.Minute, slog.New(slog.DiscardHandler),
			func(ctx context.Context) error { got <- ctx; <-hold; return failed })
		inner := <-got
		end, ok := inner.Deadline()
		if want, has := ctx.Deadline(); err != ErrOnLoop || inner.Err() != nil || !ok ||
			has && !end.Equal(want) {
			t.Errorf("%v; deadline %v %v, %v", err, end, ok, inner.Err())
		}
		close(hold)
	}
	if err := Run(parent, false, 0, nil, func(ctx context.Context) error {
		return errors.Join(failed, ctx.Err())
	}); !errors.Is(err, failed) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestTimeThatIsLeft(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for _, x := range []struct{ most, least, want time.Duration }{
		{time.Second, 0, time.Second}, {2 * time.Hour, time.Minute, time.Hour / 2},
	} {
		half, end := Half(ctx, x.most)
		got, _ := half.Deadline()
		if rest := time.Until(got); rest <= x.least || rest > x.want {
			t.Errorf("%v of an hour, at most %v", rest, x.most)
		}
		end()
	}
	if n := Millis(ctx); n == 0 || n > 3_600_000 || Millis(t.Context()) != 0 {
		t.Errorf("an hour has %d ms, no deadline %d", n, Millis(t.Context()))
	}
}

func TestUntil(t *testing.T) {
	looks := 0
	if err := Until(t.Context(), func() bool { looks++; return looks == 3 }); err != nil {
		t.Error(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Until(over, func() bool { return false }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestEarlyLeavesTime(t *testing.T) {
	for _, d := range []time.Duration{time.Second, time.Hour} {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		early, end := Early(ctx)
		last, _ := ctx.Deadline()
		got, _ := early.Deadline()
		if rest := last.Sub(got); rest <= 0 || rest > time.Second/2 {
			t.Errorf("of %v, %v are left", d, rest)
		}
		end()
		cancel()
	}
}
