package outgoing

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

func TestRules(t *testing.T) {
	var r Rules
	if o, ok := r.Of("move"); ok || o != (Options{}) {
		t.Errorf("without rules: %+v, %t", o, ok)
	}
	r.Set("move", Options{Volatile: true})
	r.Set("score", Options{Within: time.Second})
	r.Set("move", Options{State: true, Key: "k"})
	r.Set("chat", Options{})
	for event, want := range map[string]Options{
		"move": {State: true, Key: "k"}, "score": {Within: time.Second}, "chat": {},
	} {
		if o, ok := r.Of(event); !ok || o != want {
			t.Errorf("%s: %+v, %t", event, o, ok)
		}
	}
	if _, ok := r.Of("other"); ok {
		t.Error("an event has a rule that was not set")
	}
}

func TestRulesConcurrently(t *testing.T) {
	var r Rules
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 50 {
				r.Set(fmt.Sprint(i, j), Options{Volatile: true})
				r.Of("0 0")
			}
		})
	}
	all.Wait()
	for i := range 4 {
		for j := range 50 {
			if _, ok := r.Of(fmt.Sprint(i, j)); !ok {
				t.Fatalf("the rule of %d %d is lost", i, j)
			}
		}
	}
}
