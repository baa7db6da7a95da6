package state

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"reflect"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/vectors.json")

// The types of the vectors: each kind of field is in them.
type vecArena struct {
	Phase   string                 `state:"phase,enum=lobby|play|over"`
	Left    int                    `state:"left,min=0,max=600"`
	Open    bool                   `state:"open"`
	Wind    float64                `state:"wind,min=-5,max=5,step=0.25"`
	Exact   float64                `state:"exact"`
	Players Map[string, vecPlayer] `state:"players"`
	Boxes   List[vecBox]           `state:"boxes"`
	Scores  []int                  `state:"scores"`
	Teams   Map[int, string]       `state:"teams"`
	Prices  Map[uint8, float64]    `state:"prices,step=0.01"`
	Names   []string               `state:"names"`
	Centre  vecPoint               `state:"centre"`
	Seal    []byte                 `state:"seal"`
	secret  int
}

type vecPlayer struct {
	Name  string                `state:"name"`
	X     float64               `state:"x,min=0,max=1000,step=0.1"`
	Y     float64               `state:"y,step=0.5"`
	Speed float32               `state:"speed"`
	Cards []int                 `state:"cards,owner"`
	At    vecPoint              `state:"at"`
	Level int8                  `state:"level,min=5,max=9"`
	Bag   Map[string, vecThing] `state:"bag"`
	Hand  List[vecCard]         `state:"hand,owner"`
}

type vecPoint struct {
	X int32  `state:"x"`
	Z uint16 `state:"z"`
}

type vecBox struct {
	ID   int     `state:"id,key"`
	Kind int     `state:"kind,enum=wood|iron"`
	W    float64 `state:"w,min=1,max=9,step=1"`
}

type vecThing struct {
	Count uint `state:"count"`
}

type vecCard struct {
	Code string `state:"code,key"`
	Up   bool   `state:"up"`
}

type vecMessage struct {
	Note  string `json:"note"`
	Hex   string `json:"hex"`
	Tick  uint64 `json:"tick"`
	Time  int64  `json:"time"`
	Step  int64  `json:"step"`
	Input uint64 `json:"input"`
	End   bool   `json:"end,omitempty"`
	State any    `json:"state"`
}

type vecSeries struct {
	Name     string          `json:"name"`
	Schema   json.RawMessage `json:"schema"`
	Messages []vecMessage    `json:"messages"`
}

type vecRefused struct {
	Name   string   `json:"name"`
	Before []string `json:"before"`
	Hex    string   `json:"hex"`
	// Synced: the state is as it was, and the next change of it is accepted. Otherwise only a
	// snapshot is.
	Synced bool `json:"synced"`
}

type vecFile struct {
	About   []string     `json:"about"`
	Series  []vecSeries  `json:"series"`
	Refused []vecRefused `json:"refused"`
}

// recorder writes down what one view is sent.
type recorder struct {
	t    *testing.T
	e    *Encoder
	v    *View
	r    *Reader
	out  vecSeries
	tick uint64
}

func record1[T any](t *testing.T, name string, root *T, step time.Duration) *recorder {
	e, err := NewEncoder(root, step)
	if err != nil {
		t.Fatal(err)
	}
	return &recorder{t: t, e: e, v: e.View(), r: NewReader(),
		out: vecSeries{Name: name, Schema: e.schema.text}}
}

var vecStart = time.UnixMicro(1_760_000_000_000_000)

// commit ends ticks, and is told how many.
func (c *recorder) commit(ticks uint64) {
	c.t.Helper()
	c.tick += ticks
	if err := c.e.Commit(c.tick, vecStart.Add(time.Duration(c.tick)*c.e.step)); err != nil {
		c.t.Fatal(err)
	}
}

// send writes the next message down.
func (c *recorder) send(note string, checksum bool) {
	c.t.Helper()
	b, any := c.v.AppendDelta(nil, checksum)
	if !any {
		c.t.Fatalf("%s: nothing to send", note)
	}
	c.add(note, b)
}

