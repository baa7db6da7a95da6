//go:build linux || darwin

package smartsockettest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/smartsocket/smartsocket/client"
)

// record is what a client got, in order. The client's handlers add to it and the test takes.
type record struct {
	mu     sync.Mutex
	items  []item
	change chan struct{} // closed when there is more
}

// item is an event of the server, or what happened to the connection.
type item struct {
	kind  kind
	event string      // of an event
	data  client.Data // of an event
	why   client.Reason
	kept  bool // the session was recovered
	taken bool // an expectation has had it
}

type kind uint8

const (
	event kind = iota
	disconnected
	reconnected
)

// follow notes what happens to c.
func (r *record) follow(c *client.Client) {
	r.change = make(chan struct{})
	c.OnAny(func(name string, d client.Data) {
		r.add(item{kind: event, event: name, data: d.Clone()})
	})
	c.OnDisconnected(func(why client.Reason) { r.add(item{kind: disconnected, why: why}) })
	c.OnReconnected(func(kept bool) { r.add(item{kind: reconnected, kept: kept}) })
}

func (r *record) add(i item) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.items = append(r.items, i)
	close(r.change)
	r.change = make(chan struct{})
}

// take returns the first item that nobody has had and that fits. If there is none, change is
// closed when there is more.
func (r *record) take(fits func(*item) bool) (i item, ok bool, change <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n := range r.items {
		if i := &r.items[n]; !i.taken && fits(i) {
			i.taken = true
			return *i, true, nil
		}
	}
	return item{}, false, r.change
}

// count counts the items of a kind. change is closed when there is more.
func (r *record) count(k kind) (n int, last item, change <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, i := range r.items {
		if i.kind == k {
			n++
			last = i
		}
	}
	return n, last, r.change
}

// waiting counts the events that nobody has had.
func (r *record) waiting() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, i := range r.items {
		if i.kind == event && !i.taken {
			n++
		}
	}
	return n
}

// maxListed is how many items a failing test lists, the newest.
const maxListed = 30

// String lists the items for a test that fails.
func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.items) == 0 {
		return "The client has got nothing."
	}
	var b strings.Builder
	b.WriteString("The client has got, in this order:")
	skipped := max(len(r.items)-maxListed, 0)
	if skipped > 0 {
		fmt.Fprintf(&b, "\n\t(%d more before)", skipped)
	}
	for n, i := range r.items[skipped:] {
		fmt.Fprintf(&b, "\n\t%d. %s", skipped+n+1, i)
		if i.taken {
			b.WriteString(" (expected before)")
		}
	}
	return b.String()
}

// String shows one item.
func (i item) String() string {
	switch i.kind {
	case disconnected:
		return "disconnected: " + i.why.String()
	case reconnected:
		return "reconnected, recovered: " + strconv.FormatBool(i.kept)
	}
	return strconv.Quote(i.event) + " " + shown(i.data)
}

// maxShown is how much of one event's data a failing test shows.
const maxShown = 300

// shown is data as a failing test shows it.
func shown(d payload) string {
	b := d.Bytes()
	more := ""
	if len(b) > maxShown {
		more = fmt.Sprintf("… (%d bytes)", len(b))
		b = b[:maxShown]
	}
	switch {
	case d.Binary():
		return fmt.Sprintf("bytes %x%s", b, more)
	case d.Empty():
		return "without data"
	}
	return string(b) + more
}
