// Package counter is what the tests of command mutate break.
package counter

import "errors"

// Limit is the largest sum.
const Limit = 10

// ErrFull says that a sum would exceed Limit.
var ErrFull = errors.New("full")

// Counter adds numbers.
type Counter struct {
	sum   int
	calls int
}

// Add adds n, unless the sum would exceed Limit.
func (c *Counter) Add(n int) error {
	c.calls++
	if n < 0 || c.sum+n > Limit {
		return ErrFull
	}
	c.sum += n
	c.note()
	return nil
}

func (c *Counter) note() {}

// Wait ends once ready says so.
func Wait(ready func() bool) {
	for !ready() {
	}
}
