package state

import (
	"hash/crc32"
	"time"
	"unsafe"

	"github.com/smartsocket/smartsocket/message"
)

// Encoder finds what changes in a state and encodes it for clients. An Encoder and its Views belong
// to one goroutine at a time, the same that changes the state.
type Encoder struct {
	schema *Schema
	root   unsafe.Pointer
	rec    *record
	step   time.Duration

	started bool
	tick    uint64 // of the last commit
	micros  int64  // its time
	commits uint64 // counts them; what changed is marked with the number of its commit
	last    uint64 // the last commit that found a change
	prior   uint64 // the last such commit before it
	err     *message.Error

	complaints map[complaint]bool
	scratch    []byte
	bytes      []byte   // what shared refers to
	removed    []uint32 // scratch of one container of one view
	touched    []uint32
	sum        checksum
}

type checksum struct {
	commit uint64
	value  uint32
}

// NewEncoder returns an Encoder of the state at root, which must not move. A step above 0 says that
// ticks follow each other at this distance, so that clients know the time of each; at 0, ticks only
// count. The error is the one of Describe.
func NewEncoder[T any](root *T, step time.Duration) (*Encoder, error) {
	s, err := Describe[T]()
	if err != nil {
		return nil, err
	}
	return &Encoder{
		schema: s, root: unsafe.Pointer(root), rec: newRecord(s.root, true), step: step,
	}, nil
}

// Schema returns the schema of the state.
func (e *Encoder) Schema() *Schema { return e.schema }

// Tick returns the tick of the last Commit.
func (e *Encoder) Tick() uint64 { return e.tick }

// Changed tells whether the last Commit found a change.
func (e *Encoder) Changed() bool { return e.started && e.last == e.commits }

// Commit compares the state with what it was at the last Commit. What views encode from now on is
// the state as it is now, at this tick and this time. Ticks are above 0 and grow. A tick may be
// committed again, before the next one: for who comes in between, so that his snapshot has what
// changed meanwhile. Others get that with the next tick.
//
// An ERR_MSG_001 says what cannot be sent as it is, such as a word that its enum does not have. The
// rest is committed. The same complaint comes once.
func (e *Encoder) Commit(tick uint64, at time.Time) error {
	if tick == 0 || e.started && tick < e.tick {
		return invalid("commit", "tick %d after tick %d: ticks begin at 1 and grow", tick, e.tick)
	}
	e.started, e.tick, e.micros = true, tick, at.UnixMicro()
	e.commits++
	e.bytes = e.bytes[:0]
	if e.compare(e.schema.root, e.root, e.rec) {
		e.prior, e.last = e.last, e.commits
	}
	if err := e.err; err != nil {
		e.err = nil
		return err
	}
	return nil
}

// AppendEnd appends the message that says that the room is over, or that its receiver has left it.
func (e *Encoder) AppendEnd(dst []byte) []byte {
	return appendUvarint(append(dst, kindEnd), e.tick)
}

// View is what one client knows of a state: how far it is, what it may see and what is its own. It
// begins with nothing, and sees all entries but no owner fields. See Map.Filter and Map.Own.
type View struct {
	e         *Encoder
	synced    bool
	told      bool   // the client has the schema
	base      uint64 // the tick that the client has
	seen      uint64 // the commit that it has
	input     uint64
	sentInput uint64
	windows   []*window // by container of the root, nil without one
}

// View returns the view of a new client.
func (e *Encoder) View() *View {
	return &View{e: e, windows: make([]*window, e.schema.root.kids)}
}

// Base returns the tick of the last message to the client, 0 if there was none since Reset.
func (v *View) Base() uint64 {
	if !v.synced {
		return 0
	}
	return v.base
}

// Reset forgets what the client has, as after a lost connection or when it asked for a snapshot.
// The next message is a snapshot with the schema. What it may see and what is its own stays.
func (v *View) Reset() { v.synced, v.told = false, false }

// SetInput says that the state contains the client's inputs up to the one with this number. The
// next message says so, too.
func (v *View) SetInput(number uint64) { v.input = number }

// AppendDelta appends a message with all that changed since the last message to this client, and
// tells whether there is one: without a change there is none. With a checksum there is one whenever
// there was a Commit in between. A client that has nothing yet gets a snapshot.
func (v *View) AppendDelta(dst []byte, checksum bool) ([]byte, bool) {
	e := v.e
	if !v.synced {
		return v.AppendSnapshot(dst), true
	}
	if e.tick <= v.base {
		return dst, false
	}
	from, flags := len(dst), byte(kindDelta)
	dst = append(dst, 0)
	dst = appendUvarint(dst, e.tick)
	dst = appendUvarint(dst, e.tick-v.base)
	dst, flags = v.appendInput(dst, flags)
	sum := len(dst)
	if checksum {
		dst, flags = append(dst, 0, 0, 0, 0), flags|flagChecksum
	}
	dst, any := e.appendStruct(dst, e.schema.root, e.rec, walk{v: v, base: v.seen})
	if !any && flags == kindDelta {
		return dst[:from], false
	}
	dst[from] = flags
	if checksum {
		putUint32(dst[sum:], v.checksum())
	}
	v.base, v.seen, v.sentInput = e.tick, e.commits, v.input
	return dst, true
}

// AppendSnapshot appends a message with the whole state as the client sees it, at the tick of the
// last Commit. It has the schema if none was sent since Reset.
func (v *View) AppendSnapshot(dst []byte) []byte {
	e := v.e
	from, flags := len(dst), byte(kindSnapshot|flagChecksum)
	dst = append(dst, 0)
	dst = appendUvarint(dst, e.tick)
	dst = appendUvarint(dst, uint64(e.micros))
	dst = appendUvarint(dst, uint64(e.step.Microseconds()))
	if !v.told {
		flags |= flagSchema
		dst = appendUvarint(dst, uint64(len(e.schema.text)))
		dst = append(dst, e.schema.text...)
	}
	v.sentInput = 0
	dst, flags = v.appendInput(dst, flags)
	sum := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	v.settle()
	dst, _ = e.appendWhole(dst, e.schema.root, e.rec, walk{v: v})
	dst[from] = flags
	putUint32(dst[sum:], crc32.ChecksumIEEE(dst[sum+4:]))
	v.synced, v.told, v.base, v.seen, v.sentInput = true, true, e.tick, e.commits, v.input
	return dst
}

func (v *View) appendInput(dst []byte, flags byte) ([]byte, byte) {
	if v.input == v.sentInput {
		return dst, flags
	}
	return appendUvarint(dst, v.input), flags | flagInput
}

// checksum returns the CRC of the state that the client has after a message. Views that see all
// share it.
func (v *View) checksum() uint32 {
	e := v.e
	plain := true
	for _, w := range v.windows {
		plain = plain && w == nil
	}
	if plain && e.sum.commit == e.commits {
		return e.sum.value
	}
	e.scratch, _ = e.appendWhole(e.scratch[:0], e.schema.root, e.rec, walk{v: v})
	sum := crc32.ChecksumIEEE(e.scratch)
	if plain {
		e.sum = checksum{e.commits, sum}
	}
	return sum
}

func putUint32(b []byte, v uint32) {
	b[0], b[1], b[2], b[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
}
