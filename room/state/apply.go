package state

import (
	"hash/crc32"
	"slices"
	"time"
	"unsafe"

	"github.com/smartsocket/smartsocket/message"
)

// core is the part of a decoder that does not depend on a type of the application.
type core struct {
	reader
	bind func(*plan) error // connects a new schema to the Go struct, nil without one
	fill unsafe.Pointer    // the Go struct
	zero func()            // empties the Go struct

	root   *plan
	schema []byte
	rec    *record

	synced   bool
	tick     uint64
	first    uint64 // tick of the last snapshot
	micros   uint64 // its time
	step     uint64 // microseconds
	input    uint64
	list     []Change
	pass     uint64
	memory   int // what the message may still cost
	crc      Encoder
	canonic  []byte
	expected uint32
}

// apply reads one message.
func (d *core) apply(payload []byte) (Changes, error) {
	d.reader = reader{b: payload}
	d.list = d.list[:0]
	d.memory = memoryFloor + memoryPerByte*len(payload)
	first := d.byte()
	out := Changes{Tick: d.uvarint()}
	switch first & 0x0f {
	case kindSnapshot:
		out.Snapshot = true
		if d.snapshotHead(first, out.Tick) {
			d.body(first, true)
		}
	case kindDelta:
		if first&flagSchema != 0 {
			d.fail(errKind)
		}
		if age := d.uvarint(); d.err == nil && (!d.synced || age == 0 || age > out.Tick ||
			out.Tick-age != d.tick) {
			return Changes{}, errBase // the state is as it was
		}
		d.body(first, false)
	case kindEnd:
		out.End = true
		if first != kindEnd {
			d.fail(errKind)
		}
		if d.rest() > 0 {
			d.fail(errLong)
		}
	default:
		d.fail(errKind)
	}
	out.Input, out.List = d.input, d.list
	if d.err != nil {
		d.synced = false
		return out, d.err
	}
	d.tick, d.synced = out.Tick, !out.End
	out.Time = d.time(out.Tick)
	return out, nil
}

// snapshotHead reads what stands before a snapshot's body, and prepares for its schema.
func (d *core) snapshotHead(first byte, tick uint64) bool {
	micros, step := d.uvarint(), d.uvarint()
	if micros > maxWhole || step > maxWhole {
		d.fail(errSettings)
	}
	if first&flagSchema != 0 {
		text := d.take(d.uvarint())
		if d.err == nil && (d.root == nil || string(text) != string(d.schema)) {
			d.adopt(text)
		}
	}
	if d.root == nil {
		d.fail(errNoSchema)
	}
	d.first, d.micros, d.step = tick, micros, step
	return d.err == nil
}

// adopt begins anew with another schema.
func (d *core) adopt(text []byte) {
	root, err := parseSchema(text)
	if err != nil {
		d.fail(err)
		return
	}
	if d.bind != nil {
		if err := d.bind(root); err != nil {
			d.fail(err.(*message.Error))
			return
		}
		d.zero()
	}
	d.root, d.schema, d.rec = root, slices.Clone(text), newRecord(root, false)
	root.fillZeros(d.fill, d.rec)
	d.synced = false
}

// body reads what follows the head of a message, to its end.
func (d *core) body(first byte, whole bool) {
	if first&0x80 != 0 {
		d.fail(errKind)
	}
	if first&flagInput != 0 {
		d.input = d.uvarint()
	}
	checksum := first&flagChecksum != 0
	if checksum {
		if b := d.take(4); b != nil {
			d.expected = uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		}
	}
	if d.err != nil {
		return
	}
	d.message(target{rec: d.rec, fill: d.fill}, whole)
	if d.err == nil && d.rest() > 0 {
		d.fail(errLong)
	}
	if d.err == nil && checksum && d.checksum() != d.expected {
		d.fail(errChecksum)
	}
}

// checksum returns the CRC of the whole state.
func (d *core) checksum() uint32 {
	d.canonic, _ = d.crc.appendWhole(d.canonic[:0], d.root, d.rec, walk{own: true})
	return crc32.ChecksumIEEE(d.canonic)
}

// time returns when a tick was, by the server's clock.
func (d *core) time(tick uint64) time.Time {
	return time.UnixMicro(int64(d.micros + (tick-d.first)*d.step))
}

// target is where a struct is decoded to.
type target struct {
	rec   *record
	fill  unsafe.Pointer // the Go struct, nil without one
	place *place         // of the entry, nil in the root
	quiet bool           // the entry is new, its fields are not reported
}

// message reads the struct of the root.
func (d *core) message(to target, whole bool) { d.fields(d.root, d.mask(d.root), to, whole) }

// mask reads and borrows the mask of a struct.
func (d *core) mask(p *plan) []byte {
	m := d.take(uint64(p.maskBytes()))
	if m != nil && len(p.fields)%8 != 0 && m[len(m)-1]>>(len(p.fields)%8) != 0 {
		d.fail(errMask)
	}
	return m
}

// fields reads the fields that the mask has. If whole, the others become zero; no mask has none.
func (d *core) fields(p *plan, mask []byte, to target, whole bool) {
	for i := range p.fields {
		if d.err != nil {
			return
		}
		f := &p.fields[i]
		in := mask != nil && mask[i/8]>>(i%8)&1 != 0
		switch {
		case f.key:
			if in {
				d.fail(errKey)
			}
		case f.kind == kindStruct && in:
			d.fields(f.sub, d.mask(f.sub), to, whole)
		case f.kind == kindStruct && whole:
			d.fields(f.sub, nil, to, true)
		case f.kind == kindStruct:
		case f.kind == kindMap || f.kind == kindList:
			if in || whole {
				d.entries(f, to, whole, in)
			}
		case in || whole:
			d.value(f, to, in)
		}
	}
}

// value reads a field that is no struct and no container; if it is not in the message, it becomes
// zero.
func (d *core) value(f *field, to target, in bool) {
	c := Change{Op: Set, place: to.place, field: f}
	switch f.kind {
	case kindString:
		var b []byte
		if in {
			b = d.text()
		}
		had := to.rec.texts[f.at]
		if d.err != nil || string(b) == had {
			return
		}
		text := string(b)
		to.rec.texts[f.at] = text
		if !to.quiet {
			c.long = &long{oldText: had, text: text}
		}
	case kindBytes, kindScalars:
		var b []byte
		if in && f.kind == kindBytes {
			b = d.take(d.uvarint())
		} else if in {
			b = d.scalars(f.el)
		}
		had := to.rec.blobs[f.at]
		if d.err != nil || string(b) == string(had) {
			return
		}
		b = slices.Clone(b)
		to.rec.blobs[f.at] = b
		if !to.quiet {
			c.long = &long{oldBlob: had, blob: b}
		}
	default:
		raw := f.zero
		if in {
			raw = d.number(f)
		}
		had := to.rec.nums[f.at]
		if d.err != nil || raw == had {
			return
		}
		c.old, c.now = had, raw
		to.rec.nums[f.at] = raw
	}
	f.fill(to.fill, to.rec)
	if !to.quiet {
		d.list = append(d.list, c)
	}
}
