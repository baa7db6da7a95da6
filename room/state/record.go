package state

// record holds the values of a struct and of the structs nested in it as they are on the wire. The
// encoder compares the application's values with it, the decoder fills it.
type record struct {
	nums    []uint64
	texts   []string
	blobs   [][]byte // bytes; scalars with their count
	kids    []*entries
	commits []uint64 // of the encoder: by leaf, the commit in which the field changed last
	changed uint64   // of the encoder: the largest of commits, also of the entries below
}

// entries are those of a map or list.
type entries struct {
	at    []*entry // the encoder's, by slot, nil where none is; the decoder's, ascending
	order []uint32 // of a list: slots in order
	n     int

	enc *changes // of the encoder
	dec *holding // of the decoder
}

// entry is one of a map or list.
type entry struct {
	slot uint32
	num  uint64 // key, of integers
	text string // key, of strings
	rec  *record

	serial        uint64 // of the encoder: which entry of the application it is
	born, changed uint64 // of the encoder: commits
	delta, whole  shared // of the encoder
	dec           kept   // of the decoder
}

// newRecord makes the record of a struct whose fields are all zero.
func newRecord(p *plan, commits bool) *record {
	n := p.nums
	if commits {
		n += p.leaves
	}
	numbers := make([]uint64, n)
	r := &record{nums: numbers[:p.nums:p.nums], commits: numbers[p.nums:]}
	if p.texts > 0 {
		r.texts = make([]string, p.texts)
	}
	if p.blobs > 0 {
		r.blobs = make([][]byte, p.blobs)
	}
	if p.kids > 0 {
		r.kids = make([]*entries, p.kids)
	}
	r.zero(p)
	return r
}

// zero gives the numbers their zero values, which are not 0 if a range begins below it.
func (r *record) zero(p *plan) {
	for i := range p.fields {
		f := &p.fields[i]
		switch {
		case f.kind == kindStruct:
			r.zero(f.sub)
		case f.kind.number():
			r.nums[f.at] = f.zero
			if f.kind == kindFixed && !f.exact {
				r.nums[f.at+1] = unseen
			}
		case (f.kind == kindMap || f.kind == kindList) && r.kids[f.at] == nil:
			r.kids[f.at] = &entries{}
		}
	}
}

// unseen is no float that a program computes: the next comparison looks at the field.
const unseen = ^uint64(0)

// memory returns about how many bytes an entry with such a record takes in a decoder.
func (p *plan) memory() int { return 256 + 8*p.nums + 16*p.texts + 24*p.blobs + 128*p.kids }
