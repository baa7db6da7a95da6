package outgoing

import (
	"fmt"
	"unsafe"

	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Encoding is how one client takes the messages that are for it alone.
type Encoding struct {
	Plain    bool     // as JSON text, without compression
	Deflater Deflater // with a negative Threshold when the client does not inflate
	MaxBytes int      // of a payload
}

// AppendEvent appends a whole EVENT, which asks for an ack when ackID is not 0. v is a user's
// value, see AppendValue. An error is a *message.Error, and dst is returned as it was.
func (c *Encoding) AppendEvent(dst []byte, event string, ackID uint64, v any) ([]byte, error) {
	if err := CheckEvent(event); err != nil {
		return dst, err
	}
	return c.AppendOwn(dst, event, ackID, v)
}

// AppendOwn is AppendEvent for the events of the server itself, whose names are reserved.
func (c *Encoding) AppendOwn(dst []byte, event string, ackID uint64, v any) ([]byte, error) {
	var flags message.Flags
	if ackID != 0 {
		flags = message.FlagAck
	}
	if c.Plain {
		return c.appendText(dst, message.KindEvent, flags, ackID, event, v)
	}
	start := len(dst)
	return c.appendPayload(message.AppendEventHeader(dst, flags, 0, ackID, event), start, event, v)
}

// AppendAck appends a whole ACK, as AppendEvent does.
func (c *Encoding) AppendAck(dst []byte, id uint64, v any) ([]byte, error) {
	if c.Plain {
		return c.appendText(dst, message.KindAck, message.FlagAck, id, "", v)
	}
	m := message.Message{Kind: message.KindAck, Flags: message.FlagAck, AckID: id}
	start := len(dst)
	return c.appendPayload(message.Append(dst, &m), start, "", v)
}

// AppendError appends m, an ERROR, with e as its payload, without its details if they are too long.
func (c *Encoding) AppendError(dst []byte, m message.Message, e *message.Error) []byte {
	p := pool.GetUnsized(pool.Encoded)
	defer pool.PutUnsized(p)
	start := len(p.B)
	p.B = message.AppendErrorJSON(p.B, e)
	if len(p.B)-start > c.MaxBytes && e.Details != "" {
		brief := *e
		brief.Details = ""
		p.B = message.AppendErrorJSON(p.B[:start], &brief)
	}
	m.Payload = p.B
	if c.Plain {
		return message.AppendJSON(dst, &m)
	}
	return message.Append(dst, &m)
}

// appendPayload appends v to the binary message dst[start:], which is complete otherwise,
// compressed where that pays. The flags that say what the payload is are known only then, so they
// are put into the first byte of the message.
func (c *Encoding) appendPayload(dst []byte, start int, event string, v any) ([]byte, error) {
	if c.Deflater.Threshold >= 0 {
		return c.appendDeflated(dst, start, event, v)
	}
	body := len(dst)
	dst, flags, err := AppendValue(dst, v)
	if err == nil {
		err = CheckSize(event, len(dst)-body, c.MaxBytes)
	}
	if err != nil {
		return dst[:start], err
	}
	dst[start] |= byte(flags)
	return dst, nil
}

// appendDeflated is appendPayload for a client that inflates. The payload has a buffer of its own,
// so that the buffers of messages keep to the sizes that leave.
func (c *Encoding) appendDeflated(dst []byte, start int, event string, v any) ([]byte, error) {
	b := pool.GetUnsized(pool.Encoded)
	defer pool.PutUnsized(b)
	payload, flags, err := AppendValue(b.B, v)
	b.B = payload
	if err == nil {
		err = CheckSize(event, len(payload), c.MaxBytes)
	}
	if err != nil {
		return dst[:start], err
	}
	shorter := false
	if c.Deflater.Worth(len(payload)) {
		dst, shorter = c.Deflater.append(dst, payload)
	}
	if shorter {
		flags |= message.FlagDeflated
	} else {
		dst = append(dst, payload...)
	}
	dst[start] |= byte(flags)
	return dst, nil
}

// appendText appends the JSON form of an EVENT or ACK with v as its payload.
func (c *Encoding) appendText(
	dst []byte, k message.Kind, flags message.Flags, ackID uint64, event string, v any,
) ([]byte, error) {
	b := pool.GetUnsized(pool.Encoded)
	defer pool.PutUnsized(b)
	payload, what, err := AppendValue(b.B, v)
	b.B = payload
	if err == nil {
		err = CheckSize(event, len(payload), c.MaxBytes)
	}
	if err != nil {
		return dst, err
	}
	if k == message.KindEvent {
		return message.AppendEventJSON(dst, flags|what, ackID, event, payload), nil
	}
	m := message.Message{Kind: k, Flags: flags | what, AckID: ackID, Payload: payload}
	return message.AppendJSON(dst, &m), nil
}

// CheckEvent refuses the name of an event that no client could read, and one that is reserved.
func CheckEvent(event string) error {
	name := unsafe.Slice(unsafe.StringData(event), len(event))
	if message.ReservedEvent(name) {
		return message.ErrorOfReserved(event)
	}
	if message.ValidEvent(name) {
		return nil
	}
	return message.New(message.CodeInvalidFormat, fmt.Sprintf(
		"event name %.40q: use 1 to %d bytes of UTF-8 without control characters",
		event, message.MaxEventName))
}

// CheckSize refuses a payload of n bytes that is over the limit most.
func CheckSize(event string, n, most int) error {
	if n <= most {
		return nil
	}
	e := message.New(message.CodeTooLarge, fmt.Sprintf(
		"%d bytes of data are over maxMessageBytes (%d): split them or raise the limit", n, most))
	e.Event = event
	return e
}
