package smartsocket

import (
	"encoding/json"
	"errors"
	"strings"
	"unsafe"

	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Data is what came with an event or an ack: JSON text, raw bytes or nothing.
// It is a small value; pass it by value, also to Emit and Reply. What a handler
// is given is borrowed until the handler returns: Clone it to keep it.
type Data struct {
	p *body // a pointer, so that passing a Data as an any allocates nothing; nil = nothing
}

// body is what a Data stands for.
type body struct {
	b      []byte
	binary bool
	info   any // what a lifecycle handler is told: an error or a Reason
}

// Bytes returns the payload as it came, JSON text or raw, borrowed as Data says.
func (d Data) Bytes() []byte {
	if d.p == nil {
		return nil
	}
	return d.p.b
}

// JSON returns the payload as raw JSON, "null" when there is none, borrowed. A
// binary payload is not JSON; it gives "null" too.
func (d Data) JSON() json.RawMessage {
	if len(d.Bytes()) == 0 || d.p.binary {
		return json.RawMessage("null")
	}
	return json.RawMessage(d.p.b)
}

// Binary reports whether the payload is raw bytes rather than JSON.
func (d Data) Binary() bool { return d.p != nil && d.p.binary }

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
	c.b = append([]byte(nil), c.b...)
	return Data{&c}
}

// Decode reads the JSON payload into v, a non-nil pointer; nothing of v aliases
// the payload. No data leaves v as it is. A binary payload can only be decoded
// into a *[]byte, which gets a copy. Failure is an ERR_MSG_001.
func (d Data) Decode(v any) error {
	if d.Binary() {
		p, ok := v.(*[]byte)
		if !ok {
			return &Error{Code: message.CodeInvalidFormat, Message: "the payload is binary: send JSON, or handle the event with Bytes"}
		}
		*p = append([]byte(nil), d.Bytes()...)
		return nil
	}
	if len(d.Bytes()) == 0 {
		return nil
	}
	if err := message.Unmarshal(d.Bytes(), v); err != nil {
		return &Error{Code: message.CodeInvalidFormat, Message: "the data does not fit what the handler expects", Cause: quoting{err}}
	}
	return nil
}

// quoting marks an error whose text may quote the payload: the program may read it, the log may not.
type quoting struct{ error }

// Unwrap is the codec's error.
func (q quoting) Unwrap() error { return q.error }

// forLog is an error's text without what quotes a payload.
func forLog(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = "an error whose methods panic"
		}
	}()
	text = err.Error()
	var q quoting
	if errors.As(err, &q) {
		text = strings.ReplaceAll(text, q.Error(), "(not logged, since it may quote the data)")
	}
	return text
}

// appendData appends the payload form of a user's value, which may be a Data as it
// came; see outgoing.AppendValue for all others.
func appendData(dst []byte, v any) ([]byte, message.Flags, error) {
	d, ok := v.(Data)
	switch {
	case !ok:
		return outgoing.AppendValue(dst, v)
	case d.Binary():
		return append(dst, d.Bytes()...), message.FlagBinary, nil
	}
	return append(dst, d.Bytes()...), 0, nil
}

// encodeEvent appends a whole EVENT message in the encoding that the client speaks.
func (l *link) encodeEvent(dst []byte, event string, ackID uint64, v any) ([]byte, error) {
	if err := checkEmit(event); err != nil {
		return dst, err
	}
	var flags message.Flags
	if ackID != 0 {
		flags = message.FlagAck
	}
	if l.plain {
		return l.appendPlain(dst, &message.Message{Kind: message.KindEvent, Flags: flags, AckID: ackID, Event: []byte(event)}, v)
	}
	start := len(dst)
	return l.appendPayload(message.AppendEventHeader(dst, flags, 0, ackID, event), start, event, v)
}

// encodeAck appends a whole ACK message in the encoding that the client speaks.
func (l *link) encodeAck(dst []byte, id uint64, v any) ([]byte, error) {
	m := message.Message{Kind: message.KindAck, Flags: message.FlagAck, AckID: id}
	if l.plain {
		return l.appendPlain(dst, &m, v)
	}
	start := len(dst)
	return l.appendPayload(message.Append(dst, &m), start, "", v)
}

// appendPayload appends v to the binary message dst[start:], which is complete
// but for it, compressed where that pays. The flags that say what the payload is
// are known only then, so they are put into the message's first byte.
func (l *link) appendPayload(dst []byte, start int, event string, v any) ([]byte, error) {
	body := len(dst)
	dst, flags, err := appendData(dst, v)
	if err == nil {
		err = l.srv.checkSize(event, len(dst)-body)
	}
	if err != nil {
		return dst[:start], err
	}
	dst[start] |= byte(flags)
	if d := l.srv.current().deflater(); l.inflates && d.Worth(len(dst)-body) {
		dst = d.Tail(dst, start, body)
	}
	return dst, nil
}

// appendPlain appends the JSON encoding of m with v as its payload.
func (l *link) appendPlain(dst []byte, m *message.Message, v any) ([]byte, error) {
	b := pool.Get(256)
	defer pool.Put(b)
	payload, flags, err := appendData(b.B, v)
	b.B = payload
	if err == nil {
		err = l.srv.checkSize(string(m.Event), len(payload))
	}
	if err != nil {
		return dst, err
	}
	m.Flags |= flags
	m.Payload = payload
	return message.AppendJSON(dst, m), nil
}

// checkEmit refuses an event name that no client could read.
func checkEmit(event string) error {
	if message.ValidEvent(unsafe.Slice(unsafe.StringData(event), len(event))) {
		return nil
	}
	return fault.Errorf(message.CodeInvalidFormat, "event name %.40q: use 1 to %d bytes of UTF-8 without control characters", event, message.MaxEventName)
}

func (v *Server) checkSize(event string, n int) error {
	if n <= v.fixed.MaxMessageBytes {
		return nil
	}
	e := fault.Errorf(message.CodeTooLarge, "%d bytes of data are over maxMessageBytes (%d): split them or raise the limit", n, v.fixed.MaxMessageBytes)
	e.Event = event
	return e
}

// inflate replaces m's payload by its inflated form, in a pooled buffer that the
// caller returns when it is done with m.
func (l *link) inflate(m *message.Message) (*pool.Buffer, error) {
	limit := min(l.srv.fixed.MaxMessageBytes, l.ws.InflateLimit(len(m.Payload)))
	b := pool.Get(min(4*len(m.Payload), limit))
	out, err := pool.Inflate(b.B, m.Payload, limit, false)
	b.B = out
	switch {
	case errors.Is(err, pool.ErrTooLarge):
		pool.Put(b)
		return nil, fault.Errorf(message.CodeTooLarge, "the message inflates to more than %d bytes: send less, or raise maxMessageBytes (%d)", limit, l.srv.fixed.MaxMessageBytes)
	case err != nil:
		pool.Put(b)
		return nil, &Error{Code: message.CodeDecompression, Message: "a compressed message cannot be inflated: send raw DEFLATE (RFC 1951)", Cause: err}
	}
	m.Payload = out
	m.Flags &^= message.FlagDeflated
	return b, nil
}
