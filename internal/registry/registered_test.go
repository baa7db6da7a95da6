package registry

import "testing"

// pairOf registers handlers of one event in two tables.
func pairOf(many, own []Registered[int]) (p Pair[int]) {
	var a, b Table[Registered[int]]
	for _, r := range many {
		a.Add("move", r)
	}
	for _, r := range own {
		b.Add("move", r)
	}
	return Pair[int]{a.FindString("move"), b.FindString("move")}
}

func TestPair(t *testing.T) {
	in, out := Registered[int]{Inline: true}, Registered[int]{}
	small := Registered[int]{Inline: true, MaxBytes: 10}
	for what, c := range map[string]struct {
		many, own    []Registered[int]
		inline       bool
		fits10, fits bool // 10 bytes, 11 bytes
	}{
		"one inline":         {[]Registered[int]{in}, nil, true, true, true},
		"own inline":         {nil, []Registered[int]{in}, true, true, true},
		"one of many is not": {[]Registered[int]{in, out}, nil, false, true, true},
		"its own is not":     {[]Registered[int]{in}, []Registered[int]{out}, false, true, true},
		"the smallest limit": {[]Registered[int]{in, small}, nil, true, true, false},
		"its own limit": {
			[]Registered[int]{out}, []Registered[int]{small}, false, true, false},
		"both with one limit": {[]Registered[int]{small}, []Registered[int]{in}, true, true, false},
	} {
		p := pairOf(c.many, c.own)
		if p.None() || p.Event() != "move" {
			t.Errorf("%s: none %t, event %q", what, p.None(), p.Event())
		}
		if p.Inline() != c.inline || p.Fit(10) != c.fits10 || p.Fit(11) != c.fits {
			t.Errorf("%s: inline %t, fits %t and %t", what, p.Inline(), p.Fit(10), p.Fit(11))
		}
		if first := p.First(); first != p.Many && (p.Many != nil || first != p.Own) {
			t.Errorf("%s: the first is %v", what, first)
		}
	}
	none := pairOf(nil, nil)
	if !none.None() || !none.Inline() || !none.Fit(1<<30) {
		t.Error("a pair without handlers has some, or they are not inline, or have a limit")
	}
}
