package state

import "encoding/json"

// schemaJSON is the schema on the wire.
type schemaJSON struct {
	V     int        `json:"v"`
	Types []typeJSON `json:"types"`
}

type typeJSON struct {
	Name   string      `json:"name"`
	Fields []fieldJSON `json:"fields"`
}

// fieldJSON is a field, or an element of scalars or of a map of scalars.
type fieldJSON struct {
	N     string     `json:"n,omitempty"`
	K     string     `json:"k"`
	Min   *float64   `json:"min,omitempty"`
	Max   *float64   `json:"max,omitempty"`
	Step  float64    `json:"step,omitempty"`
	Of    []string   `json:"of,omitempty"`
	Key   string     `json:"key,omitempty"`
	Type  int        `json:"type,omitempty"`
	El    *fieldJSON `json:"el,omitempty"`
	Owner bool       `json:"owner,omitempty"`
}

// schemaText writes the plans, one for each type.
func schemaText(plans []*plan) []byte {
	s := schemaJSON{V: 1}
	for _, p := range plans {
		t := typeJSON{Name: p.name}
		for i := range p.fields {
			t.Fields = append(t.Fields, p.fields[i].json())
		}
		s.Types = append(s.Types, t)
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // there is nothing in it that has no JSON
	}
	return text
}

func (f *field) json() fieldJSON {
	j := fieldJSON{N: f.name, K: kindNames[f.kind], Of: f.words, Owner: f.owner}
	if f.kind == kindFixed {
		j.Step = f.step
	}
	if f.ranged {
		j.Min = new(f.min)
		if f.kind != kindFixed {
			*j.Min = float64(f.lo)
		}
	}
	if f.bounded {
		j.Max = new(f.max)
		if f.kind != kindFixed {
			*j.Max = float64(f.hi)
		}
	}
	switch f.kind {
	case kindStruct:
		j.Type = f.sub.number
	case kindScalars:
		el := f.el.json()
		j.El = &el
	case kindMap:
		j.Key = kindNames[f.keyKind]
		f.subJSON(&j)
	case kindList:
		j.Key = f.sub.fields[f.sub.key].name
		f.subJSON(&j)
	}
	return j
}

func (f *field) subJSON(j *fieldJSON) {
	if !f.sub.scalar {
		j.Type = f.sub.number
		return
	}
	el := f.sub.fields[0].json()
	j.El = &el
}
