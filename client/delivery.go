package client

import (
	"maps"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// EmitOption says how much an emit may lose while there is no connection, or while more than
// Options.HighWaterMark is unsent. Without one an event is reliable: it waits, in order. The
// options mean the same as those of the server's Emit. Events that may be lost are not an error
// when they are, and Stats counts them. When held back, they may arrive behind reliable events that
// were emitted later.
type EmitOption struct{ how delivery }

// Volatile drops the event when it cannot be sent at once. It is never sent again.
var Volatile = EmitOption{delivery{volatile: true}}

// State holds the event back until it can be sent. A newer one of the same event and key replaces
// it, in its place in the order, so that the server gets the newest of each key. "" is a key too:
// one state per event.
func State(key string) EmitOption { return EmitOption{delivery{state: true, key: key}} }

// Deadline holds the event back until it can be sent, and drops it after it has waited for d, which
// is more than 0. With State it bounds the age of a state.
func Deadline(d time.Duration) EmitOption { return EmitOption{delivery{within: max(d, 1)}} }

// delivery is what the options of one emit say together. The zero value is reliable.
type delivery struct {
	volatile bool
	state    bool
	key      string
	within   time.Duration // 0 = no deadline
}

func (d *delivery) lossy() bool { return d.volatile || d.state || d.within > 0 }

// joined joins options. When two of them have a key or a deadline, the later one counts.
func joined(opts []EmitOption) (d delivery) {
	for _, o := range opts {
		d.volatile = d.volatile || o.how.volatile
		if o.how.state {
			d.state, d.key = true, o.how.key
		}
		if o.how.within > 0 {
			d.within = o.how.within
		}
	}
	return d
}

// SetEmitOptions says how an event is emitted when the emit itself does not say. Without options
// the event is reliable again. Questions are always reliable. It is safe for concurrent use, and
// panics on an event name that cannot be emitted.
func (c *Client) SetEmitOptions(event string, opts ...EmitOption) {
	if name := []byte(event); !message.ValidEvent(name) || message.ReservedEvent(name) {
		panic("smartsocket: SetEmitOptions of an event that cannot be emitted: " + event)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m := make(map[string]delivery)
	if old := c.deliveries.Load(); old != nil {
		maps.Copy(m, *old)
	}
	m[event] = joined(opts)
	c.deliveries.Store(&m)
}

// deliveryOf is how an event goes out when it is emitted with opts.
func (c *Client) deliveryOf(event string, opts []EmitOption) delivery {
	if len(opts) > 0 {
		return joined(opts)
	}
	if m := c.deliveries.Load(); m != nil {
		return (*m)[event]
	}
	return delivery{}
}

// losable is what a kept event that may be lost knows about that. It is nil for reliable ones.
type losable struct {
	volatile bool
	key      string    // of a state, with the event's name; "" = none
	until    time.Time // zero = no deadline
}

// losable returns what to keep with an event that is emitted now.
func (d *delivery) losable(event string, k clock) *losable {
	if !d.lossy() {
		return nil
	}
	l := &losable{volatile: d.volatile}
	if d.state {
		l.key = event + "\x00" + d.key // names have no control characters
	}
	if d.within > 0 {
		l.until = k.Now().Add(d.within)
	}
	return l
}

func (l *losable) late(now time.Time) bool {
	return l != nil && !l.until.IsZero() && now.After(l.until)
}

// stateKey is the key of a state, or "".
func (l *losable) stateKey() string {
	if l == nil {
		return ""
	}
	return l.key
}
