package cluster

import (
	"testing"
	"time"
)

// A problem that goes on has one line in each quiet period, with the number of what happened since
// the line before.
func TestBurstOfLogLines(t *testing.T) {
	var b burst
	for _, step := range []struct {
		now     time.Duration
		n, want int64
	}{
		{0, 1, 1}, {1, 1, 0}, {quiet - 1, 3, 0}, {quiet, 1, 5}, {quiet + 1, 2, 0},
		{2*quiet - 1, 1, 0}, {2 * quiet, 1, 4}, {5 * quiet, 1, 1},
	} {
		if got := b.note(step.now, step.n); got != step.want {
			t.Errorf("%d at %v: %d in the log, want %d", step.n, step.now, got, step.want)
		}
	}
}
