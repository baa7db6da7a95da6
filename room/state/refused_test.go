package state

import (
	"encoding/hex"
	"testing"
)

// refArena is small, so that the messages below can be written by hand.
type refArena struct {
	N     uint               `state:"n"`
	Level int                `state:"level,min=3,max=6"`
	On    bool               `state:"on"`
	Word  string             `state:"word,enum=a|b"`
	Text  string             `state:"text"`
	Cells Map[uint, refCell] `state:"cells"`
	Row   List[refCell]      `state:"row"`
	Half  float64            `state:"half,min=0,max=2,step=0.5"`
	Set   []bool             `state:"set"`
	Deep  struct {
		V int `state:"v"`
	} `state:"deep"`
}

type refCell struct {
	ID uint `state:"id,key"`
	V  int  `state:"v"`
}

// refusals are messages that a decoder refuses.
func refusals(t *testing.T) []vecRefused {
	a := &refArena{N: 1}
	a.Cells.Put(1, refCell{V: 1})
	a.Cells.Put(2, refCell{V: 2})
	a.Row.Append(refCell{ID: 8})
	a.Row.Append(refCell{ID: 9})
	c := record1(t, "", a, 0)
	c.commit(1)
	c.snapshot("")
	snap := c.out.Messages[0].Hex
	var out []vecRefused
	add := func(name, hex string) {
		out = append(out, vecRefused{Name: name, Before: []string{snap}, Hex: hex})
	}
	for _, m := range refusedMessages {
		add(m[0], m[1])
	}
	for _, s := range refusedSchemas {
		add("schema: "+s[0], "11 02 00 00 "+schemaHex(s[1])+" 0000")
	}
	out = append(out,
		vecRefused{Name: "a delta before a snapshot", Hex: "02 02 01 0000"},
		vecRefused{Name: "a snapshot without a schema", Hex: "01 02 00 00 0000"},
		vecRefused{Name: "a delta from another tick", Before: []string{snap},
			Hex: "02 03 01 0000", Synced: true},
		vecRefused{Name: "a delta of age 0", Before: []string{snap}, Hex: "02 01 00 0000",
			Synced: true},
		vecRefused{Name: "a delta that is older than the first tick", Before: []string{snap},
			Hex: "02 01 02 0000", Synced: true})
	for i := range out {
		out[i].Hex = squeeze(out[i].Hex)
		if _, err := hex.DecodeString(out[i].Hex); err != nil {
			t.Fatalf("%s: %v", out[i].Name, err)
		}
	}
	return out
}

// refusedMessages come after a snapshot of tick 1.
var refusedMessages = [][2]string{
	{"no byte", ""},
	{"kind 0", "00 02 01 0000"},
	{"kind 4", "04 02 01 0000"},
	{"unknown flag", "82 02 01 0000"},
	{"a schema in a delta", "12 02 01 0000"},
	{"an end with a flag", "43 02"},
	{"an end with something behind it", "03 02 00"},
	{"no mask", "02 02 01"},
	{"half a mask", "02 02 01 00"},
	{"a mask with a bit too much", "02 02 01 0004"},
	{"something behind the root", "02 02 01 0000 00"},
	{"a tick that is longer than it must be", "02 8200 01 0000"},
	{"a tick above 64 bits", "02 ffffffffffffffffff02 01 0000"},
	{"a field that is missing", "02 02 01 0100"},
	{"an unsigned number above 2^53-1", "02 02 01 0100 8080808080808010"},
	{"a number above its range", "02 02 01 0200 04"},
	{"a bool of 2", "02 02 01 0400 02"},
	{"a word that the enum does not have", "02 02 01 0800 02"},
	{"a string that is too long", "02 02 01 1000 02 61"},
	{"a string that is not UTF-8", "02 02 01 1000 01 ff"},
	{"a step above its range", "02 02 01 8000 05"},
	{"more scalars than bytes", "02 02 01 0001 03 0101"},
	{"a scalar that is no bool", "02 02 01 0001 01 02"},
	{"a change of an unknown slot", "02 02 01 2000 00 01 04 00"},
	{"a change of a removed slot", "02 02 01 2000 01 00 01 00 0002"},
	{"removed slots that do not ascend", "02 02 01 2000 02 01 00 00"},
	{"changed slots that do not ascend", "02 02 01 2000 00 02 02 020400 020400"},
	{"a slot that is too large", "02 02 01 2000 01 80808008 00"},
	{"a fresh slot that is too large", "02 02 01 2000 00 01 8180808001 0300"},
	{"more entries than bytes", "02 02 01 2000 00 05 0002 04"},
	{"more removed than bytes", "02 02 01 2000 ffffffff0f"},
	{"a mask of an entry with a bit too much", "02 02 01 2000 00 01 00 04"},
	{"a list's entry whose key is among its fields", "02 02 01 4000 00 01 00 01 05 00"},
	{"an order that is neither 0 nor 1", "02 02 01 4000 00 00 02"},
	{"an order without an entry", "02 02 01 4000 00 00 01 01 00"},
	{"an order with an entry twice", "02 02 01 4000 00 00 01 02 00 00"},
	{"an order with an unknown slot", "02 02 01 4000 00 00 01 02 00 02"},
	{"a list without its order", "02 02 01 4000 00 00"},
	{"a wrong checksum", "42 02 01 01020304 0000"},
	{"half a checksum", "42 02 01 0102"},
	{"a snapshot whose checksum is wrong", "41 02 00 00 00000000 0100 01"},
	{"a snapshot whose body is cut", "01 02 00 00 0100"},
	{"a schema that is no JSON", "11 02 00 00 01 7b 00"},
	{"a schema of another version", "11 02 00 00 " + schemaHex(`{"v":2,"types":[]}`) + "00"},
}

// refusedSchemas have what a schema must not have.
var refusedSchemas = [][2]string{
	{"no type", `{"v":1,"types":[]}`},
	{"no field", oneType(``)},
	{"no kind", oneType(`{"n":"a"}`)},
	{"unknown kind", oneType(`{"n":"a","k":"date"}`)},
	{"a name twice", oneType(`{"n":"a","k":"int"},{"n":"a","k":"int"}`)},
	{"a name that is none", oneType(`{"n":"__proto__","k":"int"}`)},
	{"a type that is not there", oneType(`{"n":"a","k":"struct","type":1}`)},
	{"a type that contains itself", oneType(`{"n":"a","k":"struct"}`)},
	{"an enum without words", oneType(`{"n":"a","k":"enum"}`)},
	{"a step of 0", oneType(`{"n":"a","k":"fixed","step":0}`)},
	{"max below min", oneType(`{"n":"a","k":"int","min":3,"max":2}`)},
	{"a list without a key", oneType(`{"n":"a","k":"list","type":1}]},` +
		`{"name":"B","fields":[{"n":"b","k":"int"}`)},
	{"a key that is a float", oneType(`{"n":"a","k":"map","key":"f64","el":{"k":"int"}}`)},
	{"scalars without a kind", oneType(`{"n":"a","k":"scalars"}`)},
}

func oneType(fields string) string {
	return `{"v":1,"types":[{"name":"A","fields":[` + fields + `]}]}`
}

// schemaHex returns the length and the text of a schema.
func schemaHex(text string) string {
	return hex.EncodeToString(append(appendUvarint(nil, uint64(len(text))), text...))
}

// squeeze takes the spaces out.
func squeeze(s string) string {
	out := []byte{}
	for _, c := range []byte(s) {
		if c != ' ' {
			out = append(out, c)
		}
	}
	return string(out)
}
