package ratelimit

import (
	"testing"
	"time"
)

func TestRulesEach(t *testing.T) {
	var r Rules
	r.Each(func(event string) { t.Errorf("%s has a limit", event) })
	for _, event := range []string{"a", "b", "c"} {
		r.Set(event, Limit{time.Second, 1})
	}
	r.Set("b", Limit{})
	got := make(map[string]int)
	r.Each(func(event string) { got[event]++ })
	if len(got) != 2 || got["a"] != 1 || got["c"] != 1 {
		t.Errorf("limited: %v", got)
	}
}
