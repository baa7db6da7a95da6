package ratelimit

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The windows of an owner are a Window per event and one for all, in a map.
func TestWindowsAgainstMap(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		limits := make(map[string]Limit)
		for _, name := range names[:r.IntN(len(names)+1)] {
			limits[name] = Limit{time.Duration(1+r.IntN(1000)) * time.Millisecond, 1 + r.IntN(20)}
		}
		all := Limit{time.Duration(1+r.IntN(1000)) * time.Millisecond, 1 + r.IntN(40)}
		var w Windows
		model := map[string]*Window{"": new(Window)}
		var now time.Duration
		for i := range 2000 {
			now += time.Duration(r.Int64N(int64(all.Window) / int64(all.MaxRequests) * 2))
			name := names[r.IntN(len(names))]
			want := Verdict{}
			if l, ok := limits[name]; ok {
				if model[name] == nil {
					model[name] = new(Window)
				}
				if ok, retry := model[name].Allow(l, now); !ok {
					want = Verdict{OverEvent, retry, model[name].Tell(l, now)}
				}
			}
			if want.Over == Within {
				if ok, retry := model[""].Allow(all, now); !ok {
					want = Verdict{OverAll, retry, model[""].Tell(all, now)}
				}
			}
			if got := w.Allow([]byte(name), limits[name], all, now); got != want {
				t.Fatalf("seed %d, event %d: got %+v, want %+v", seed, i, got, want)
			}
		}
		if len(w.events) != len(limits) {
			t.Fatalf("seed %d: %d windows for %d limits", seed, len(w.events), len(limits))
		}
	}
}

// Many goroutines together get no more than one would.
func TestWindowsAreShared(t *testing.T) {
	one, all := Limit{time.Hour, 10}, Limit{time.Hour, 25}
	var w Windows
	var passed, told [2]atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				for i, event := range []string{"rare", "other"} {
					limit := one
					if i > 0 {
						limit = Limit{}
					}
					v := w.Allow([]byte(event), limit, all, time.Minute)
					if v.Over == Within {
						passed[i].Add(1)
					}
					if v.Tell {
						told[v.Over-OverEvent].Add(1)
					}
				}
			}
		})
	}
	wg.Wait()
	if rare, sum := passed[0].Load(), passed[0].Load()+passed[1].Load(); rare > 10 || sum != 25 {
		t.Errorf("%d rare events passed, %d in all", rare, sum)
	}
	if told[0].Load() > 1 || told[1].Load() != 1 {
		t.Errorf("told %d times of the event, %d times of all", told[0].Load(), told[1].Load())
	}
}

func TestRulesAgainstMap(t *testing.T) {
	var rules Rules
	model := make(map[string]Limit)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		name := fmt.Sprint(r.IntN(20))
		if r.IntN(2) == 0 {
			l := Limit{time.Duration(r.IntN(3)), r.IntN(3)}
			rules.Set(name, l)
			if delete(model, name); !l.Off() {
				model[name] = l
			}
		}
		if got := rules.Of([]byte(name)); got != model[name] {
			t.Fatalf("step %d: %+v, want %+v", i, got, model[name])
		}
	}
}

func TestJudgingDoesNotAllocate(t *testing.T) {
	var rules Rules
	var w Windows
	rules.Set("rare", Limit{time.Second, 3})
	all, now := Limit{time.Second, 5}, time.Duration(0)
	rare, other := []byte("rare"), []byte("other")
	w.Allow(rare, rules.Of(rare), all, now)
	if n := testing.AllocsPerRun(1000, func() {
		now += time.Millisecond
		w.Allow(rare, rules.Of(rare), all, now)
		w.Allow(other, rules.Of(other), all, now)
	}); n != 0 {
		t.Errorf("%v allocations for two events", n)
	}
}
