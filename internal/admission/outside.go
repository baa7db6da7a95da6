package admission

import "time"

const (
	leastRate = 100              // clients that a server lets in per second, whatever it did before
	longest   = 30 * time.Second // that anybody is told to wait
)

// outside estimates how many clients wait, so that those who are refused come back when it is their
// turn, and not all at once. The gate's lock guards it.
type outside struct {
	second  int64   // since the server's start, of what follows
	come    int     // who were let in during it
	rate    int     // who were let in during the second before
	waiting float64 // who were refused and are not due yet
}

// turn moves on to the second of now. rate is the limit per second, 0 = none.
func (c *outside) turn(rate int, now time.Duration) (perSecond float64) {
	if s := int64(now / time.Second); s != c.second {
		if c.rate = c.come; s != c.second+1 {
			c.rate = 0
		}
		c.waiting = max(c.waiting-float64(s-c.second)*float64(max(rate, c.rate, leastRate)), 0)
		c.second, c.come = s, 0
	}
	if rate > 0 {
		return float64(rate)
	}
	return float64(max(c.rate, c.come, leastRate))
}

// admitted notes that a client was let in.
func (c *outside) admitted(now time.Duration) {
	c.turn(0, now)
	c.come++
}

// refused notes that a client was refused, and returns when it is its turn.
func (c *outside) refused(rate int, now time.Duration) time.Duration {
	perSecond := c.turn(rate, now)
	c.waiting++
	wait := time.Second + time.Duration(c.waiting/perSecond*float64(time.Second))
	return min(wait, longest)
}
