package cluster

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Two nodes with clocks that have nothing to do with each other exchange greetings and broadcasts,
// which take now a moment and now a minute. Nothing seems older than it is, nor younger by more
// than the fastest way has taken. When their clock stands still, the next echo mends what is
// believed, up to the time that it and the greeting it answers have taken. When ours does, that is
// noticed, unless the message takes as long as the standstill. No clock is in doubt otherwise.
func TestClockModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	upTo := func(d time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(d))) }
	doubts := 0
	for range 200 {
		var k clock
		now, ours, theirs := upTo(1000*time.Hour), upTo(1000*time.Hour), upTo(1000*time.Hour)
		us := func() time.Duration { return now + ours }
		them := func() time.Duration { return now + theirs }
		// way lets a message arrive, and returns how long that took.
		way := func() time.Duration {
			d := 1 + upTo(50*time.Millisecond)
			if rng.IntN(4) == 0 {
				d += upTo(time.Minute)
			}
			now += d
			return d
		}
		mistake := time.Duration(1<<63 - 1) // by how much ages may be too small
		var there, back time.Duration       // of the last greeting with an echo
		echo := func() {
			for round := 0; round == 0 || k.doubted; round++ {
				asked := us()
				there = way()
				came := them()
				back = way()
				k.age(came, us()) // may be the first to show that our clock stood still
				k.answered(asked, came)
				if round > 0 && k.doubted {
					t.Fatalf("seed %d: an echo leaves doubts", seed)
				}
			}
			sent := them()
			age := way()
			if got := k.age(sent, us()); got > age+there || got < age-back {
				t.Fatalf("seed %d: after an echo %v seems %v old; the ways took %v and %v",
					seed, age, got, there, back)
			}
			mistake = age
			k.ahead = ours - theirs + age // the worst that is allowed
		}
		for range 100 {
			now += upTo(10 * time.Second)
			switch rng.IntN(5) {
			case 0, 1, 2: // a broadcast
				sent := them()
				age := way()
				mistake = min(mistake, age)
				if got := k.age(sent, us()); got > age || got < age-mistake || k.doubted {
					t.Fatalf("seed %d: %v seems %v old, with a mistake of %v; doubts: %v",
						seed, age, got, mistake, k.doubted)
				}
			case 3: // our clock stands still
				asked, came := us(), them()
				still := upTo(time.Hour)
				now, ours = now+still, ours-still
				sent := them()
				age := way()
				k.age(sent, us())
				if !k.doubted && k.echoed && still > age+there+blur {
					t.Fatalf("seed %d: it is not noticed that our clock stood still for %v", seed,
						still)
				}
				if k.doubted {
					doubts++
					if k.answered(asked, came); !k.doubted {
						t.Fatalf("seed %d: an echo of an old greeting takes the doubts", seed)
					}
				}
				echo()
			case 4: // theirs stands still, or does not
				still := time.Duration(rng.IntN(2)) * upTo(time.Hour)
				now, theirs = now+still, theirs-still
				echo()
			}
		}
	}
	if doubts == 0 {
		t.Error("no doubts came up")
	}
}
