package smartsocket

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// Envelope is one broadcast on its way between nodes.
type Envelope struct {
	Node      string   // the publishing node's name
	Epoch     uint64   // random per life of the node, so that a new life's numbers are not taken for the old one's
	Seq       uint64   // counts the node's broadcasts in the namespace from 1, lost ones too: a hole is a loss
	Namespace string   // path
	Names     []string // rooms and socket ids; none = the whole namespace
	Except    []string // rooms and socket ids that are left out
	Event     string
	Options   EmitOption // what the publisher chose; a deadline begins anew at the receiver, since clocks differ
	Binary    bool       // Payload is raw bytes, else JSON text; empty = no data
	Payload   []byte     // what Emit was given, encoded
}

const (
	envelopeVersion = 1

	// The flags.
	envelopeBinary   = 0x01
	envelopeVolatile = 0x02
	envelopeState    = 0x04 // a key follows the event
	envelopeDeadline = 0x08 // nanoseconds follow
	envelopeFlags    = 0x0f

	// MaxNodeName is the longest Envelope.Node in bytes.
	MaxNodeName = 64
)

// Append appends the envelope's wire form to dst:
//
//	version (1)  flags  epoch (8, big endian)  seq  node  namespace  event
//	[state's key]  [deadline in ns]
//	number of names, names…  number of excepted names, names…  payload (the rest)
//
// Numbers are unsigned varints; text is its length as a number, then its bytes.
func (e *Envelope) Append(dst []byte) []byte {
	dst = append(dst, envelopeVersion, e.flags())
	dst = binary.BigEndian.AppendUint64(dst, e.Epoch)
	dst = binary.AppendUvarint(dst, e.Seq)
	for _, text := range [...]string{e.Node, e.Namespace, e.Event} {
		dst = appendText(dst, text)
	}
	if e.Options.how.State {
		dst = appendText(dst, e.Options.how.Key)
	}
	if e.Options.how.Within > 0 {
		dst = binary.AppendUvarint(dst, uint64(e.Options.how.Within))
	}
	for _, list := range [...][]string{e.Names, e.Except} {
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, text := range list {
			dst = appendText(dst, text)
		}
	}
	return append(dst, e.Payload...)
}

func (e *Envelope) flags() (flags byte) {
	if e.Binary {
		flags |= envelopeBinary
	}
	if e.Options.how.Volatile {
		flags |= envelopeVolatile
	}
	if e.Options.how.State {
		flags |= envelopeState
	}
	if e.Options.how.Within > 0 {
		flags |= envelopeDeadline
	}
	return flags
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// ParseEnvelope reads what Append wrote. The result's Payload borrows p; its
// texts are copies. Anything else gives ERR_MSG_001; what it allocates is
// bounded by a small multiple of len(p), whatever p announces.
func ParseEnvelope(p []byte) (Envelope, error) {
	var e Envelope
	if len(p) < 10 || p[0] != envelopeVersion || p[1]&^envelopeFlags != 0 {
		return e, errEnvelope
	}
	r := envelopeReader{p: p[10:]}
	flags := p[1]
	e.Binary = flags&envelopeBinary != 0
	e.Options.how.Volatile = flags&envelopeVolatile != 0
	e.Epoch = binary.BigEndian.Uint64(p[2:])
	e.Seq = r.number(math.MaxUint64)
	e.Node = r.text(MaxNodeName)
	e.Namespace = r.text(math.MaxInt)
	e.Event = r.text(message.MaxEventName)
	if e.Options.how.State = flags&envelopeState != 0; e.Options.how.State {
		e.Options.how.Key = r.text(math.MaxInt)
	}
	if flags&envelopeDeadline != 0 {
		e.Options.how.Within = time.Duration(r.number(math.MaxInt64))
		r.bad = r.bad || e.Options.how.Within == 0
	}
	e.Names = r.list()
	e.Except = r.list()
	e.Payload = r.p
	if r.bad || e.Node == "" || e.Seq == 0 {
		return Envelope{}, errEnvelope
	}
	return e, nil
}

var errEnvelope = &Error{Code: message.CodeInvalidFormat, Message: "not a broadcast of this version between nodes: run one version on all of them, and let nobody else publish to their subjects"}

// envelopeReader takes an envelope apart; bad sticks.
type envelopeReader struct {
	p   []byte
	bad bool
}

func (r *envelopeReader) number(limit uint64) uint64 {
	n, size := binary.Uvarint(r.p)
	if size <= 0 || n > limit || size > 1 && r.p[size-1] == 0 { // the last: not the shortest form
		r.bad, r.p = true, nil
		return 0
	}
	r.p = r.p[size:]
	return n
}

func (r *envelopeReader) text(limit int) string {
	n := r.number(uint64(min(limit, len(r.p))))
	if n > uint64(len(r.p)) {
		r.bad, r.p = true, nil
		return ""
	}
	text := string(r.p[:n])
	r.p = r.p[n:]
	return text
}

// list grows with what is there and not with what is announced.
func (r *envelopeReader) list() []string {
	var list []string
	for n := r.number(math.MaxUint64); n > 0 && !r.bad; n-- {
		text := r.text(maxRoomName)
		if text == "" {
			r.bad = true
		}
		list = append(list, text)
	}
	return list
}
