package client

import (
	"sync"
	"sync/atomic"
)

// observers are the functions of OnAny. The list is replaced as a whole, so that it is read
// without a lock.
type observers struct {
	mu   sync.Mutex // of those who add
	list atomic.Pointer[[]func(string, Data)]
}

// OnAny registers f, which sees every event of the server, in turn with the handlers and before
// those of the event. It is for logs, recorders and tests: it answers nothing and does not count
// as a handler. The data is borrowed until f returns. Lifecycle events are not among them.
// Safe for concurrent use.
func (c *Client) OnAny(f func(event string, d Data)) {
	o := &c.any
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []func(string, Data)
	if old := o.list.Load(); old != nil {
		list = append(list, *old...)
	}
	list = append(list, f)
	o.list.Store(&list)
}

// observe shows an event of the server to the functions of OnAny.
func (c *Client) observe(j *job) {
	list := c.any.list.Load()
	if list == nil {
		return
	}
	event := string(j.name)
	for _, f := range *list {
		c.invoke(func(d Data, _ Ack) { f(event, d) }, j.d, Ack{})
	}
}
