package state

import (
	"encoding/json"
	"math"
	"slices"

	"github.com/smartsocket/smartsocket/message"
)

var errSchema = refused("the schema cannot be understood")

// parser makes plans from a schema that a server sent.
type parser struct {
	types []typeJSON
	count int
	bad   bool
}

// parseSchema returns the plan of the root. The text is not kept.
func parseSchema(text []byte) (*plan, *message.Error) {
	var s schemaJSON
	if len(text) > maxSchema || json.Unmarshal(text, &s) != nil || s.V != 1 ||
		len(s.Types) == 0 || len(s.Types) > maxTypes {
		return nil, errSchema
	}
	p := &parser{types: s.Types}
	root := p.plan(0, 1, nil)
	if p.bad {
		return nil, errSchema
	}
	root.place(root)
	return root, nil
}

// plan makes the plan of a type. path leads to it from its record.
func (p *parser) plan(number, depth int, path []string) *plan {
	out := &plan{key: -1, number: number}
	if depth > maxDepth || number < 0 || number >= len(p.types) {
		p.bad = true
		return out
	}
	t := &p.types[number]
	out.name = t.Name
	p.count += len(t.Fields)
	if len(t.Fields) == 0 || len(t.Fields) > maxFields || p.count > maxPlan {
		p.bad = true
		return out
	}
	out.fields = make([]field, len(t.Fields))
	for i := range t.Fields {
		if p.bad {
			break
		}
		j, f := &t.Fields[i], &out.fields[i]
		f.name, f.owner = j.N, j.Owner
		f.path = append(slices.Clone(path), j.N)
		p.bad = p.bad || !validName(j.N) ||
			slices.ContainsFunc(out.fields[:i], func(o field) bool { return o.name == j.N })
		p.field(f, j, depth)
	}
	return out
}

// field reads what kind of field it is.
func (p *parser) field(f *field, j *fieldJSON, depth int) {
	f.kind = kind(max(0, slices.Index(kindNames[:], j.K)))
	switch f.kind {
	case kindStruct:
		f.sub = p.plan(j.Type, depth+1, f.path)
	case kindScalars:
		if j.El == nil {
			p.bad = true
			return
		}
		f.el = &field{}
		p.scalar(f.el, j.El)
	case kindMap, kindList:
		p.container(f, j, depth)
	case kindBytes:
	default:
		p.scalar(f, j)
	}
}

func (p *parser) container(f *field, j *fieldJSON, depth int) {
	if f.kind == kindMap && j.El != nil {
		f.sub = &plan{fields: make([]field, 1), scalar: true, key: -1}
		p.scalar(&f.sub.fields[0], j.El)
	} else {
		f.sub = p.plan(j.Type, depth+1, nil)
	}
	if f.kind == kindMap {
		f.keyKind = kind(max(0, slices.Index(kindNames[:], j.Key)))
	} else {
		f.sub.key = slices.IndexFunc(f.sub.fields, func(o field) bool { return o.name == j.Key })
		if f.sub.key < 0 {
			p.bad = true
			return
		}
		key := &f.sub.fields[f.sub.key]
		f.keyKind, key.key = key.kind, true
		p.bad = p.bad || key.owner || key.ranged || key.bounded
	}
	p.bad = p.bad || f.keyKind != kindString && f.keyKind != kindInt && f.keyKind != kindUint
}

// scalar reads a field that contains no others.
func (p *parser) scalar(f *field, j *fieldJSON) {
	f.kind = kind(max(0, slices.Index(kindNames[:], j.K)))
	switch f.kind {
	case kindEnum:
		f.words = j.Of
		p.bad = p.bad || len(j.Of) == 0
	case kindFixed:
		f.step = j.Step
		f.min, f.max, f.ranged, f.bounded = value(j.Min), value(j.Max), j.Min != nil, j.Max != nil
		p.bad = p.bad || f.checkFixed("") != nil
	case kindInt, kindUint:
		for _, limit := range []float64{value(j.Min), value(j.Max)} {
			p.bad = p.bad || limit != math.Trunc(limit) || math.Abs(limit) > maxWhole
		}
		if p.bad {
			return
		}
		f.lo, f.hi = int64(value(j.Min)), int64(value(j.Max))
		f.ranged, f.bounded = j.Min != nil, j.Max != nil
		p.bad = p.bad || f.checkWhole("") != nil
	case kindBool, kindF32, kindF64, kindString:
	default:
		p.bad = true
		return
	}
	f.settle()
}

func value(p *float64) float64 {
	if p == nil {
		return 0
	}
	return *p
}
