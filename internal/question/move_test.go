package question

import (
	"slices"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/testclock"
)

// Questions that move can be claimed on both sides, are counted on there, and none is asked here.
func TestMove(t *testing.T) {
	var here, there Table[string]
	var c *testclock.Clock
	never := func(string) { t.Error("it has expired") }
	for _, q := range []string{"a", "b", "c"} {
		here.Ask(c, q, time.Hour, never)
	}
	here.Claim(2)
	last, open := here.Move()
	if last != 3 || !slices.Equal(open, []uint64{1, 3}) {
		t.Errorf("%d, %d", last, open)
	}
	if _, ok := here.Ask(c, "d", time.Hour, never); ok {
		t.Error("another one is asked here")
	}
	there.Adopt(last, open, func(id uint64) string { return string(rune('A' + id - 1)) })
	if ever, open := there.Asked(2); !ever || open {
		t.Errorf("the settled one: %v, %v", ever, open)
	}
	if q, ok := there.Claim(3); !ok || q != "C" {
		t.Errorf("%q, %v", q, ok)
	}
	if q, ok := here.Claim(3); !ok || q != "c" {
		t.Errorf("%q, %v", q, ok)
	}
	if id, ok := there.Ask(c, "D", time.Hour, never); !ok || id != 4 {
		t.Errorf("the next one is %d", id)
	}
	if left := there.Close(); len(left) != 2 {
		t.Errorf("%q are left", left)
	}
	here.Close()
}
