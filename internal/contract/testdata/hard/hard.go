// Package hard has the types that are hard to write as TypeScript, and values of them, which a test
// sends through the codec.
package hard

import (
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/contract/testdata/hard/other"
)

// Basics has one of each. A comment that would end early */ does not.
type Basics struct {
	Bool    bool
	Int     int
	Int8    int8
	Int64   int64 // may be large
	Uint64  uint64
	Float   float32
	Text    string
	Any     any
	Raw     json.RawMessage
	Num     json.Number
	When    time.Time
	Wait    time.Duration
	Addr    netip.Addr
	Err     error
	private int
}

// Tags are what tags make of fields.
type Tags struct {
	Renamed    int    `json:"renamed"`
	Odd        int    `json:"not-an-identifier"`
	Spaced     int    `json:"with space"`
	Symbols    int    `json:"$#:/"`
	Unicode    int    `json:"größe"`
	Digit      int    `json:"1st"`
	Invalid    int    `json:"a\"b"` // such a tag does not count
	Dash       int    `json:"-,"`
	Left       int    `json:"-"`
	Constr     int    `json:"constructor"`
	Proto      int    `json:"__proto__"`
	Empty      string `json:",omitempty"`
	QuotedInt  int    `json:",string"`
	QuotedText string `json:",string"`
	QuotedBool bool   `json:",string"`
	QuotedPtr  *int64 `json:",string"`
	QuotedList []int  `json:",string"` // string means nothing for lists
	QuotedRank Rank   `json:",string"`
}

// Optional are fields that may be missing.
type Optional struct {
	Ptr        *int                `json:"ptr"`
	PtrEmpty   *int                `json:"ptrEmpty,omitempty"`
	PtrZero    *int                `json:"ptrZero,omitzero"`
	List       []int               `json:"list"`
	ListEmpty  []int               `json:"listEmpty,omitempty"`
	ListZero   []int               `json:"listZero,omitzero"`
	ListPtr    *[]int              `json:"listPtr,omitempty"`
	Map        map[string]int      `json:"map"`
	MapEmpty   map[string]int      `json:"mapEmpty,omitempty"`
	AnyEmpty   any                 `json:"anyEmpty,omitempty"`
	Struct     Empty               `json:"struct,omitempty"` // never empty for encoding/json
	StructZero Inner               `json:"structZero,omitzero"`
	TimeEmpty  time.Time           `json:"timeEmpty,omitempty"`
	TimeZero   time.Time           `json:"timeZero,omitzero"`
	Array      [2]int              `json:"array,omitempty"`
	ArrayNone  [0]int              `json:"arrayNone,omitempty"`
	PtrPtr     **int               `json:"ptrPtr"`
	NotNil     []int               `json:"notNil" ts:"notnull"`
	Own        map[string][]string `json:"own" ts:"{ [key: string]: string[] }"`
	Typed      any                 `json:"typed" ts:"Inner | Rank"`
}

// Lists are lists, and bytes.
type Lists struct {
	Bytes    []byte
	Small    [3]uint8
	Large    [9]int8
	Ptrs     []*Inner
	Nested   [][]string
	Ranks    []Rank
	Anys     []any
	Inlined  []struct{ X, Y int }
	Named    Names
	Blob     Blob
	Pair     [2]*int
	Funny    []*[]int
	Octets   []Octet
	OptAnon  *struct{ A []int }
	Matrices [2][2]float64
}

type (
	// Names is a list with a name.
	Names []string
	// Blob is base64, because only a []byte itself travels as bytes.
	Blob []byte
	// Octet is a number of its own.
	Octet uint8
	// Empty has nothing.
	Empty struct{}
)

// Maps have keys of several kinds.
type Maps struct {
	ByText  map[string]*Inner
	ByInt   map[int8]string
	ByRank  map[Rank]int
	ByAddr  map[netip.Addr]bool
	ByName  map[Name]bool
	Of      map[string]map[string][]int
	Unknown map[string]any
}

// Name is a text without constants.
type Name string

// Rank is one of a few.
type Rank string

