package cluster

import "time"

// clock relates our clock to that of one life of another node. Each counts from the start of its
// program, so what they show has nothing to do with each other, or with the time of day. What is
// known is this:
//
//   - Nothing arrives before it was sent. Ours is ahead by no more than what a message that came
//     shows when it comes, minus what theirs showed when it left. The fastest message says most.
//   - What we sent was not there before that. When the node tells us when by its clock it heard
//     which greeting of ours, then ours is ahead by at least the difference.
//
// The first keeps ahead from being too large, and the second from staying too small, as it would
// when their clock goes slower than ours, or stood still with its machine.
type clock struct {
	known bool
	ahead time.Duration // our clock minus theirs, too much by the fastest message's time at most
}

// age returns how old something is now that was sent at a time of theirs. It is that at least: the
// fastest message counts as one that took no time.
func (k *clock) age(sent, now time.Duration) time.Duration {
	if d := now - sent; !k.known || d < k.ahead {
		k.known, k.ahead = true, d
	}
	return now - sent - k.ahead
}

// answered takes in that what we sent at a time of ours was there at a time of theirs.
func (k *clock) answered(ours, theirs time.Duration) {
	k.ahead = max(k.ahead, ours-theirs)
}