func (c *recorder) snapshot(note string) {
	c.t.Helper()
	c.add(note, c.v.AppendSnapshot(nil))
}

func (c *recorder) add(note string, b []byte) {
	c.t.Helper()
	ch, err := c.r.Apply(b)
	if err != nil {
		c.t.Fatalf("%s: %v", note, err)
	}
	c.out.Messages = append(c.out.Messages, vecMessage{
		Note: note, Hex: hex.EncodeToString(b), Tick: ch.Tick, Time: ch.Time.UnixMicro(),
		Step: int64(c.r.core.step), Input: ch.Input, End: ch.End, State: jsonable(c.r.Value()),
	})
}

// jsonable replaces floats that JSON cannot say by strings.
func jsonable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = jsonable(e)
		}
	case []any:
		for i, e := range v {
			v[i] = jsonable(e)
		}
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
	}
	return v
}

// vecKinds changes every kind of field.
func vecKinds(t *testing.T) vecSeries {
	a := &vecArena{secret: 1}
	c := record1(t, "every kind", a, 50*time.Millisecond)
	c.commit(1)
	c.snapshot("empty: everything is zero, wind has the raw value 20")
	a.Phase, a.Left, a.Open, a.Wind, a.Exact = "play", 600, true, -1.25, math.Pi
	a.Centre, a.Seal, a.Scores = vecPoint{X: -7, Z: 65535}, []byte{0, 255, 16}, []int{3, -1, 300}
	a.Names = []string{"", "ö", "\xff\xfe?"}
	c.commit(1)
	c.send("fields of the root; bytes that are not UTF-8 become U+FFFD each", false)
	a.Phase, a.Left, a.Open, a.Wind, a.Exact = "over", 0, false, 0, math.Inf(-1)
	a.Centre.Z, a.Seal, a.Scores, a.Names = 0, nil, nil, a.Names[:1]
	c.commit(3)
	c.send("back to zero, two ticks later than the next; with a checksum", true)
	a.Phase, a.Left, a.Wind, a.Exact = "", 9999, 77, math.NaN()
	c.v.SetInput(300)
	c.commit(1)
	c.send("clamped, NaN, and an input", true)
	a.Exact, a.Wind = math.Copysign(0, -1), math.NaN()
	c.commit(1)
	c.send("negative zero is zero, and NaN the smallest of a range", true)
	a.Exact, a.Wind = 1e-300, 0.124
	c.v.SetInput(301)
	c.commit(1)
	c.send("rounded to the nearest step", true)
	c.snapshot("a snapshot without a schema, which contains the input again")
	c.add("the end", c.e.AppendEnd(nil))
	return c.out
}

// vecEntries lets entries come and go.
func vecEntries(t *testing.T) vecSeries {
	a := &vecArena{}
	c := record1(t, "maps", a, 0)
	p := a.Players.Put("ann", vecPlayer{Name: "Ann", X: 0.3, Y: -2, Speed: 1.5})
	c.commit(1)
	c.snapshot("one entry; level is zero, which is 5")
	a.Players.Put("bob", vecPlayer{X: 1000, Y: 0.25, Level: 9, At: vecPoint{X: 1}})
	a.Teams.Put(-3, "red")
	a.Teams.Put(1<<40, "")
	a.Prices.Put(200, 0.1)
	c.commit(1)
	c.send("new entries; integer keys, entries that are scalars", true)
	p.X, p.At.Z = 0.34, 9
	*a.Teams.Get(-3) = "blue"
	*a.Teams.Get(1 << 40) = "x"
	*a.Prices.Get(200) = 0
	c.commit(1)
	c.send("changed entries; x stays, because it is rounded to the same", true)
	a.Players.Delete("ann")
	a.Teams.Delete(-3)
	c.commit(1)
	c.send("removed", true)
	a.Players.Put("eve", vecPlayer{Name: "Eve"})
	a.Players.Delete("bob")
	a.Players.Put("bob", vecPlayer{Name: "Bob again"})
	c.commit(1)
	c.send("slot 0 is free and taken again; in slot 1 is another entry with the same key", true)
	a.Players.Delete("eve")
	a.Players.Delete("bob")
	a.Players.Put("bob", vecPlayer{Level: 7})
	a.Players.Put("zoe", vecPlayer{})
	c.commit(1)
	c.send("bob moves to slot 0, zoe takes slot 1", true)
	bag := &a.Players.Get("zoe").Bag
	bag.Put("rope", vecThing{Count: 1})
	bag.Put("gold", vecThing{})
	c.commit(1)
	c.send("a map in an entry", true)
	bag.Get("gold").Count = 128
	bag.Delete("rope")
	c.commit(1)
	c.send("changes in a map in an entry", true)
	a.Players.Put("tmp", vecPlayer{})
	c.commit(1)
	a.Players.Delete("tmp")
	a.Left = 5
	c.commit(1)
	c.send("a client that missed a tick is told to remove slot 2, which it does not have", true)
	a.Players.Clear()
	a.Teams.Clear()
	a.Prices.Clear()
	c.commit(1)
	c.send("all removed", true)
	return c.out
}

