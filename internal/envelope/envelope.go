// Package envelope is the wire form of a broadcast on its way between nodes:
//
//	version (1)  flags  epoch (8, big endian)  seq  node  namespace  event
//	[state's key]  [deadline in ns]  [sent at, in ns]
//	number of names, names…  number of excepted names, names…  payload (the rest)
//
// Numbers are unsigned varints in their shortest form. A text is its length as a number, then its
// bytes. Each envelope has one form only: what Parse accepts, Append writes again byte for byte.
//
// The package holds no state and no locks.
package envelope

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/smartsocket/smartsocket/internal/hub"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/message"
)

// Envelope is one broadcast. The fields mean what those of smartsocket.Envelope mean.
type Envelope struct {
	Node      string
	Epoch     uint64
	Seq       uint64
	Sent      time.Duration
	Namespace string
	Names     []string
	Except    []string
	Event     string
	Options   outgoing.Options
	Binary    bool
	Payload   []byte
}

const (
	version  = 1
	headSize = 10 // version, flags and epoch

	// The flags.
	flagBinary   = 0x01
	flagVolatile = 0x02
	flagState    = 0x04 // a key follows the event
	flagDeadline = 0x08 // nanoseconds follow
	flagSent     = 0x10 // nanoseconds follow
	flagsAll     = 0x1f

	// MaxNode is the longest name of a node in bytes.
	MaxNode = 64
)

// ErrFormat says that the bytes are no envelope of this version.
var ErrFormat = &message.Error{
	Code: message.CodeInvalidFormat,
	Message: "not a broadcast of this version between nodes: run one version on all of them, and " +
		"let nobody else publish to their subjects",
}

// Append appends the envelope's wire form to dst. It allocates only when dst is too short.
func (e *Envelope) Append(dst []byte) []byte {
	dst = append(dst, version, e.flags())
	dst = binary.BigEndian.AppendUint64(dst, e.Epoch)
	dst = binary.AppendUvarint(dst, e.Seq)
	for _, text := range [...]string{e.Node, e.Namespace, e.Event} {
		dst = appendText(dst, text)
	}
	if e.Options.State {
		dst = appendText(dst, e.Options.Key)
	}
	if e.Options.Within > 0 {
		dst = binary.AppendUvarint(dst, uint64(e.Options.Within))
	}
	if e.Sent > 0 {
		dst = binary.AppendUvarint(dst, uint64(e.Sent))
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
		flags |= flagBinary
	}
	if e.Options.Volatile {
		flags |= flagVolatile
	}
	if e.Options.State {
		flags |= flagState
	}
	if e.Options.Within > 0 {
		flags |= flagDeadline
	}
	if e.Sent > 0 {
		flags |= flagSent
	}
	return flags
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// Parse reads what Append wrote. The result's Payload borrows p; its texts are copies. Anything
// else gives ErrFormat. What Parse allocates is bounded by a small multiple of len(p), whatever p
// announces.
func Parse(p []byte) (Envelope, error) {
	var e Envelope
	if len(p) < headSize || p[0] != version || p[1]&^flagsAll != 0 {
		return e, ErrFormat
	}
	r := reader{p: p[headSize:]}
	flags := p[1]
	e.Binary = flags&flagBinary != 0
	e.Options.Volatile = flags&flagVolatile != 0
	e.Epoch = binary.BigEndian.Uint64(p[2:])
	e.Seq = r.number(math.MaxUint64)
	e.Node = r.text(MaxNode)
	e.Namespace = r.text(math.MaxInt)
	e.Event = r.text(message.MaxEventName)
	if flags&flagState != 0 {
		e.Options.State, e.Options.Key = true, r.text(math.MaxInt)
	}
	if flags&flagDeadline != 0 {
		e.Options.Within = time.Duration(r.number(math.MaxInt64))
		r.bad = r.bad || e.Options.Within == 0
	}
	if flags&flagSent != 0 {
		e.Sent = time.Duration(r.number(math.MaxInt64))
		r.bad = r.bad || e.Sent == 0
	}
	e.Names = r.list()
	e.Except = r.list()
	e.Payload = r.p
	if r.bad || e.Node == "" || e.Seq == 0 {
		return Envelope{}, ErrFormat
	}
	return e, nil
}

// reader takes an envelope apart. Once something is bad it stays bad and empty.
type reader struct {
	p   []byte
	bad bool
}

func (r *reader) number(limit uint64) uint64 {
	n, size := binary.Uvarint(r.p)
	longer := size > 1 && r.p[size-1] == 0 // not the shortest form of the number
	if size <= 0 || n > limit || longer {
		r.bad, r.p = true, nil
		return 0
	}
	r.p = r.p[size:]
	return n
}

func (r *reader) text(limit int) string {
	n := r.number(uint64(min(limit, len(r.p))))
	if n > uint64(len(r.p)) {
		r.bad, r.p = true, nil
		return ""
	}
	text := string(r.p[:n])
	r.p = r.p[n:]
	return text
}

// list grows with the names that are there, because their announced number may be a lie.
func (r *reader) list() []string {
	var list []string
	for n := r.number(math.MaxUint64); n > 0 && !r.bad; n-- {
		text := r.text(hub.MaxName)
		if text == "" {
			r.bad = true
		}
		list = append(list, text)
	}
	return list
}