const (
	// Pawn is the first.
	Pawn   Rank = "pawn"
	Knight Rank = "knight" // jumps
	Quote  Rank = "it's \"\\\n\u2028\x7f"
	Again  Rank = "pawn"
)

// Inner is used by others.
type Inner struct {
	X int `json:"x"`
}

// Embedding has fields of others.
type Embedding struct {
	Inner
	*Deep            // by a pointer: its fields may be missing
	other.Base       // of another package
	inlined          // not exported, its fields are
	Names            // no struct: a field
	Tagged     Inner `json:"tagged"`
	*Named     `json:"named"`
	X          string `json:"x"` // hides that of Inner
}

// Deep is embedded.
type Deep struct {
	Depth int `json:"depth"`
	Both  int `json:"both"`
}

type inlined struct {
	Shown  bool `json:"shown"`
	Both   int  `json:"both"` // twice at one depth: neither is sent
	hidden bool
}

// Named is a field, because it has a tag.
type Named struct{ N int }

// Tree knows itself.
type Tree struct {
	Value    int              `json:"value"`
	Left     *Tree            `json:"left,omitempty"`
	Children []Tree           `json:"children"`
	ByName   map[string]*Tree `json:"byName"`
	Forest   Forest           `json:"forest"`
	Index    Index            `json:"index"`
}

// Forest is a list of itself.
type Forest []Forest

// Index is a map of itself.
type Index map[string]Index

// Page is generic.
type Page[T any] struct {
	Items []T `json:"items"`
	Next  *T  `json:"next"`
	One   T   `json:"one,omitempty"`
}

// Chain is generic and knows itself.
type Chain[K comparable, V any] struct {
	Key  K            `json:"key"`
	Val  V            `json:"val"`
	Rest *Chain[K, V] `json:"rest"`
}

// Custom are types that write themselves.
type Custom struct {
	Celsius  Celsius
	Said     Said
	Text     Text
	TextPtr  *Text
	ByPtr    ByPtr
	Texts    []Text
	QuotedTx Text `json:",string"`
	OnlyIn   OnlyIn
	Stamp    Stamp
}

// Celsius writes itself, nobody knows how.
type Celsius float64

func (c Celsius) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]float64{"c": float64(c)})
}

// Said writes itself, and says how.
//
//smartsocket:ts { said: Rank } | null
type Said int

func (Said) MarshalJSON() ([]byte, error) { return []byte(`{"said":"pawn"}`), nil }

// Text is a text.
type Text struct{ a, b string }

func (t Text) MarshalText() ([]byte, error) { return []byte(t.a + "-" + t.b), nil }

func (t *Text) UnmarshalText([]byte) error { return nil }

// ByPtr writes itself only where it lies in memory that can be addressed.
type ByPtr struct{ A int }

func (*ByPtr) MarshalText() ([]byte, error) { return []byte("by pointer"), nil }

// OnlyIn reads itself.
type OnlyIn struct{ A int }

func (*OnlyIn) UnmarshalJSON([]byte) error { return nil }

// Stamp has the methods of what it embeds.
type Stamp struct {
	time.Time
	Extra int
}

// Clash and clash become the same name.
type Clash struct{ A int }

type clash struct{ B int }

// Move is not the only Move.
type Move struct{ X int }

// Record is a name that TypeScript has, too.
type Record struct{ R int }

// Both borrows from another package.
type Both struct {
	Ours   Move
	Theirs other.Move
	Rank   other.Rank
	Clash  Clash
	Other  clash
	Record Record
}

// Value is a value and the name of its type in TypeScript.
type Value struct {
	Type  string
	Value any
}

// Register emits each type, so that it is found.
func Register(server *smartsocket.Server) {
	type Local struct{ L int }
	s := server.Namespace("hard/")
	s.Emit("basics", Basics{})
	s.Emit("tags", &Tags{})
	s.Emit("optional", Optional{})
	s.Emit("lists", Lists{})
	s.Emit("maps", Maps{})
	s.Emit("embedding", Embedding{})
	s.Emit("tree", Tree{})
	s.Emit("page", Page[Inner]{})
	s.Emit("page of lists", Page[[]*Rank]{})
	s.Emit("chain", Chain[Rank, *int]{})
	s.Emit("custom", Custom{})
	s.Emit("both", Both{})
	s.Emit("local", Local{})
	s.Emit("anonymous", struct {
		A int `json:"a"`
		B struct{}
	}{})
}

