package state

import (
	"fmt"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/race"
)

// list writes changes in short.
func list(c Changes) (out []string) {
	names := [...]string{Set: "set", Add: "add", Remove: "remove", Order: "order"}
	for _, one := range c.List {
		s := names[one.Op] + " " + strings.Join(one.Path(), "/")
		if one.Op == Set {
			s += fmt.Sprintf(" %v→%v", one.Old(), one.New())
		}
		out = append(out, s)
	}
	return out
}

// TestChanges: Apply lists what changed, by field, key and list; a snapshot lists what differs.
func TestChanges(t *testing.T) {
	a := &vecArena{}
	p := newPair(t, a)
	want := func(c Changes, want ...string) {
		t.Helper()
		if got := list(c); !reflect.DeepEqual(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
	a.Left = 3
	ann := a.Players.Put("ann", vecPlayer{X: 1})
	ann.Bag.Put("rope", vecThing{1})
	a.Teams.Put(-4, "red")
	for i := range 3 {
		a.Boxes.Append(vecBox{ID: i})
	}
	want(p.sync(), "set left 0→3", "add players/ann", "add boxes/0", "add boxes/1", "add boxes/2",
		"add teams/-4")
	a.Phase, a.Open, a.Exact, a.Seal, a.Names = "play", true, 0.5, []byte("x"), []string{"n"}
	a.Scores = []int{1}
	a.Centre.Z = 4
	ann.X, ann.At.X = 2, 7
	ann.Bag.Get("rope").Count = 2
	ann.Bag.Put("gold", vecThing{})
	*a.Teams.Get(-4) = "blue"
	a.Boxes.Move(0, 2)
	want(p.sync(), "set phase lobby→play", "set open false→true", "set exact 0→0.5",
		"set players/ann/x 1→2", "set players/ann/at/x 0→7", "set players/ann/bag/rope/count 1→2",
		"add players/ann/bag/gold", "order boxes", "set scores []→[1]", "set teams/-4 red→blue",
		"set names []→[n]", "set centre/z 0→4", "set seal []→[120]")
	ann.Bag.Delete("rope")
	a.Boxes.Delete(1)
	a.Boxes.Insert(0, vecBox{ID: 9})
	a.Teams.Delete(-4)
	want(p.sync(), "remove players/ann/bag/rope", "remove boxes/2", "add boxes/9",
		"remove teams/-4")
	a.Players.Delete("ann")
	bob := a.Players.Put("bob", vecPlayer{})
	a.Boxes.At(0).Kind = 1
	a.Boxes.Delete(2)
	p.v.Reset()
	want(p.sync(), "add players/bob", "remove players/ann", "set boxes/9/kind wood→iron",
		"remove boxes/0")
	a.Players.Put("eve", vecPlayer{Name: "Eve"})
	bob.Level = 9
	p.v.Reset()
	want(p.sync(), "set players/bob/level 5→9", "add players/eve")
}

// TestChangeNames: a change knows the field, the key, the entry and numbers.
func TestChangeNames(t *testing.T) {
	a := &vecArena{}
	e, _ := NewEncoder(a, 20*time.Millisecond)
	v := e.View()
	d, err := NewDecoder[vecArena]()
	if err != nil {
		t.Fatal(err)
	}
	tick := uint64(0)
	sync := func() []Change {
		tick++
		if err := e.Commit(tick, time.UnixMicro(int64(tick)*20_000)); err != nil {
			t.Fatal(err)
		}
		b, _ := v.AppendDelta(nil, true)
		c, err := d.Apply(b)
		if err != nil || !c.Time.Equal(time.UnixMicro(int64(tick)*20_000)) {
			t.Fatalf("at %v: %v", c.Time, err)
		}
		return c.List
	}
	ann := a.Players.Put("ann", vecPlayer{X: 1, Name: "Ann"})
	a.Teams.Put(-4, "red")
	a.Prices.Put(7, 1)
	add := sync()
	if c := add[0]; c.Field() != "players" || c.Key() != "ann" ||
		c.Entry().(*vecPlayer) != d.State().Players.Get("ann") || c.Old() != nil {
		t.Errorf("%v %v", c.Field(), c.Key())
	}
	a.Left, ann.X = 600, 2
	*a.Teams.Get(-4), *a.Prices.Get(7) = "blue", 2
	list := sync()
	if c := list[0]; c.Field() != "left" || c.Key() != nil || c.Entry() != nil {
		t.Errorf("%v %v %v", c.Field(), c.Key(), c.Entry())
	}
	if c := list[1]; c.Field() != "x" || c.Key() != "ann" || c.Entry().(*vecPlayer).Name != "Ann" {
		t.Errorf("%v %v", c.Field(), c.Key())
	}
	if old, now, ok := list[1].Float(); old != 1 || now != 2 || !ok {
		t.Errorf("%v %v", old, now)
	}
	if c := list[2]; c.Field() != "teams" || c.Key() != int64(-4) ||
		*c.Entry().(*string) != "blue" {
		t.Errorf("%v %v", c.Field(), c.Key())
	}
	if _, _, ok := list[2].Float(); ok {
		t.Error("a string has a number")
	}
	if c := list[3]; c.Key() != uint64(7) || c.New() != 2.0 {
		t.Errorf("%v %v", c.Key(), c.New())
	}
	a.Players.Delete("ann")
	if c := sync()[0]; c.Op != Remove || c.Entry().(*vecPlayer).Name != "Ann" {
		t.Errorf("%+v", c)
	}
	if d.Step() != 20*time.Millisecond || d.Tick() != tick || !d.Synced() || d.Input() != 0 {
		t.Error("what the decoder says of itself")
	}
	endOf(t, e, d)
}

func endOf(t *testing.T, e *Encoder, d *Decoder[vecArena]) {
	end, err := d.Apply(e.AppendEnd(nil))
	if err != nil || !end.End || end.Tick != e.Tick() || d.Synced() {
		t.Errorf("%+v, %v", end, err)
	}
}

// TestOtherStruct: a client's struct may have fewer fields, more, and other types of numbers.
func TestOtherStruct(t *testing.T) {
	type player struct {
		X     float32 `state:"x"`
		Extra int     `state:"extra"`
		At    struct {
			Z float64 `state:"z"`
		} `state:"at"`
		Level uint8 `state:"level"`
	}
	type mine struct {
		Phase   int                 `state:"phase,enum=over|play"`
		Left    uint8               `state:"left"`
		Scores  []int8              `state:"scores"`
		Players Map[string, player] `state:"players"`
		Teams   Map[int8, string]   `state:"teams"`
	}
	a := &vecArena{Phase: "over", Left: 600, Scores: []int{-300, 4}}
	a.Players.Put("p", vecPlayer{X: 0.5, At: vecPoint{Z: 3}})
	a.Players.Get("p").Bag.Put("unknown", vecThing{})
	a.Boxes.Append(vecBox{})
	a.Teams.Put(-1, "red")
	p := newPair(t, a)
	d, err := NewDecoder[mine]()
	if err != nil {
		t.Fatal(err)
	}
	next := func() {
		t.Helper()
		if err := p.commit(); err != nil {
			t.Fatal(err)
		}
		b, _ := p.v.AppendDelta(nil, true)
		if _, err := d.Apply(b); err != nil {
			t.Fatal(err)
		}
	}
	next()
	m := d.State()
	one := m.Players.Get("p")
	if m.Phase != 0 || m.Left != 255 || !reflect.DeepEqual(m.Scores, []int8{-128, 4}) ||
		one.X != 0.5 || one.At.Z != 3 || one.Level != 5 || *m.Teams.Get(-1) != "red" {
		t.Errorf("%+v %+v", m, one)
	}
	a.Phase, a.Scores = "lobby", nil
	a.Players.Get("p").Bag.Delete("unknown")
	a.Boxes.Clear()
	next()
	if m.Phase != -1 || m.Scores != nil {
		t.Errorf("%+v", m)
	}
	a.Players.Delete("p")
	next()
	if m.Players.Len() != 0 || one.X != 0.5 {
		t.Errorf("%+v", one)
	}
}

// TestOtherTypes: a struct that cannot hold what the server sends is an error that names the field.
func TestOtherTypes(t *testing.T) {
	a := &vecArena{}
	p := newPair(t, a)
	if err := p.commit(); err != nil {
		t.Fatal(err)
	}
	b := p.v.AppendSnapshot(nil)
	type other struct {
		V int `state:"v"`
	}
	for want, err := range map[string]error{
		".exact: the server sends a f64, and the Go field is a int": applyTo[struct {
			A int `state:"exact"`
		}](b),
		".open: the server sends a bool": applyTo[struct {
			A string `state:"open"`
		}](b),
		".phase: the server sends a enum": applyTo[struct {
			A float64 `state:"phase"`
		}](b),
		".left: the server sends a int": applyTo[struct {
			A string `state:"left"`
		}](b),
		".scores: the server sends a scalars": applyTo[struct {
			A bool `state:"scores"`
		}](b),
		".names: the server sends a string": applyTo[struct {
			A []int `state:"names"`
		}](b),
		".players: keys or entries": applyTo[struct {
			A Map[int, other] `state:"players"`
		}](b),
		".teams: keys or entries": applyTo[struct {
			A Map[int, other] `state:"teams"`
		}](b),
		".centre.x: the server sends a int": applyTo[struct {
			A struct {
				X string `state:"x"`
			} `state:"centre"`
		}](b),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func applyTo[T any](b []byte) error {
	d, err := NewDecoder[T]()
	if err == nil {
		_, err = d.Apply(b)
	}
	return err
}

// TestMessagesThatSwell: messages that ask for as much memory as they can get little.
func TestMessagesThatSwell(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	head := func(schema string, body ...byte) []byte {
		b := append([]byte{kindSnapshot | flagSchema, 1, 0, 0}, appendUvarint(nil,
			uint64(len(schema)))...)
		return append(append(b, schema...), body...)
	}
	wide := `{"name":"W","fields":[`
	for i := range 64 {
		wide += fmt.Sprintf(`{"n":"f%d","k":"struct","type":3},`, i)
	}
	wide = strings.TrimSuffix(wide, ",") + `]},{"name":"I","fields":[{"n":"a","k":"int"},` +
		`{"n":"b","k":"string"},{"n":"c","k":"bytes"},` +
		`{"n":"d","k":"map","key":"uint","el":{"k":"int"}}]}`
	for name, schema := range map[string]string{
		"small entries": `{"v":1,"types":[{"name":"R","fields":[` +
			`{"n":"m","k":"map","key":"uint","type":1}]},` +
			`{"name":"E","fields":[{"n":"a","k":"int"}]}]}`,
		"wide entries": `{"v":1,"types":[{"name":"R","fields":[` +
			`{"n":"m","k":"map","key":"uint","type":1}]},{"name":"E","fields":[` +
			`{"n":"w","k":"struct","type":2}]},` + wide + `]}`,
	} {
		r := NewReader()
		if _, err := r.Apply(head(schema, 0)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		const n = 30_000
		b := []byte{kindDelta, 2, 1, 1, 0}
		b = appendUvarint(b, n)
		for i := range uint64(n) {
			b = appendUvarint(b, i<<1|1)
			b = append(appendUvarint(b, i), 0)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := r.Apply(b)
		runtime.ReadMemStats(&after)
		per := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(b))
		t.Logf("%s: %.0f bytes for each byte of the message, %v", name, per, err)
		if per > 2*memoryPerByte {
			t.Errorf("%s: %.0f bytes for each byte of the message", name, per)
		}
		if (err == nil) != (name == "small entries") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFloatsOfAllKinds(t *testing.T) {
	for _, v := range []float64{0, 1, -1, math.Pi, math.Inf(1), math.MaxFloat64, 5e-324} {
		if got := math.Float64frombits(bits64(v)); got != v {
			t.Errorf("%v became %v", v, got)
		}
	}
	f := &field{kind: kindFixed, step: 0.1}
	f.settle()
	for _, v := range []float64{math.Inf(1), math.Inf(-1), math.NaN(), 1e300} {
		if raw := f.fixed(v); raw > f.limit {
			t.Errorf("%v became %d", v, raw)
		}
	}
	ranged := &field{kind: kindFixed, step: 0.1, min: -1, max: 1, ranged: true, bounded: true}
	ranged.settle()
	for v, want := range map[float64]uint64{
		math.Inf(1): 20, math.Inf(-1): 0, math.NaN(): 0, 0: 10, 0.14: 11, 0.16: 12, 7: 20,
	} {
		if raw := ranged.fixed(v); raw != want {
			t.Errorf("%v became %d, want %d", v, raw, want)
		}
	}
	if ranged.zero != 10 {
		t.Errorf("zero is %d", ranged.zero)
	}
}
