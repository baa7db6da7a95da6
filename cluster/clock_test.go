package cluster

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Two nodes with clocks that have nothing to do with each other exchange greetings and broadcasts,
// which take now a moment and now a minute. Nothing seems older than it is, nor younger by more
// than the fastest way has taken. When a clock stands still, the next greeting with an echo mends
// what is believed, up to the time that it and the greeting it answers have taken.
func TestClockModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		var k clock
		now := time.Duration(rng.Int64N(int64(1000 * time.Hour))) // true time
		ours := time.Duration(rng.Int64N(int64(1000 * time.Hour)))
		theirs := time.Duration(rng.Int64N(int64(1000 * time.Hour)))
		us := func() time.Duration { return now + ours }
		them := func() time.Duration { return now + theirs }
		// way is how long a message takes.
		way := func() time.Duration {
			d := time.Duration(1 + rng.Int64N(int64(50*time.Millisecond)))
			if rng.IntN(4) == 0 {
				d += time.Duration(rng.Int64N(int64(time.Minute)))
			}
			now += d
			return d
		}
		error := time.Duration(1<<63 - 1) // by how much ages may be too small
		for range 100 {
			now += time.Duration(rng.Int64N(int64(10 * time.Second)))
			switch rng.IntN(4) {
			case 0, 1: // a broadcast
				sent := them()
				age := way()
				error = min(error, age)
				if got := k.age(sent, us()); got > age || got < age-error {
					t.Fatalf("seed %d: %v seems %v old, with an error of %v", seed, age, got, error)
				}
			case 2: // our clock stands still, which the next message from there shows
				ours -= time.Duration(rng.Int64N(int64(time.Hour)))
				sent := them()
				k.age(sent, us()+way())
				error = us() - sent - (ours - theirs)
				k = clock{true, ours - theirs + error}
			case 3: // theirs does, or does not; there is a greeting, an echo, and a broadcast
				if rng.IntN(2) == 0 {
					theirs -= time.Duration(rng.Int64N(int64(time.Hour)))
				}
				asked := us()
				there := way()
				came := them()
				sent := them()
				back := way()
				k.age(sent, us())
				k.answered(asked, came)
				sent = them()
				age := way()
				if got := k.age(sent, us()); got > age+there || got < age-back {
					t.Fatalf("seed %d: after an echo %v seems %v old; the ways took %v and %v",
						seed, age, got, there, back)
				}
				error = age
				k = clock{true, ours - theirs + age}
			}
		}
	}
}
