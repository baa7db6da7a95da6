package client

// Handler receives an event of the server. d is borrowed until it returns; ack
// answers the server if it asked. It may block: later events wait for it.
type Handler func(d Data, ack Ack)

// Lifecycle events; On takes them, and their aliases, like any other name.
const (
	EventConnected    = "connected"    // no data
	EventDisconnected = "disconnected" // the Reason as a string
	EventReconnecting = "reconnecting" // {"attempt":1,"delay":1500}, milliseconds
	EventReconnected  = "reconnected"  // {"recovered":false}
	EventError        = "error"        // {"code","message"…}, see Data.Err
	EventDrain        = "__drain__"    // no data
)

func canonical(event string) string {
	switch event {
	case "connect", "connection":
		return EventConnected
	case "disconnect":
		return EventDisconnected
	}
	return event
}

// On registers a handler; several for one event run in the order of registration.
// Safe for concurrent use.
func (c *Client) On(event string, f Handler) {
	c.handlers.Add(canonical(event), f)
	c.lookEarly()
}

// Once is On for a handler that runs at most once.
func (c *Client) Once(event string, f Handler) {
	c.handlers.Once(canonical(event), f)
	c.lookEarly()
}

// Off removes all handlers of an event.
func (c *Client) Off(event string) { c.handlers.Remove(canonical(event)) }

// OnConnected registers f for every established session, the first and restored ones.
func (c *Client) OnConnected(f func()) { c.On(EventConnected, func(Data, Ack) { f() }) }

// OnDisconnected registers f for the end of every established session.
func (c *Client) OnDisconnected(f func(Reason)) {
	c.On(EventDisconnected, func(d Data, _ Ack) {
		if r, ok := d.info.(Reason); ok {
			f(r)
		}
	})
}

// OnReconnecting registers f, which runs before each wait for the next attempt.
func (c *Client) OnReconnecting(f func(Reconnecting)) {
	c.On(EventReconnecting, func(d Data, _ Ack) {
		if r, ok := d.info.(Reconnecting); ok {
			f(r)
		}
	})
}

// OnReconnected registers f for restored sessions; recovered says that nothing
// was missed. It runs after the connected handlers.
func (c *Client) OnReconnected(f func(recovered bool)) {
	c.On(EventReconnected, func(d Data, _ Ack) {
		if r, ok := d.info.(bool); ok {
			f(r)
		}
	})
}

// OnDrain registers f, which runs after an Emit had to wait, failed, dropped or held back its event
// because more than Options.HighWaterMark was unsent, and once half of that or less is.
func (c *Client) OnDrain(f func()) { c.On(EventDrain, func(Data, Ack) { f() }) }

// OnError registers f for errors that no call returns.
func (c *Client) OnError(f func(error)) {
	c.On(EventError, func(d Data, _ Ack) {
		if err := d.Err(); err != nil {
			f(err)
		}
	})
}
