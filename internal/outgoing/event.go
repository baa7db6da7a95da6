package outgoing

import (
	"sync"
	"time"
	"unicode/utf8"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Options say how much an event may lose when a client does not keep up. With
// the zero Options it is reliable.
type Options struct {
	Volatile bool          // dropped for clients that are behind
	State    bool          // a newer event of the same name and Key replaces a waiting one
	Key      string        // of State
	Within   time.Duration // dropped when it has waited for longer; 0 = no deadline
}

// Lossy reports whether the event may be lost.
func (o *Options) Lossy() bool { return o.Volatile || o.State || o.Within > 0 }

// Add sets what p sets. When both have a key or a deadline, p's counts.
func (o *Options) Add(p Options) {
	o.Volatile = o.Volatile || p.Volatile
	if p.State {
		o.State, o.Key = true, p.Key
	}
	if p.Within > 0 {
		o.Within = p.Within
	}
}

// Form is an encoding in which an event can leave.
type Form uint8

// The forms of an event.
const (
	Binary       Form = iota // a message of the protocol
	Deflated                 // the same with a compressed payload, where that is shorter
	Text                     // JSON text for plain clients
	TextDeflated             // the same in a frame of permessage-deflate
	forms
)

// Event is one event on its way to any number of clients. It belongs to one
// goroutine at a time, from New to Release.
type Event struct {
	Name    string
	Flags   message.Flags // message.FlagBinary when Payload is raw bytes and not JSON
	Payload pool.Unsized  // owned by the Event; complete before the first Encode
	Options Options
	Room    string // of its receivers, if it went to one alone: part of a State's key

	deflater Deflater
	forms    [forms]Encoded // empty until the first receiver needs them
}

// Encoded is one form of an event. Both parts belong to the Event and are borrowed until its
// Release. Retain one to keep it longer.
type Encoded struct {
	Message *pool.Shared
	Frame   *pool.Shared // around Message; nil until a receiver takes it as it is
}

// Make makes an event with a user's value as its payload, see AppendValue. The caller owns it and
// must call Release. An error is a *message.Error.
func Make(name string, v any, maxBytes int, d Deflater) (*Event, error) {
	if err := CheckEvent(name); err != nil {
		return nil, err
	}
	e := New(name, d)
	var err error
	if e.Payload.B, e.Flags, err = AppendValue(e.Payload.B, v); err == nil {
		err = CheckSize(name, len(e.Payload.B), maxBytes)
	}
	if err != nil {
		e.Release()
		return nil, err
	}
	return e, nil
}

// Relay makes an event of what another server has encoded: payload is raw bytes if binary, and JSON
// otherwise. It copies payload, and checks everything as if a client had sent it. The caller owns
// the Event and must call Release. An error is a *message.Error.
func Relay(name string, payload []byte, binary bool, maxBytes int, d Deflater) (*Event, error) {
	if err := CheckEvent(name); err != nil {
		return nil, err
	}
	if err := CheckSize(name, len(payload), maxBytes); err != nil {
		return nil, err
	}
	if !binary && len(payload) > 0 && !(message.ValidJSON(payload) && utf8.Valid(payload)) {
		return nil, ErrBadJSON
	}
	e := New(name, d)
	if binary {
		e.Flags = message.FlagBinary
	}
	e.Payload.B = append(e.Payload.B, payload...)
	return e, nil
}

// events are released ones.
var events = sync.Pool{New: func() any { return new(Event) }}

// New makes an event without a payload. The caller owns it, appends the payload to Payload.B, and
// must call Release.
func New(name string, d Deflater) *Event {
	e := events.Get().(*Event)
	e.Name, e.Payload, e.deflater = name, pool.GetUnsized(pool.Encoded), d
	return e
}

// Release gives back the event, what it was encoded to, and its payload. Receivers keep the
// references that they took. The event must not be used afterwards.
func (e *Event) Release() {
	pool.PutUnsized(e.Payload)
	for i := range e.forms {
		e.forms[i].release()
	}
	*e = Event{}
	events.Put(e)
}

// Deflates reports whether a form that compresses is worth a try for this event.
func (e *Event) Deflates() bool { return e.deflater.Worth(len(e.Payload.B)) }

// Encode returns the event in a form. The first call for a form encodes it. With
// framed the result has a Frame; receivers that need bytes of their own do without.
func (e *Event) Encode(f Form, framed bool) *Encoded {
	x := &e.forms[f]
	if x.Message == nil {
		x.Message = pool.NewShared(e.message(f))
	}
	if framed && x.Frame == nil {
		x.Frame = e.frame(f, x.Message.Bytes())
	}
	return x
}

// message encodes the event. The result may be kept for long, so its buffer is no larger than it
// has to be.
func (e *Event) message(f Form) *pool.Buffer {
	payload, flags := e.Payload.B, e.Flags
	if f == Text || f == TextDeflated {
		n := len(payload)
		if flags&message.FlagBinary != 0 {
			n += n/3 + 4 // base64
		}
		b := pool.Get(n + len(e.Name) + 32)
		b.B = message.AppendEventJSON(b.B, flags, 0, e.Name, payload)
		return b
	}
	if f == Deflated {
		u := pool.GetUnsized(pool.Deflated)
		defer pool.PutUnsized(u)
		var shorter bool
		if u.B, shorter = e.deflater.append(u.B, payload); shorter {
			payload, flags = u.B, flags|message.FlagDeflated
		}
	}
	b := pool.Get(len(payload) + len(e.Name) + 16)
	b.B = append(message.AppendEventHeader(b.B, flags, 0, 0, e.Name), payload...)
	return b
}

func (e *Event) frame(f Form, b []byte) *pool.Shared {
	switch f {
	case Text:
		return frame.Prepare(frame.Text, b)
	case TextDeflated:
		if s, err := frame.PrepareDeflated(frame.Text, b, e.deflater.Level); err == nil {
			return s
		}
		return frame.Prepare(frame.Text, b)
	}
	return frame.Prepare(frame.Binary, b)
}

// retained is x with references of its own.
func (x *Encoded) retained() Encoded {
	x.Message.Retain()
	if x.Frame != nil {
		x.Frame.Retain()
	}
	return *x
}

func (x *Encoded) release() {
	if x.Frame != nil {
		x.Frame.Release()
	}
	if x.Message != nil {
		x.Message.Release()
	}
	*x = Encoded{}
}
