package state

import (
	"reflect"
	"time"
	"unsafe"
)

// Decoder fills a T with the state that a server sends. Fields are matched by their names in the
// tags, so that T may have fewer fields than the server's struct, or others. A Decoder and its
// state belong to one goroutine at a time.
type Decoder[T any] struct {
	core  core
	state T
}

// NewDecoder returns a Decoder whose state is empty. The error is the one of Describe.
func NewDecoder[T any]() (*Decoder[T], error) {
	s, err := Describe[T]()
	if err != nil {
		return nil, err
	}
	d := &Decoder[T]{}
	d.core.fill = unsafe.Pointer(&d.state)
	d.core.bind = func(p *plan) error { return p.connect(s.root, reflect.TypeFor[T]().String()) }
	d.core.zero = func() { d.state = *new(T) }
	return d, nil
}

// State returns the state as of the last message. The pointer is always the same. Read it only.
func (d *Decoder[T]) State() *T { return &d.state }

// Apply reads one message, which may be reused afterwards, and returns what it changed.
//
// An ERR_MSG_001 says that the message cannot be applied: because one before it was lost, because
// the state has drifted, or because it is malformed. The server must then be asked for a snapshot,
// and until it comes all other messages are refused. Changes.List has what was changed until then.
func (d *Decoder[T]) Apply(payload []byte) (Changes, error) { return d.core.apply(payload) }

// Synced tells whether the state is the server's, as of Tick. It is false before the first snapshot
// and after an error or an end.
func (d *Decoder[T]) Synced() bool { return d.core.synced }

// Tick returns the tick of the last message that was applied, 0 before the first one.
func (d *Decoder[T]) Tick() uint64 { return d.core.tick }

// Step returns the time from tick to tick, 0 if the room does not tick.
func (d *Decoder[T]) Step() time.Duration { return time.Duration(d.core.step) * time.Microsecond }

// Input returns the number of this client's last input that the state contains.
func (d *Decoder[T]) Input() uint64 { return d.core.input }

// Reader decodes a state of any schema into plain values, for tools. A Reader belongs to one
// goroutine at a time.
type Reader struct{ core core }

// NewReader returns a Reader whose state is empty.
func NewReader() *Reader { return &Reader{} }

// Apply is Decoder.Apply.
func (r *Reader) Apply(payload []byte) (Changes, error) { return r.core.apply(payload) }

// Synced is Decoder.Synced.
func (r *Reader) Synced() bool { return r.core.synced }

// Tick is Decoder.Tick.
func (r *Reader) Tick() uint64 { return r.core.tick }

// Schema returns the schema's JSON, nil before the first snapshot. It is borrowed.
func (r *Reader) Schema() []byte { return r.core.schema }

// Value returns the state: a map with all fields by name. Structs and maps are maps, keys in
// decimal if they are integers; lists are slices; numbers are int64, uint64 or float64. It is owned
// by the caller, and nil before the first snapshot.
func (r *Reader) Value() map[string]any {
	if r.core.root == nil {
		return nil
	}
	return plainStruct(r.core.root, r.core.rec)
}

func plainStruct(p *plan, rec *record) map[string]any {
	out := make(map[string]any, len(p.fields))
	for i := range p.fields {
		f := &p.fields[i]
		out[f.name] = f.plainValue(rec)
	}
	return out
}

func (f *field) plainValue(rec *record) any {
	switch f.kind {
	case kindString:
		return rec.texts[f.at]
	case kindBytes:
		return append([]byte{}, rec.blobs[f.at]...)
	case kindScalars:
		return f.el.plainSlice(rec.blobs[f.at])
	case kindStruct:
		return plainStruct(f.sub, rec)
	case kindMap:
		out := map[string]any{}
		if es := rec.kids[f.at]; es.dec != nil {
			for _, one := range es.dec.slots {
				out[f.keyText(one)] = f.sub.plainEntry(one)
			}
		}
		return out
	case kindList:
		out := []any{}
		if es := rec.kids[f.at]; es.dec != nil {
			for _, one := range es.dec.seq {
				out = append(out, f.sub.plainEntry(one))
			}
		}
		return out
	}
	return f.plain(rec.nums[f.at])
}

func (p *plan) plainEntry(one *entry) any {
	if p.scalar {
		return p.fields[0].plainValue(one.rec)
	}
	return plainStruct(p, one.rec)
}