// vecLists orders entries.
func vecLists(t *testing.T) vecSeries {
	a := &vecArena{}
	c := record1(t, "lists", a, time.Second/30)
	for i := range 3 {
		a.Boxes.Append(vecBox{ID: -i, Kind: i % 2, W: float64(i)})
	}
	c.commit(1)
	c.snapshot("three boxes; a width below 1 is 1")
	a.Boxes.Append(vecBox{ID: 3})
	c.commit(1)
	c.send("one at the end: the order need not be sent", true)
	a.Boxes.Delete(0)
	c.commit(1)
	c.send("the first one goes: neither", true)
	a.Boxes.Insert(1, vecBox{ID: 4})
	c.commit(1)
	c.send("one in the middle: the order is sent", true)
	a.Boxes.Move(3, 0)
	c.commit(1)
	c.send("the last one becomes the first, nothing else", true)
	a.Boxes.At(0).ID = 33
	a.Boxes.At(1).W = 9
	c.commit(1)
	c.send("another key makes another entry, which stays in its place", true)
	a.Boxes.Delete(3)
	a.Boxes.Append(vecBox{ID: 5})
	a.Boxes.Append(vecBox{ID: 6})
	c.commit(1)
	c.send("slots 3 and 4 at the end", true)
	c.snapshot("a snapshot of a list")
	a.Boxes.Clear()
	c.commit(1)
	c.send("empty", true)
	return c.out
}

// vecOwner shows what one client may see.
func vecOwner(t *testing.T) vecSeries {
	a := &vecArena{}
	c := record1(t, "interest and owner", a, 0)
	for _, k := range []string{"ann", "bob", "eve"} {
		p := a.Players.Put(k, vecPlayer{Name: k, Cards: []int{1, 2}})
		p.Hand.Append(vecCard{Code: "7♥", Up: true})
	}
	a.Players.Own(c.v, "bob")
	c.commit(1)
	c.snapshot("bob sees his own cards and hand, and nobody else's")
	for _, p := range a.Players.All() {
		p.Cards = append(p.Cards, 3)
		p.Hand.At(0).Up = false
	}
	c.commit(1)
	c.send("all hands change, bob's is sent", true)
	a.Players.Filter(c.v, func(k string, _ *vecPlayer) bool { return k != "ann" })
	a.Boxes.Append(vecBox{ID: 1})
	a.Boxes.Append(vecBox{ID: 2})
	a.Boxes.Append(vecBox{ID: 3})
	a.Boxes.Filter(c.v, func(b *vecBox) bool { return b.ID != 2 })
	a.Players.Get("ann").Name = "not on the wire"
	c.commit(1)
	c.send("ann leaves bob's view; of three boxes he sees the first and the last", true)
	a.Boxes.Filter(c.v, func(b *vecBox) bool { return true })
	a.Players.Filter(c.v, func(k string, _ *vecPlayer) bool { return true })
	a.Players.Disown(c.v, "bob")
	a.Left = 1
	c.commit(1)
	c.send("all enter: the box in its place. bob's own fields go, by a fresh entry", true)
	return c.out
}

