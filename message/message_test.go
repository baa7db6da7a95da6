package message

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestSmoke(t *testing.T) {
	m, err := ParseJSON([]byte(` {"data":{"a":[1,2,{"b":"\u00e9]"}]},"ack":7 , "x":[[]],"event":"m\u006fve"}`))
	if err != nil || string(m.Event) != "move" || m.AckID != 7 || string(m.Payload) != `{"a":[1,2,{"b":"\u00e9]"}]}` {
		t.Fatalf("%+v %v", m, err)
	}
	b := Append(nil, &m)
	m2, err := Parse(b)
	if err != nil || !bytes.Equal(m2.Event, m.Event) || m2.AckID != 7 {
		t.Fatal(m2, err)
	}
	if !ValidJSON([]byte(strings.Repeat("[", 64)+strings.Repeat("]", 64))) || ValidJSON([]byte(strings.Repeat("[", 65)+strings.Repeat("]", 65))) {
		t.Fatal("depth")
	}
	if _, err := Parse(nil); !errors.Is(err, ErrInvalidFormat) {
		t.Fatal(err)
	}
	out, err := Marshal([]byte("\xff"), map[string]any{"a": "<\xff>"})
	if err != nil || string(out) != "\xff"+`{"a":"<\ufffd>"}` {
		t.Fatalf("%q %v", out, err)
	}
	var v struct{ A []string }
	in := []byte(`{"A":["xyz","\u0041bc"]}`)
	if err := Unmarshal(in, &v); err != nil {
		t.Fatal(err)
	}
	clear(in)
	if v.A[0] != "xyz" || v.A[1] != "Abc" {
		t.Fatal(v)
	}
}
