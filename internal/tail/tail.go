// Package tail shows what happens in a server to who looks on: events by name and size, and their
// data to who asks for it. Nothing is kept. Who looks on and does not keep up misses some, and is
// told how many. While nobody looks, On costs one atomic load, and the rest is not called.
//
// Tail.mu is a leaf. It guards the list, which is replaced as a whole.
package tail

import (
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

const (
	// MaxListeners is how many may look on at a time.
	MaxListeners = 16
	// MaxData is how many bytes of an event's data are shown.
	MaxData = 1024
	// waiting is how many events may wait for one who looks on.
	waiting = 512
	// credentials is the event whose data is never shown.
	credentials = "auth"
)

// Kind says what happened.
type Kind string

// The kinds.
const (
	In           Kind = "in"           // an event of a client came
	Out          Kind = "out"          // an event went to one socket
	Broadcast    Kind = "broadcast"    // an event went to many
	Ack          Kind = "ack"          // a client's event was answered
	Refused      Kind = "refused"      // a client's message is not handled
	Connected    Kind = "connected"    // a socket is there
	Recovered    Kind = "recovered"    // a client is back in its session
	Disconnected Kind = "disconnected" // a connection has ended
	Rejected     Kind = "rejected"     // a connection was refused after its upgrade
)

// Kinds lists all of them.
var Kinds = []Kind{In, Out, Broadcast, Ack, Refused, Connected, Recovered, Disconnected, Rejected}

// Event is what is shown. Fields that do not apply are empty.
type Event struct {
	Time      time.Time `json:"time"`
	Kind      Kind      `json:"kind"`
	Namespace string    `json:"namespace,omitempty"`
	Event     string    `json:"event,omitempty"`
	Socket    string    `json:"socket,omitempty"`
	Room      string    `json:"room,omitempty"`    // of a broadcast to one room
	Peer      string    `json:"peer,omitempty"`    // address
	Bytes     int       `json:"bytes,omitempty"`   // of the data, or of an answer as it is sent
	Queued    int       `json:"queued,omitempty"`  // receivers of a broadcast
	Dropped   int       `json:"dropped,omitempty"` // receivers that did not get it
	Code      string    `json:"code,omitempty"`    // of an error, or a close code
	Reason    string    `json:"reason,omitempty"`
	Data      string    `json:"data,omitempty"`   // the beginning of it: JSON, or base64 if Binary
	Binary    bool      `json:"binary,omitempty"` // Data is base64 of raw bytes
	Cut       bool      `json:"cut,omitempty"`    // there is more data than is shown
}

// Filter says what is shown. The zero Filter shows everything without data.
type Filter struct {
	Namespace string // "" = all
	Event     string // a name, or one that ends in * for any rest; "" = all
	Socket    string // id; "" = all
	Kinds     []Kind // none = all
	Every     int    // one of so many that match, chosen at random; less than 2 = all
	Data      bool   // with data
}

// shows reports whether e passes, apart from Every.
func (f *Filter) shows(e *Event) bool {
	if f.Namespace != "" && f.Namespace != e.Namespace || f.Socket != "" && f.Socket != e.Socket ||
		len(f.Kinds) > 0 && !slices.Contains(f.Kinds, e.Kind) {
		return false
	}
	if start, any := strings.CutSuffix(f.Event, "*"); any {
		return strings.HasPrefix(e.Event, start)
	}
	return f.Event == "" || f.Event == e.Event
}

// Tail has those who look on. The zero Tail is ready. Its methods are safe for concurrent use.
type Tail struct {
	mu   sync.Mutex
	list atomic.Pointer[[]*Listener] // nil for none
}

// Listener is one who looks on.
type Listener struct {
	// Events has what is to be shown. It is not closed.
	Events <-chan Event
	events chan Event
	filter Filter
	tail   *Tail
	missed atomic.Int64
}

// ErrTooMany says that MaxListeners look on already.
var ErrTooMany = errors.New("16 look on already: end one of them first")

// On reports whether anybody looks on.
func (t *Tail) On() bool { return t.list.Load() != nil }

// Listen adds a Listener, who must be closed.
func (t *Tail) Listen(f Filter) (*Listener, error) {
	l := &Listener{events: make(chan Event, waiting), filter: f, tail: t}
	l.Events = l.events
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []*Listener
	if now := t.list.Load(); now != nil {
		list = slices.Clone(*now)
	}
	if len(list) >= MaxListeners {
		return nil, ErrTooMany
	}
	list = append(list, l)
	t.list.Store(&list)
	return l, nil
}

// Close ends l. Further calls do nothing.
func (l *Listener) Close() {
	t := l.tail
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.list.Load()
	if now == nil {
		return
	}
	list := slices.DeleteFunc(slices.Clone(*now), func(o *Listener) bool { return o == l })
	if len(list) == 0 {
		t.list.Store(nil)
		return
	}
	t.list.Store(&list)
}

// Missed returns how many events l was too slow for since the last call.
func (l *Listener) Missed() int64 { return l.missed.Swap(0) }

// Tell shows e, whose time it sets, to all who want to see it. It never waits. data, which may be
// nil, gives the data and whether it is raw bytes, and is called only if somebody wants it.
func (t *Tail) Tell(e Event, data func() (p []byte, binary bool)) {
	list := t.list.Load()
	if list == nil {
		return
	}
	e.Time = time.Now().UTC()
	full := e
	asked := false
	for _, l := range *list {
		if !l.filter.shows(&e) || l.filter.Every > 1 && rand.IntN(l.filter.Every) != 0 {
			continue
		}
		shown := &e
		if l.filter.Data && data != nil {
			if !asked {
				full.show(data())
				asked = true
			}
			shown = &full
		}
		select {
		case l.events <- *shown:
		default:
			l.missed.Add(1)
		}
	}
}

// show makes the beginning of p the event's data.
func (e *Event) show(p []byte, binary bool) {
	switch {
	case e.Event == credentials:
		e.Data = "(hidden)"
		return
	case len(p) > MaxData:
		p, e.Cut = p[:MaxData], true
	}
	if binary || !e.Cut && !utf8.Valid(p) {
		e.Data, e.Binary = base64.StdEncoding.EncodeToString(p), true
		return
	}
	e.Data = strings.ToValidUTF8(string(p), "")
}
