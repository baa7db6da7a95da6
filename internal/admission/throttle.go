package admission

import (
	"net/netip"
	"time"
)

// The throttle of failed authentications: some at once, then one per refill.
const (
	failuresAllowed = 10
	failureRefill   = 10 * time.Second
	maxThrottled    = 100_000
	// maxLevel bounds how long an address stays away, because failures in parallel
	// may be those of many clients behind one address.
	maxLevel = 2 * failuresAllowed
)

// throttle counts failed authentications per address. The gate's lock guards it.
type throttle struct {
	failures map[netip.Addr]failure // by group
}

// failure is a leaky bucket: level drops by one per refill.
type failure struct {
	level float64
	at    time.Duration
}

func (f failure) now(t time.Duration) float64 {
	return max(f.level-float64(t-f.at)/float64(failureRefill), 0)
}

// wait is how long an address that has failed too often must stay away, 0 for any
// other. a is a group.
func (t *throttle) wait(a netip.Addr, now time.Duration) time.Duration {
	f, ok := t.failures[a]
	if !ok {
		return 0
	}
	level := f.now(now)
	if level <= failuresAllowed-1 {
		return 0
	}
	return time.Duration((level - (failuresAllowed - 1)) * float64(failureRefill))
}

// failed counts one failure of a group.
func (t *throttle) failed(a netip.Addr, now time.Duration) {
	if t.failures == nil {
		t.failures = make(map[netip.Addr]failure)
	}
	if len(t.failures) >= maxThrottled {
		for k, f := range t.failures {
			if f.now(now) == 0 {
				delete(t.failures, k)
			}
		}
		if len(t.failures) >= maxThrottled {
			return
		}
	}
	t.failures[a] = failure{min(t.failures[a].now(now)+1, maxLevel), now}
}
