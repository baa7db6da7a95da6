//go:build !js

package client

import "time"

// vigil notices that the server has fallen silent. It asks first and judges later, because the
// silence may be ours: while the process or the machine stood still nothing could be heard. It
// belongs to the goroutine that reads.
//
//	heard ──3/4 of limit──► ask ──1/4 of limit──► the connection ends
//	  ▲                      │ ▲          │
//	  └─── anything came ────┘ └──────────┘ we stood still meanwhile
type vigil struct {
	limit time.Duration // how long the server may be silent; 0 = any time
	ask   func()        // asks the server for a sign of life, without waiting

	due   time.Time // of the next look
	asked bool      // and nothing was heard since
}

// standstill is how late a look must be to show that we did not run.
const standstill = time.Second

// heard notes that something came at time now. It reports whether due has moved, which it does
// when an eighth of the limit has passed.
func (v *vigil) heard(now time.Time) (moved bool) {
	quiet := v.limit - v.limit/4
	if v.limit == 0 || !v.asked && v.due.Sub(now) > quiet-v.limit/8 {
		return false
	}
	v.asked, v.due = false, now.Add(quiet)
	return true
}

// look is for the time when nothing came until due. It reports whether the connection is to be
// ended. Otherwise it has asked the server, and due has moved.
func (v *vigil) look(now time.Time) (dead bool) {
	if v.limit == 0 || v.asked && now.Sub(v.due) < standstill {
		return true
	}
	v.asked, v.due = true, now.Add(v.limit/4)
	v.ask()
	return false
}
