package middleware

import "testing"

func TestLayers(t *testing.T) {
	var first, second List[string]
	none := Layers[string]{Outer: [2]*Snapshot[string]{first.Now(), second.Now()}}
	if _, ok := none.At(0); ok || none.Any() {
		t.Error("there are layers")
	}
	first.Add("a")
	first.Add("b")
	second.Add("c")
	all := Layers[string]{[2]*Snapshot[string]{first.Now(), second.Now()}, []string{"d"}}
	got := ""
	for i := range 5 {
		m, ok := all.At(i)
		if ok != (i < 4) {
			t.Errorf("layer %d: %v", i, ok)
		}
		got += m
	}
	if got != "abcd" || !all.Any() {
		t.Errorf("the layers are %q", got)
	}
	for _, l := range []Layers[string]{{Outer: [2]*Snapshot[string]{first.Now(), nil}},
		{Outer: [2]*Snapshot[string]{nil, second.Now()}}, {Inner: []string{"d"}}} {
		if !l.Any() {
			t.Error("there are no layers")
		}
	}
}

func TestPosition(t *testing.T) {
	var p Position
	for want := range 3 {
		if i, ok := p.In(); !ok || i != want {
			t.Errorf("at %d, %v, want %d", i, ok, want)
		}
	}
	p.Out()
	if i, ok := p.In(); !ok || i != 2 {
		t.Errorf("at %d, %v after a step out", i, ok)
	}
	p.Over()
	if _, ok := p.In(); ok {
		t.Error("it goes on after its end")
	}
}
