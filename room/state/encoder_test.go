package state

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// pair is an encoder with one view, and a reader on the other side.
type pair struct {
	t    *testing.T
	e    *Encoder
	v    *View
	r    *Reader
	tick uint64
}

func newPair[T any](t *testing.T, root *T) *pair {
	t.Helper()
	e, err := NewEncoder(root, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &pair{t: t, e: e, v: e.View(), r: NewReader()}
}

func (p *pair) commit() error {
	p.tick++
	return p.e.Commit(p.tick, time.UnixMicro(0))
}

// sync commits and delivers, and returns the changes.
func (p *pair) sync() Changes {
	p.t.Helper()
	if err := p.commit(); err != nil {
		p.t.Fatal(err)
	}
	b, any := p.v.AppendDelta(nil, true)
	if !any {
		p.t.Fatal("nothing was sent")
	}
	c, err := p.r.Apply(b)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func TestCommitComplains(t *testing.T) {
	type cell struct {
		V int `state:"v"`
	}
	a := &struct {
		Word  string            `state:"word,enum=a|b"`
		Index uint8             `state:"index,enum=a|b"`
		Large uint64            `state:"large"`
		Small int64             `state:"small"`
		Many  []int             `state:"many"`
		Cells Map[int64, cell]  `state:"cells"`
		Names Map[string, cell] `state:"names"`
	}{Word: "b"}
	p := newPair(t, a)
	p.sync()
	wants := func(want string) {
		t.Helper()
		err := p.commit()
		var e *message.Error
		if want == "" && err != nil || want != "" &&
			(!errors.As(err, &e) || !strings.Contains(e.Message, want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	a.Word = "c"
	wants(`"c" is no word of the enum word`)
	wants("") // once is enough
	a.Word, a.Index = "d", 2
	wants(`"d" is no word`) // the first of two
	a.Word = ""
	wants("")
	a.Index = 1
	a.Large = 1 << 63
	wants("large does not fit into 53 bits")
	a.Small = -1 << 60
	wants("small does not fit into 53 bits")
	a.Many = []int{1, 1 << 60}
	wants("many: a value does not fit")
	a.Cells.Put(1<<60, cell{1})
	wants("a key of cells does not fit")
	a.Names.Put("\xff", cell{1})
	wants(`the key "\xff" of names is not UTF-8`)
	a.Names.Put("good", cell{2})
	p.sync()
	want := map[string]any{
		"word": "a", "index": "b", "large": uint64(maxWhole), "small": int64(-maxWhole),
		"many": []int64{1, maxWhole}, "cells": map[string]any{},
		"names": map[string]any{"good": map[string]any{"v": int64(2)}},
	}
	if got := p.r.Value(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%v", got, want)
	}
}

func TestCommitNeedsTicksThatGrow(t *testing.T) {
	p := newPair(t, &vecPoint{})
	for _, one := range []struct {
		tick uint64
		ok   bool
	}{{0, false}, {5, true}, {0, false}, {4, false}, {5, true}, {6, true}} {
		if err := p.e.Commit(one.tick, time.UnixMicro(0)); (err == nil) != one.ok {
			t.Errorf("tick %d: %v", one.tick, err)
		}
	}
}

// TestNothingToSend: without a change there is no message, and a client that got none for many
// ticks is up to date.
func TestNothingToSend(t *testing.T) {
	a := &vecPoint{X: 1}
	p := newPair(t, a)
	if p.v.Base() != 0 {
		t.Error("a new view has a base")
	}
	p.sync()
	for range 5 {
		if err := p.commit(); err != nil {
			t.Fatal(err)
		}
		if p.e.Changed() {
			t.Error("a change was found")
		}
		if b, any := p.v.AppendDelta([]byte{7}, false); any || len(b) != 1 || p.v.Base() != 1 {
			t.Errorf("sent %x at base %d", b, p.v.Base())
		}
	}
	p.v.SetInput(9)
	if c := p.sync(); c.Input != 9 || c.Tick != 7 || len(c.List) != 0 {
		t.Errorf("the input: %+v", c)
	}
	if b, any := p.v.AppendDelta(nil, true); any {
		t.Errorf("a checksum without a commit: %x", b)
	}
	a.X = 2
	if c := p.sync(); len(c.List) != 1 || c.Input != 9 || p.v.Base() != 8 {
		t.Errorf("%+v", c)
	}
	p.v.Reset()
	if c := p.sync(); !c.Snapshot || c.Input != 9 || len(c.List) != 0 {
		t.Errorf("after Reset: %+v", c)
	}
}

// TestEncodingIsOfTheCommit: changes after a Commit are not sent before the next one.
func TestEncodingIsOfTheCommit(t *testing.T) {
	a := &vecArena{Left: 1}
	p := newPair(t, a)
	a.Players.Put("a", vecPlayer{Name: "first"})
	if err := p.commit(); err != nil {
		t.Fatal(err)
	}
	a.Left = 2
	a.Players.Get("a").Name = "second"
	a.Players.Put("b", vecPlayer{})
	if _, err := p.r.Apply(p.v.AppendSnapshot(nil)); err != nil {
		t.Fatal(err)
	}
	got := p.r.Value()
	players := got["players"].(map[string]any)
	if got["left"] != int64(1) || len(players) != 1 ||
		players["a"].(map[string]any)["name"] != "first" {
		t.Errorf("%v", got)
	}
}

// TestDriftIsFound: a client whose state is another one notices by the checksum.
func TestDriftIsFound(t *testing.T) {
	a := &vecArena{}
	p := newPair(t, a)
	a.Players.Put("a", vecPlayer{})
	p.sync()
	p.r.core.rec.kids[0].dec.slots[0].rec.nums[0]++
	if err := p.commit(); err != nil {
		t.Fatal(err)
	}
	b, any := p.v.AppendDelta(nil, true)
	if !any {
		t.Fatal("no checksum")
	}
	if _, err := p.r.Apply(b); err == nil || p.r.Synced() {
		t.Errorf("the drift was not found: %v", err)
	}
	p.v.Reset()
	if p.sync(); !p.r.Synced() {
		t.Error("the snapshot did not mend it")
	}
}

// TestWindowsAreForTheRoot: a container of an entry cannot be filtered, nor that of another state.
func TestWindowsAreForTheRoot(t *testing.T) {
	a, b := &vecArena{}, &vecArena{}
	p := newPair(t, a)
	inner := a.Players.Put("a", vecPlayer{})
	for name, do := range map[string]func(){
		"entry": func() { inner.Bag.ShowAll(p.v) },
		"other": func() { b.Players.Own(p.v, "a") },
	} {
		func() {
			defer func() {
				if _, ok := recover().(*message.Error); !ok {
					t.Errorf("%s: no panic with an error", name)
				}
			}()
			do()
		}()
	}
}

// TestLists with owners by entry.
func TestOwnFunc(t *testing.T) {
	type card struct {
		ID   int    `state:"id,key"`
		Face string `state:"face,owner"`
		By   string
	}
	a := &struct {
		Hand struct {
			Cards List[card] `state:"cards"`
		} `state:"hand"`
	}{}
	l := &a.Hand.Cards
	p := newPair(t, a)
	for i, by := range []string{"ann", "bob", "ann"} {
		l.Append(card{ID: i, Face: "face of " + by, By: by})
	}
	of := func(name string) func(*card) bool { return func(c *card) bool { return c.By == name } }
	faces := func() (out []any) {
		for _, c := range p.r.Value()["hand"].(map[string]any)["cards"].([]any) {
			out = append(out, c.(map[string]any)["face"])
		}
		return out
	}
	l.OwnFunc(p.v, of("ann"))
	p.sync()
	if got := faces(); !reflect.DeepEqual(got, []any{"face of ann", "", "face of ann"}) {
		t.Errorf("%q", got)
	}
	l.OwnFunc(p.v, of("bob"))
	p.sync()
	if got := faces(); !reflect.DeepEqual(got, []any{"", "face of bob", ""}) {
		t.Errorf("%q", got)
	}
	l.At(0).By, l.At(0).Face = "bob", "new"
	l.OwnFunc(p.v, of("bob"))
	l.Move(2, 0)
	p.sync()
	if got := faces(); !reflect.DeepEqual(got, []any{"", "new", "face of bob"}) {
		t.Errorf("%q", got)
	}
}

// A zero of Go that lies above its range is sent as what it is clamped to, from the beginning.
func TestZeroAboveItsRangeIsClamped(t *testing.T) {
	type below struct {
		Depth float64 `state:"depth,min=-10,max=-1,step=1"`
	}
	s := &below{}
	e, err := NewEncoder(s, 0)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecoder[below]()
	if err != nil {
		t.Fatal(err)
	}
	v := e.View()
	for tick, depth := range []float64{0, -5, 0} {
		s.Depth = depth
		if err := e.Commit(uint64(tick+1), time.Now()); err != nil {
			t.Fatal(err)
		}
		message, _ := v.AppendDelta(nil, true)
		if _, err := d.Apply(message); err != nil {
			t.Fatal(err)
		}
		if want := min(depth, -1); d.State().Depth != want {
			t.Errorf("%v came as %v, want %v", depth, d.State().Depth, want)
		}
	}
}