// vecZeros has ranges in which zero is no multiple of steps from min.
func vecZeros(t *testing.T) vecSeries {
	a := &struct {
		A float64   `state:"a,min=-0.3,max=0.3,step=0.1"`
		B float64   `state:"b,min=-0.04,max=1,step=0.1"`
		C float64   `state:"c,min=-0.35,step=0.1"`
		D float64   `state:"d,min=-3,max=-1,step=0.5"`
		E int       `state:"e,min=-3,max=-1"`
		F int       `state:"f,min=-7"`
		G []float64 `state:"g,min=-0.3,max=0.3,step=0.1"`
	}{}
	c := record1(t, "zeros of ranges", a, 0)
	c.commit(1)
	c.snapshot("a, b and c are exactly 0, and have the raw values 3, 0 and 4; d and e are clamped")
	a.A, a.B, a.C, a.D, a.E, a.F, a.G = 0.1, 0.06, 0.05, -3, -3, 1, []float64{0, 0.1, -0.3}
	c.commit(1)
	c.send("others; min+q*step is what comes out", true)
	a.A, a.B, a.C, a.F = 0.01, -0.04, 0, 0
	c.commit(1)
	c.send("back to zero: exactly 0 again", true)
	c.snapshot("a snapshot")
	return c.out
}

func vectors(t *testing.T) vecFile {
	f := vecFile{About: []string{
		"Test vectors of states, written by go test ./room/state -run Vectors -update.",
		"series: apply the messages in order to an empty decoder; state is what it must then have.",
		"Floats that JSON cannot say are strings (NaN, +Inf, -Inf); bytes are base64; time and " +
			"step are microseconds; input is 0 until the first one.",
		"refused: after the messages of before, a decoder refuses hex. If synced, its state is " +
			"as it was.",
	}}
	f.Series = []vecSeries{vecKinds(t), vecEntries(t), vecLists(t), vecOwner(t), vecZeros(t)}
	f.Refused = refusals(t)
	return f
}

func TestVectors(t *testing.T) {
	made, err := json.MarshalIndent(vectors(t), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	made = append(made, '\n')
	if *update {
		if err := os.WriteFile("testdata/vectors.json", made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made, kept) {
		t.Error("testdata/vectors.json differs from what the encoder writes: a change of the " +
			"wire breaks clients; if it must be, run this test with -update")
	}
}

// TestDecoderReadsVectors reads the file as another implementation would.
func TestDecoderReadsVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file vecFile
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, s := range file.Series {
		plain := NewReader()
		typed, err := NewDecoder[vecArena]()
		if err != nil {
			t.Fatal(err)
		}
		if s.Name == "zeros of ranges" {
			typed.core.bind = func(*plan) error { return nil } // it is another type
		}
		for _, m := range s.Messages {
			b, _ := hex.DecodeString(m.Hex)
			if _, err := plain.Apply(b); err != nil {
				t.Fatalf("%s, %s: %v", s.Name, m.Note, err)
			}
			if _, err := typed.Apply(b); err != nil {
				t.Fatalf("%s, %s: %v", s.Name, m.Note, err)
			}
			text, _ := json.Marshal(jsonable(plain.Value()))
			var got any
			_ = json.Unmarshal(text, &got)
			if !reflect.DeepEqual(got, m.State) {
				t.Errorf("%s, %s:\n%v\n%v", s.Name, m.Note, got, m.State)
			}
		}
	}
	for _, r := range file.Refused {
		plain := NewReader()
		for _, h := range r.Before {
			b, _ := hex.DecodeString(h)
			if _, err := plain.Apply(b); err != nil {
				t.Fatalf("%s: %v", r.Name, err)
			}
		}
		b, _ := hex.DecodeString(r.Hex)
		if _, err := plain.Apply(b); err == nil || plain.Synced() != r.Synced {
			t.Errorf("%s: error %v, synced %v", r.Name, err, plain.Synced())
		}
	}
}
