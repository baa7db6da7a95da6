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
	// overLevel bounds how long an address stays away, because failures in parallel
	// may be those of many clients behind one address.
	overLevel = 10
	maxLevel  = failuresAllowed + overLevel // by default
	// looks is how many other addresses a failure of a new one looks at.
	looks = 4
)

// throttle counts failed authentications per address, for maxThrottled addresses at most. It sweeps
// as it grows: when a new address fails, it looks at the next few others and forgets those whose
// bucket has drained. When the table is full, the new address replaces the emptiest of these. So
// addresses that fail often stay, and every newcomer is counted. The gate's lock guards it.
type throttle struct {
	allowed int                  // see Gate.LimitFailures
	at      map[netip.Addr]int32 // index in list, by group
	list    []failure
	hand    int           // the next to be looked at
	newest  time.Duration // when somebody failed last
}

// failure is the leaky bucket of one group: level drops by one per refill.
type failure struct {
	group netip.Addr
	level float64
	at    time.Duration
}

func (f *failure) now(t time.Duration) float64 {
	return max(f.level-float64(t-f.at)/float64(failureRefill), 0)
}

// limit is how many failures pass at once.
func (t *throttle) limit() float64 {
	if t.allowed == 0 {
		return failuresAllowed
	}
	return float64(t.allowed)
}

// wait is how long an address that has failed too often must stay away, 0 for any
// other. a is a group.
func (t *throttle) wait(a netip.Addr, now time.Duration) time.Duration {
	i, ok := t.at[a]
	if !ok {
		return 0
	}
	level := t.list[i].now(now)
	if level <= t.limit()-1 {
		return 0
	}
	return time.Duration((level - (t.limit() - 1)) * float64(failureRefill))
}

// failed counts one failure of a group.
func (t *throttle) failed(a netip.Addr, now time.Duration) {
	if t.allowed < 0 {
		return
	}
	most := t.limit() + overLevel
	if float64(now-t.newest) >= most*float64(failureRefill) {
		*t = throttle{allowed: t.allowed} // all have drained, and their memory goes at once
	}
	t.newest = max(t.newest, now)
	if i, ok := t.at[a]; ok {
		f := &t.list[i]
		f.level, f.at = min(f.now(now)+1, most), now
		return
	}
	if t.at == nil {
		t.at = make(map[netip.Addr]int32)
	}
	i := t.room(now)
	if i == len(t.list) {
		t.list = append(t.list, failure{})
	} else {
		delete(t.at, t.list[i].group)
	}
	t.list[i] = failure{a, 1, now}
	t.at[a] = int32(i)
}

// room looks at the next few buckets, forgets the drained ones, and returns the
// index for a new one: the end of the list, or the place of the emptiest.
func (t *throttle) room(now time.Duration) int {
	emptiest, lowest := 0, t.limit()+overLevel+1
	for range min(looks, len(t.list)) {
		if t.hand >= len(t.list) {
			t.hand = 0
		}
		level := t.list[t.hand].now(now)
		if level == 0 {
			t.forget(t.hand)
			continue
		}
		if level < lowest {
			emptiest, lowest = t.hand, level
		}
		t.hand++
	}
	if len(t.list) < maxThrottled {
		return len(t.list)
	}
	return emptiest
}

// forget takes bucket i out and moves the last one to its place.
func (t *throttle) forget(i int) {
	delete(t.at, t.list[i].group)
	last := len(t.list) - 1
	if i < last {
		t.list[i] = t.list[last]
		t.at[t.list[i].group] = int32(i)
	}
	t.list = t.list[:last]
}
