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
	add("no byte", "")
	add("kind 0", "00 02 01 0000")
	add("kind 4", "04 02 01 0000")
	add("unknown flag", "82 02 01 0000")
	add("a schema in a delta", "12 02 01 0000")
	add("an end with a flag", "43 02")
	add("an end with something behind it", "03 02 00")
	add("no mask", "02 02 01")
	add("half a mask", "02 02 01 00")
	add("a mask with a bit too much", "02 02 01 0004")
	add("something behind the root", "02 02 01 0000 00")
	add("a tick that is longer than it must be", "02 8200 01 0000")
	add("a tick above 64 bits", "02 ffffffffffffffffff02 01 0000")
	add("a field that is missing", "02 02 01 0100")
	add("an unsigned number above 2^53-1", "02 02 01 0100 8080808080808010")
	add("a number above its range", "02 02 01 0200 04")
	add("a bool of 2", "02 02 01 0400 02")
	add("a word that the enum does not have", "02 02 01 0800 02")
	add("a string that is too long", "02 02 01 1000 02 61")
	add("a string that is not UTF-8", "02 02 01 1000 01 ff")
	add("a step above its range", "02 02 01 8000 05")
	add("more scalars than bytes", "02 02 01 0001 03 0101")
	add("a scalar that is no bool", "02 02 01 0001 01 02")
	add("a change of an unknown slot", "02 02 01 2000 00 01 04 00")
	add("a change of a removed slot", "02 02 01 2000 01 00 01 00 0002")
	add("removed slots that do not ascend", "02 02 01 2000 02 01 00 00")
	add("changed slots that do not ascend", "02 02 01 2000 00 02 02 020400 020400")
	add("a slot that is too large", "02 02 01 2000 01 80808008 00")
	add("a fresh slot that is too large", "02 02 01 2000 00 01 8180808001 0300")
	add("more entries than bytes", "02 02 01 2000 00 05 0002 04")
	add("more removed than bytes", "02 02 01 2000 ffffffff0f")
	add("a mask of an entry with a bit too much", "02 02 01 2000 00 01 00 04")
	add("a list's entry whose key is among its fields", "02 02 01 4000 00 01 00 01 05 00")
	add("an order that is neither 0 nor 1", "02 02 01 4000 00 00 02")
	add("an order without an entry", "02 02 01 4000 00 00 01 01 00")
	add("an order with an entry twice", "02 02 01 4000 00 00 01 02 00 00")
	add("an order with an unknown slot", "02 02 01 4000 00 00 01 02 00 02")
	add("a list without its order", "02 02 01 4000 00 00")
	add("a wrong checksum", "42 02 01 01020304 0000")
	add("half a checksum", "42 02 01 0102")
	add("a snapshot whose checksum is wrong", "41 02 00 00 00000000 0100 01")
	add("a snapshot whose body is cut", "01 02 00 00 0100")
	add("a schema that is no JSON", "11 02 00 00 01 7b 00")
	add("a schema of another version", "11 02 00 00 "+schemaHex(`{"v":2,"types":[]}`)+"00")
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

// refusedSchemas have what a schema must not have.
var refusedSchemas = [][2]string{
	{"no type", `{"v":1,"types":[]}`},
	{"no field", `{"v":1,"types":[{"name":"A","fields":[]}]}`},
	{"no kind", `{"v":1,"types":[{"name":"A","fields":[{"n":"a"}]}]}`},
	{"unknown kind", `{"v":1,"types":[{"name":"A","fields":[{"n":"a","k":"date"}]}]}`},
	{"a name twice",
		`{"v":1,"types":[{"name":"A","fields":[{"n":"a","k":"int"},{"n":"a","k":"int"}]}]}`},
	{"a name that is none", `{"v":1,"types":[{"name":"A","fields":[{"n":"__proto__","k":"int"}]}]}`},
	{"a type that is not there", `{"v":1,"types":[{"name":"A","fields":[{"n":"a","k":"struct","type":1}]}]}`},
	{"a type that contains itself", `{"v":1,"types":[{"name":"A","fields":[{"n":"a","k":"struct"}]}]}`},
	{"an enum without words", `{"v":1,"types":[{"name":"A","fields":[{"n":"a","k":"enum"}]}]}`},
	{"a step of 0", `{"v":1,"types":[{"name":"A","fields":[{"n":"a","k":"fixed","step":0}]}]}`},
	{"max below min",
		`{"v":1,"types":[{"name":"A","fields":[{"n":"a","k":"int","min":3,"max":2}]}]}`},
	{"a list without a key", `{"v":1,"types":[{"name":"A","fields":[{"n":"a","k":"list","type":1}]},` +
		`{"name":"B","fields":[{"n":"b","k":"int"}]}]}`},
	{"a key that is a float", `{"v":1,"types":[{"name":"A","fields":` +
		`[{"n":"a","k":"map","key":"f64","el":{"k":"int"}}]}]}`},
	{"scalars without a kind", `{"v":1,"types":[{"name":"A","fields":[{"n":"a","k":"scalars"}]}]}`},
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
