package client

import (
	"sync/atomic"
	"time"
)

type counters struct {
	sent, received, queued, dropped, reconnects, unknownAcks, unhandled, invalid, duplicates, resent atomic.Uint64
}

// Stats are counts since New.
type Stats struct {
	Connected   bool
	Sent        uint64 // events handed to a connection
	Received    uint64 // events
	Queued      uint64 // events that had to wait for a session
	Dropped     uint64 // of these, how many were never sent
	Waiting     int    // of these, how many wait now
	PendingAcks int    // answers that are waited for
	Reconnects  uint64 // sessions restored
	UnknownAcks uint64 // answers that nobody waited for any more
	Unhandled   uint64 // events without a handler
	Invalid     uint64 // messages that could not be read
	Duplicates  uint64 // events that came again and were dropped
	Resent      uint64 // events that were sent again on a recovered session, since their answer had not come

	// RTT is the last round trip that the server measured; 0 = none yet, or not connected.
	RTT time.Duration
	// ClockOffset is how far the server's clock is ahead of ours, by the quickest
	// of the last messages that told: time.Now().Add(ClockOffset) is the server's
	// time. It is wrong by half of RTT at most. 0 = not known.
	ClockOffset time.Duration
}

// Stats reads the counters.
func (c *Client) Stats() Stats {
	n := &c.stats
	s := Stats{
		Connected: c.Connected(), Sent: n.sent.Load(), Received: n.received.Load(), Queued: n.queued.Load(), Dropped: n.dropped.Load(),
		Reconnects: n.reconnects.Load(), UnknownAcks: n.unknownAcks.Load(), Unhandled: n.unhandled.Load(), Invalid: n.invalid.Load(), Duplicates: n.duplicates.Load(), Resent: n.resent.Load(),
	}
	if open := c.current.Load(); open != nil {
		s.RTT, s.ClockOffset = open.clock.read()
	}
	c.mu.Lock()
	s.Waiting = len(c.parked)
	c.mu.Unlock()
	c.ackMu.Lock()
	s.PendingAcks = len(c.acks)
	c.ackMu.Unlock()
	return s
}
