package ending

import (
	"context"
	"errors"
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

func TestDetachedKeepsTheDeadlineAlone(t *testing.T) {
	parent, cancel := context.WithTimeout(t.Context(), time.Hour)
	ctx, end := Detached(parent, time.Minute)
	defer end()
	cancel()
	want, _ := parent.Deadline()
	if got, _ := ctx.Deadline(); ctx.Err() != nil || !got.Equal(want) {
		t.Errorf("deadline %v, want %v; %v", got, want, ctx.Err())
	}
	ctx, end = Detached(context.Background(), time.Minute)
	defer end()
	if _, ok := ctx.Deadline(); !ok {
		t.Error("no deadline")
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
