package smartsocket

import (
	"math/rand/v2"
	"testing"
	"time"
)

// No window of time, wherever it begins, holds more than the limit.
func TestSlidingWindow(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		l := Limit{Window: time.Duration(1+r.IntN(1000)) * time.Millisecond, MaxRequests: 1 + r.IntN(200)}
		var w window
		var allowed []time.Duration
		now := time.Duration(r.Int64N(int64(time.Hour)))
		for range 5000 {
			now += time.Duration(r.ExpFloat64() * float64(l.Window) / float64(2*l.MaxRequests))
			if ok, retry := w.allow(l, now); ok {
				allowed = append(allowed, now)
			} else if retry <= 0 || retry > 2*l.Window {
				t.Fatalf("seed %d: retry after %v with a window of %v", seed, retry, l.Window)
			}
		}
		if len(allowed) < 1500 {
			t.Fatalf("seed %d, limit %+v: of twice the limit only %d of 5000 passed", seed, l, len(allowed))
		}
		for i, from := range allowed {
			if j := i + l.MaxRequests; j < len(allowed) && allowed[j]-from < l.Window {
				t.Fatalf("seed %d, limit %+v: one event too many within %v", seed, l, allowed[j]-from)
			}
		}
	}
}

func TestSteadyClientIsNeverLimited(t *testing.T) {
	l := Limit{Window: time.Second, MaxRequests: 10}
	var w window
	for i := range 1000 {
		if ok, retry := w.allow(l, time.Duration(i)*108*time.Millisecond); !ok {
			t.Fatalf("event %d at 9.26 a second was refused, retry after %v", i, retry)
		}
	}
}

// After the time that a refusal names, the next event passes.
func TestRetryAfterIsTrue(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		l := Limit{Window: time.Duration(10+r.IntN(1000)) * time.Millisecond, MaxRequests: 1 + r.IntN(50)}
		var w window
		now := time.Duration(r.Int64N(int64(time.Minute)))
		for range 200 {
			ok, retry := w.allow(l, now)
			if ok {
				now += time.Duration(r.Int64N(int64(l.Window) / int64(l.MaxRequests)))
				continue
			}
			now += retry
			if ok, again := w.allow(l, now); !ok {
				t.Fatalf("seed %d, limit %+v: refused again after the %v asked for, %v more", seed, l, retry, again)
			}
		}
	}
}
