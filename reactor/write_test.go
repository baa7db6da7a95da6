package reactor

import "testing"

// A connection that is closed for being slow counts once, however often it is found to be.
func TestSlowConsumerCountsOnce(t *testing.T) {
	r := start(t, Options{Loops: 1, MaxTotalOutboxBytes: 1 << 30})
	opened, ends := make(chan *Conn, 1), make(chan error, 1)
	dialNet(t, listen(t, r, &hooks{open: func(c *Conn) { opened <- c },
		close: func(_ *Conn, err error) { ends <- err }}))
	c := await(t, opened, "OnOpen")
	c.mu.Lock()
	c.slow(ErrOutboxBudget)
	c.slow(ErrSlowConsumer)
	c.slow(ErrOutboxBudget)
	c.mu.Unlock()
	if err := await(t, ends, "OnClose"); err != ErrOutboxBudget {
		t.Errorf("OnClose got %v", err)
	}
	if s := r.Stats(); s.SlowConsumers != 1 || s.OverBudget != 1 {
		t.Errorf("stats: %+v", s)
	}
}