// Values are values of all that Register emits, filled and empty.
func Values() []Value {
	n, l := 7, []int{1}
	p := &n
	rank := Knight
	deep := Embedding{Inner: Inner{1}, Deep: &Deep{2, 3}, Base: other.Base{ID: 4, Name: "b"},
		inlined: inlined{true, 5, true}, Names: Names{"n"}, Named: &Named{6}, X: "x"}
	tree := Tree{Left: &Tree{Value: 2}, Children: []Tree{{}},
		ByName: map[string]*Tree{"a": nil, "b": {}},
		Forest: Forest{nil, {{}}}, Index: Index{"a": nil, "b": {"c": {}}}}
	return []Value{
		{"Basics", Basics{}},
		{"Basics", Basics{true, 1, 2, 3, 4, 0.5, "<&>\u2028", map[string]any{"a": nil},
			json.RawMessage(`[1]`), "12.5", time.Unix(1e9, 5), time.Second,
			netip.MustParseAddr("::1"), errors.New("x"), 1}},
		{"Tags | null", (*Tags)(nil)},
		{"Tags", Tags{QuotedPtr: new(int64), QuotedRank: Pawn, QuotedList: l, Empty: "e"}},
		{"Tags", Tags{QuotedRank: Knight}},
		{"Optional", Optional{NotNil: l, Own: map[string][]string{}, Typed: Inner{}}},
		{"Optional", Optional{p, p, p, l, l, []int{}, new([]int), map[string]int{"a": 1},
			map[string]int{"a": 1}, 1, Empty{}, Inner{1}, time.Unix(1, 0), time.Unix(1, 0),
			[2]int{1, 2}, [0]int{}, &p, l, map[string][]string{"a": {"b"}}, Pawn}},
		{"Lists", Lists{}},
		{"Lists", Lists{[]byte{1}, [3]uint8{1}, [9]int8{}, []*Inner{nil, {}}, [][]string{nil, {""}},
			[]Rank{Pawn}, []any{nil, 1}, []struct{ X, Y int }{{1, 2}}, Names{""}, Blob{1},
			[2]*int{nil, p}, []*[]int{nil, new([]int), &l}, []Octet{1}, &struct{ A []int }{},
			[2][2]float64{}}},
		{"Maps", Maps{}},
		{"Maps", Maps{map[string]*Inner{"": nil, "a": {}}, map[int8]string{-1: "a"},
			map[Rank]int{Pawn: 1}, map[netip.Addr]bool{netip.MustParseAddr("::1"): true},
			map[Name]bool{"n": true}, map[string]map[string][]int{"a": nil, "b": {"c": nil}},
			map[string]any{"a": nil}}},
		{"Embedding", Embedding{}},
		{"Embedding", deep},
		{"Tree", Tree{}},
		{"Tree", tree},
		{"PageInner", Page[Inner]{}},
		{"PageInner", Page[Inner]{[]Inner{{}}, &Inner{}, Inner{1}}},
		{"PageRankOrNullList", Page[[]*Rank]{}},
		{"PageRankOrNullList",
			Page[[]*Rank]{[][]*Rank{nil, {nil, &rank}}, &[]*Rank{}, []*Rank{&rank}}},
		{"ChainRankIntOrNull", Chain[Rank, *int]{Key: Pawn}},
		{"ChainRankIntOrNull", Chain[Rank, *int]{Pawn, p, &Chain[Rank, *int]{Key: Knight}}},
		{"Custom", Custom{}},
		{"Custom", &Custom{TextPtr: &Text{"a", "b"}, Texts: []Text{{"c", "d"}}}},
		{"Both", Both{Rank: other.High()}},
		{"HardServerEvents['anonymous']", struct {
			A int `json:"a"`
			B struct{}
		}{}},
	}
}
