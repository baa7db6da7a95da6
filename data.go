package smartsocket

import (
	"encoding/json"
	"fmt"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/incoming"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Data is what came with an event or an ack: JSON text, raw bytes or nothing. It is a small value
// to pass by value, also to Emit and Reply. A handler borrows its Data until it returns; see Clone.
type Data struct {
	p *body // a pointer, so that passing a Data as an any allocates nothing; nil = nothing
}

// payloadOf is the payload of a message, which it borrows.
func payloadOf(m *message.Message) outgoing.Payload {
	return outgoing.Payload{B: m.Payload, Binary: m.Flags&message.FlagBinary != 0}
}

// Bytes returns the payload as it came, JSON text or raw, borrowed as Data says.
func (d Data) Bytes() []byte {
	if d.p == nil {
		return nil
	}
	return d.p.B
}

// JSON returns the payload as raw JSON, borrowed. It is "null" for no payload and for a binary one.
func (d Data) JSON() json.RawMessage {
	if len(d.Bytes()) == 0 || d.p.Binary {
		return json.RawMessage("null")
	}
	return json.RawMessage(d.p.B)
}

// Binary reports whether the payload is raw bytes rather than JSON.
func (d Data) Binary() bool { return d.p != nil && d.p.Binary }

// Empty reports whether the event came without data.
func (d Data) Empty() bool { return len(d.Bytes()) == 0 && !d.Binary() }

// Err is the error that an "error" or "rate-limit" handler is told of, and nil otherwise.
func (d Data) Err() error {
	if d.p == nil {
		return nil
	}
	err, _ := d.p.info.(error)
	return err
}

// Reason is what a "disconnected" handler is told, and the zero Reason otherwise.
func (d Data) Reason() Reason {
	if d.p == nil {
		return Reason{}
	}
	r, _ := d.p.info.(Reason)
	return r
}

// Clone copies the payload so that the copy may be kept.
func (d Data) Clone() Data {
	if d.p == nil {
		return d
	}
	c := *d.p
	c.B, c.call = append([]byte(nil), c.B...), nil
	return Data{&c}
}

// Decode reads the JSON payload into v, a non-nil pointer. Nothing of v aliases the payload. No
// data leaves v as it is. A binary payload decodes only into a *[]byte, which gets a copy. Failure
// is an ERR_MSG_001 that names the field, or the *Error that an UnmarshalJSON returned. In a
// handler it may be strict about unknown fields, see Strict.
func (d Data) Decode(v any) error {
	if d.p == nil {
		return nil
	}
	return incoming.Decode(d.p.Payload, v)
}

// value is what a user's value means to package outgoing: a Data stands for its payload.
func value(v any) any {
	d, ok := v.(Data)
	switch {
	case !ok:
		return v
	case d.p == nil:
		return nil
	}
	return &d.p.Payload
}

// encoding is how the client takes what is for it alone.
func (l *link) encoding() outgoing.Encoding {
	c := outgoing.Encoding{Plain: l.plain, MaxBytes: l.srv.fixed.MaxMessageBytes}
	if c.Deflater = l.srv.current().deflater(); !l.inflates {
		c.Deflater.Threshold = -1
	}
	return c
}

// encode encodes an event for this client alone, as a question if ackID is not 0. The caller owns
// the buffer; there is none after an error.
func (s *Socket) encode(event string, ackID uint64, data any) (b pool.Unsized, err error) {
	b = pool.GetUnsized(pool.Encoded)
	c := s.link.Load().encoding()
	if b.B, err = c.AppendEvent(b.B, event, ackID, value(data)); err != nil {
		pool.PutUnsized(b)
		return pool.Unsized{}, err
	}
	s.srv.journal.Emitted(s.ID(), s.ns.path, event, len(b.B), value(data))
	return b, nil
}

// Reason says why a connection, or a socket's session, ended.
type Reason struct {
	Code frame.CloseCode // the close code, 1006 when there was no close frame
	Text string          // the close frame's reason, or what the transport said
	Err  error           // the transport's error, nil for an orderly close
}

// String is for logs: the reason's text and its close code.
func (r Reason) String() string {
	if r.Text == "" {
		return fmt.Sprintf("close code %d", r.Code)
	}
	return fmt.Sprintf("%s (close code %d)", r.Text, r.Code)
}
