package cluster

import "time"

// clock relates our clock to that of one life of another node. Each counts from the start of its
// program, so what they show has nothing to do with each other, or with the time of day. What is
// known is this:
//
//   - Nothing arrives before it was sent. Ours is ahead by no more than what it shows when a
//     message comes, minus what theirs showed when it left. The fastest message says most.
//   - What we sent was not there before that. When the node echoes when it heard a greeting of
//     ours, by its clock, then ours is ahead by at least the difference.
//
// The first keeps ahead from being too large. The second keeps it from staying too small when their
// clock goes slower than ours, or stood still with its machine. When the two contradict each other
// because a message shows less than an echo did, our own clock has stood still. What came meanwhile
// cannot be told from what is young, so the clock is in doubt until an echo of a later greeting.
type clock struct {
	known   bool
	ahead   time.Duration // our clock minus theirs, too much by the fastest message's time at most
	echoed  bool
	least   time.Duration // ours is ahead by this at least, as the last echo says
	doubted bool
	since   time.Duration // when the last doubt came up; older greetings prove nothing
}

// blur is how far clocks may drift apart between two echoes.
const blur = 20 * time.Millisecond

// age returns how old something is now that was sent at a time of theirs. It is that at least: the
// fastest message counts as one that took no time.
func (k *clock) age(sent, now time.Duration) time.Duration {
	d := now - sent
	if !k.known || d < k.ahead {
		k.known, k.ahead = true, d
	}
	if k.echoed && !k.doubted && d < k.least-blur {
		k.doubted, k.since = true, now
	}
	return d - k.ahead
}

// answered takes in that what we sent at a time of ours was there at a time of theirs.
func (k *clock) answered(ours, theirs time.Duration) {
	if ours < k.since {
		return
	}
	k.echoed, k.doubted, k.least = true, false, ours-theirs
	k.ahead = max(k.ahead, k.least)
}
