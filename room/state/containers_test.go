package state

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

func TestMap(t *testing.T) {
	var m Map[string, vecPoint]
	if m.Get("a") != nil || m.Delete("a") || m.Len() != 0 {
		t.Error("the zero value is not empty")
	}
	a := m.Put("me", vecPoint{X: 1})
	for i := range 200 {
		m.Put(string(rune('A'+i)), vecPoint{X: int32(i)})
	}
	if m.Get("me") != a || m.Put("me", vecPoint{X: 5}) != a || a.X != 5 || m.Len() != 201 {
		t.Error("the entry has moved")
	}
	m.Delete("A")
	m.Delete("D")
	m.Put("first", vecPoint{})
	m.Put("second", vecPoint{})
	m.Put("third", vecPoint{})
	var keys []string
	for k, p := range m.All() {
		if m.Get(k) != p {
			t.Errorf("%s is not at its key", k)
		}
		keys = append(keys, k)
	}
	if got := keys[:6]; !slices.Equal(got, []string{"me", "first", "B", "C", "second", "E"}) ||
		keys[len(keys)-1] != "third" {
		t.Errorf("order %v", keys)
	}
	for k := range m.All() {
		m.Delete(k)
	}
	if m.Len() != 0 {
		t.Errorf("%d are left", m.Len())
	}
	m.Put("x", vecPoint{})
	m.Clear()
	if m.Get("x") != nil || m.Len() != 0 {
		t.Error("Clear left something")
	}
}

func TestMapKeys(t *testing.T) {
	type name string
	var names Map[name, int]
	var bytes Map[int8, int]
	var ids Map[uint64, int]
	names.Put("n", 1)
	bytes.Put(-128, 2)
	ids.Put(1<<63, 3)
	for k := range names.All() {
		if k != "n" {
			t.Error(k)
		}
	}
	for k := range bytes.All() {
		if k != -128 {
			t.Error(k)
		}
	}
	for k := range ids.All() {
		if k != 1<<63 {
			t.Error(k)
		}
	}
}

func TestList(t *testing.T) {
	var l List[vecBox]
	ids := func() (out []int) {
		for i, b := range l.All() {
			if l.At(i) != b {
				t.Errorf("index %d is another entry", i)
			}
			out = append(out, b.ID)
		}
		return out
	}
	want := func(want ...int) {
		t.Helper()
		if got := ids(); !slices.Equal(got, want) || l.Len() != len(want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	two := l.Append(vecBox{ID: 2})
	l.Insert(0, vecBox{ID: 1})
	l.Append(vecBox{ID: 3})
	want(1, 2, 3)
	l.Move(0, 2)
	want(2, 3, 1)
	l.Delete(1)
	want(2, 1)
	l.Insert(1, vecBox{ID: 4})
	l.SortFunc(func(a, b *vecBox) int { return b.ID - a.ID })
	want(4, 2, 1)
	if l.At(1) != two {
		t.Error("the entry has moved in memory")
	}
	l.DeleteFunc(func(b *vecBox) bool { return b.ID > 1 })
	want(1)
	l.Clear()
	want()
}

// TestSaving: a state can be written as JSON and read again, as the hooks for saving do.
func TestSaving(t *testing.T) {
	type saved struct {
		Players Map[string, vecPoint]
		Teams   Map[int, string]
		Boxes   List[vecBox]
	}
	a := &saved{}
	a.Players.Put("bob", vecPoint{X: 1})
	a.Players.Put("ann", vecPoint{Z: 2})
	a.Teams.Put(-1, "red")
	a.Boxes.Append(vecBox{ID: 2})
	a.Boxes.Append(vecBox{ID: 1})
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Players":{"ann":{"X":0,"Z":2},"bob":{"X":1,"Z":0}},"Teams":{"-1":"red"},` +
		`"Boxes":[{"ID":2,"Kind":0,"W":0},{"ID":1,"Kind":0,"W":0}]}`
	if string(text) != want {
		t.Errorf("%s", text)
	}
	b := &saved{}
	b.Players.Put("gone", vecPoint{})
	b.Boxes.Append(vecBox{})
	if err := json.Unmarshal(text, b); err != nil {
		t.Fatal(err)
	}
	again, _ := json.Marshal(b)
	if string(again) != want {
		t.Errorf("read again: %s", again)
	}
	for _, bad := range []string{`{"Players":[]}`, `{"Boxes":{}}`} {
		if err := json.Unmarshal([]byte(bad), b); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
	if again, _ = json.Marshal(b); string(again) != want {
		t.Error("what cannot be read changed the state")
	}
	if b.Boxes.At(0).ID != 2 || !reflect.DeepEqual(*b.Players.Get("ann"), vecPoint{Z: 2}) {
		t.Error("entries cannot be found")
	}
}

// A state is saved whole, also by who passes it by value.
func TestStatesAreSavedByValue(t *testing.T) {
	type box struct {
		ID int `state:"id,key"`
	}
	type saved struct {
		Wins  Map[string, int] `state:"wins"`
		Boxes List[box]        `state:"boxes"`
	}
	var s saved
	s.Wins.Put("ann", 3)
	s.Boxes.Append(box{7})
	byPointer, err := json.Marshal(&s)
	if err != nil {
		t.Fatal(err)
	}
	byValue, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Wins":{"ann":3},"Boxes":[{"ID":7}]}`
	if string(byPointer) != want || string(byValue) != want {
		t.Errorf("got %s and by value %s, want %s", byPointer, byValue, want)
	}
}

// All goes on safely if the map is cleared on the way.
func TestMapClearedWhileItIsWalked(t *testing.T) {
	var m Map[string, int]
	m.Put("a", 1)
	m.Put("b", 2)
	n := 0
	for range m.All() {
		n++
		m.Clear()
	}
	if n != 1 || m.Len() != 0 {
		t.Errorf("%d entries were walked, %d are left", n, m.Len())
	}
}
