package client

import (
	"sync/atomic"
	"time"
)

// counters are the counts behind Stats, which describes them.
type counters struct {
	sent, received, queued, dropped, resent     atomic.Uint64
	replaced, reconnects, moves                 atomic.Uint64
	unknownAcks, unhandled, invalid, duplicates atomic.Uint64
}

// Stats are counts since New, and the state at the time of the call.
type Stats struct {
	Connected bool
	Sent      uint64 // events handed to a connection
	Received  uint64 // events of the server
	Queued    uint64 // messages that were parked
	Dropped   uint64 // messages that were never sent: parked ones, or those that may be lost
	Replaced  uint64 // states that were not sent, because there was a newer one
	Waiting   int    // messages that are parked now
	// BufferedAmount is how many bytes are handed to the connection and not to the network yet.
	// See Options.HighWaterMark.
	BufferedAmount int
	PendingAcks    int    // questions that wait for their answer
	Reconnects     uint64 // connections restored
	Moves          uint64 // connections replaced before they were lost, because the server asked
	UnknownAcks    uint64 // answers that nobody was waiting for any more
	Unhandled      uint64 // events without a handler
	Invalid        uint64 // messages that could not be read
	Duplicates     uint64 // events that came again and were dropped
	Resent         uint64 // events sent again on a recovered session: lost, or without an answer

	// RTT is the last round trip that the server measured. 0 = none yet, or not connected.
	RTT time.Duration
	// ClockOffset is how far the server's clock is ahead of ours, taken from the quickest
	// of the last messages that told the time. time.Now().Add(ClockOffset) is the server's
	// time, with an error of at most half of RTT. 0 = not known.
	ClockOffset time.Duration
}

// Stats returns the counts and the present state. It is safe for concurrent use.
func (c *Client) Stats() Stats {
	n := &c.stats
	s := Stats{
		Connected:   c.Connected(),
		Sent:        n.sent.Load(),
		Received:    n.received.Load(),
		Queued:      n.queued.Load(),
		Dropped:     n.dropped.Load(),
		Replaced:    n.replaced.Load(),
		Reconnects:  n.reconnects.Load(),
		Moves:       n.moves.Load(),
		UnknownAcks: n.unknownAcks.Load(),
		Unhandled:   n.unhandled.Load(),
		Invalid:     n.invalid.Load(),
		Duplicates:  n.duplicates.Load(),
		Resent:      n.resent.Load(),
	}
	if open := c.current.Load(); open != nil {
		s.RTT, s.ClockOffset = open.clock.read()
		s.BufferedAmount = open.t.buffered()
	}
	c.mu.Lock()
	s.Waiting = len(c.parked)
	c.mu.Unlock()
	c.ackMu.Lock()
	s.PendingAcks = len(c.acks)
	c.ackMu.Unlock()
	return s
}
