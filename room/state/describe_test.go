package state

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

type tagInner struct {
	V int `state:"v"`
}

type tagKeyed struct {
	ID float64 `state:"id,key"`
}

type tagRanged struct {
	ID int `state:"id,key,min=0"`
}

type tagOwned struct {
	ID int `state:"id,key,owner"`
}

type tagTwice struct {
	A int `state:"a,key"`
	B int `state:"b,key"`
}

// badTags are errors of Describe, and what they say.
var badTags = []struct {
	err  error
	want string
}{
	{describeError[int](), "int is no struct"},
	{describeError[struct{ A int }](), "has no field with a tag"},
	{describeError[time.Time](), "has no field with a tag"},
	{describeError[struct {
		a int `state:"a"`
	}](), ".a: unexported"},
	{describeError[struct {
		A int `state:""`
	}](), `.A: "" is no name`},
	{describeError[struct {
		A int `state:"_a"`
	}](), `.A: "_a" is no name`},
	{describeError[struct {
		A int `state:"a"`
		B int `state:"a"`
	}](), `.B: the name "a" is taken`},
	{describeError[struct {
		A int `state:"a,omitempty"`
	}](), `.A: there is no option "omitempty"`},
	{describeError[struct {
		A int `state:"a,owner"`
	}](), ".A: owner needs an entry"},
	{describeError[struct {
		A []tagInner `state:"a"`
	}](), "make it a state.List[tagInner]"},
	{describeError[struct {
		A map[string]tagInner `state:"a"`
	}](), "make it a state.Map[string, tagInner]"},
	{describeError[struct {
		A *tagInner `state:"a"`
	}](), ".A: *state.tagInner cannot be sent"},
	{describeError[struct {
		A []any `state:"a"`
	}](), ".A: interface {} cannot be sent"},
	{describeError[struct {
		A List[tagInner] `state:"a"`
	}](), "add the option key"},
	{describeError[struct {
		A List[int] `state:"a"`
	}](), ".A: int is no struct"},
	{describeError[struct {
		A List[tagKeyed] `state:"a"`
	}](), ".A.ID: a key is a string or an integer"},
	{describeError[struct {
		A List[tagRanged] `state:"a"`
	}](), ".A.ID: a key is a string or an integer without a range"},
	{describeError[struct {
		A List[tagOwned] `state:"a"`
	}](), ".A.ID: a key is seen by all"},
	{describeError[struct {
		A List[tagTwice] `state:"a"`
	}](), ".A.B: a is the key already"},
	{describeError[struct {
		A string `state:"a,min=1"`
	}](), ".A: min, max and step are for numbers, and this is a string"},
	{describeError[struct {
		A tagInner `state:"a,enum=x"`
	}](), ".A: enum is for strings and integers, and this is a struct"},
	{describeError[struct {
		A int `state:"a,step=2"`
	}](), ".A: step is for floats"},
	{describeError[struct {
		A float64 `state:"a,min=0,max=1"`
	}](), ".A: min and max need a step"},
	{describeError[struct {
		A float64 `state:"a,step=0"`
	}](), ".A: step must be above zero"},
	{describeError[struct {
		A float64 `state:"a,step=x"`
	}](), ".A: step=x is no number"},
	{describeError[struct {
		A float64 `state:"a,step=1,min=3,max=2"`
	}](), ".A: min must be below max"},
	{describeError[struct {
		A float64 `state:"a,step=1e-9,min=0,max=1e9"`
	}](), ".A: more than 2^53 steps"},
	{describeError[struct {
		A float64 `state:"a,step=1,max=2"`
	}](), ".A: max needs a min"},
	{describeError[struct {
		A int `state:"a,max=2"`
	}](), ".A: max needs a min"},
	{describeError[struct {
		A int `state:"a,min=x"`
	}](), ".A: min=x is no integer"},
	{describeError[struct {
		A int `state:"a,min=2,max=2"`
	}](), ".A: min must be below max"},
	{describeError[struct {
		A uint `state:"a,min=-1"`
	}](), ".A: min=-1 is below zero"},
	{describeError[struct {
		A float64 `state:"a,enum=x|y"`
	}](), ".A: an enum is a string or an integer"},
	{describeError[struct {
		A string `state:"a,enum=x||y"`
	}](), ".A: the words of an enum"},
	{describeError[selfish](), "contains itself"},
	{describeError[deep9](), "nested deeper than 8"},
}

// TestDescribeSaysWhatIsWrong: a bad tag is an error with the field's path and what to do.
func TestDescribeSaysWhatIsWrong(t *testing.T) {
	for _, one := range badTags {
		var e *message.Error
		if !errors.As(one.err, &e) || e.Code != message.CodeInvalidFormat ||
			!strings.Contains(e.Message, one.want) {
			t.Errorf("%q: %v", one.want, one.err)
		}
	}
}

func describeError[T any]() error { _, err := Describe[T](); return err }

type selfish struct {
	Kids Map[string, selfish] `state:"kids"`
}

type (
	deep9 struct {
		A deep8 `state:"a"`
	}
	deep8 struct {
		A deep7 `state:"a"`
	}
	deep7 struct {
		A deep6 `state:"a"`
	}
	deep6 struct {
		A deep5 `state:"a"`
	}
	deep5 struct {
		A deep4 `state:"a"`
	}
	deep4 struct {
		A deep3 `state:"a"`
	}
	deep3 struct {
		A deep2 `state:"a"`
	}
	deep2 struct {
		A deep1 `state:"a"`
	}
	deep1 struct {
		A int `state:"a"`
	}
)

func TestTooManyFields(t *testing.T) {
	fields := make([]reflect.StructField, 65)
	for i := range fields {
		fields[i] = reflect.StructField{
			Name: fmt.Sprint("F", i), Type: reflect.TypeFor[int](),
		}
		fields[i].Tag = reflect.StructTag(`state:"` + fields[i].Name + `"`)
	}
	if _, err := describe(reflect.StructOf(fields[:64])); err != nil {
		t.Error(err)
	}
	if _, err := describe(reflect.StructOf(fields)); err == nil ||
		!strings.Contains(err.Error(), "more than 64 fields") {
		t.Errorf("65 fields: %v", err)
	}
	wide := reflect.StructOf(fields[:64])
	for i := range fields {
		fields[i].Type = wide
	}
	if _, err := describe(reflect.StructOf(fields[:40])); err == nil ||
		!strings.Contains(err.Error(), "with everything nested") {
		t.Errorf("2600 fields: %v", err)
	}
}

// TestSchemaText: the schema is what docs/STATE.md says.
func TestSchemaText(t *testing.T) {
	type box struct {
		ID   int    `state:"id,key"`
		Kind string `state:"kind,enum=wood|iron"`
	}
	type arena struct {
		Left   int                  `state:"left,min=0,max=600"`
		X      float32              `state:"x,min=-1.5,step=0.25"`
		Boxes  List[box]            `state:"boxes"`
		Bonus  Map[uint8, box]      `state:"bonus"`
		Prices Map[string, float64] `state:"prices,step=0.01"`
		First  box                  `state:"first"`
		Scores []float32            `state:"scores"`
		Hidden int
		Skip   int `state:"-"`
	}
	s, err := Describe[arena]()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"v":1,"types":[{"name":"arena","fields":[` +
		`{"n":"left","k":"int","min":0,"max":600},{"n":"x","k":"fixed","min":-1.5,"step":0.25},` +
		`{"n":"boxes","k":"list","key":"id","type":1},` +
		`{"n":"bonus","k":"map","key":"uint","type":1},` +
		`{"n":"prices","k":"map","key":"string","el":{"k":"fixed","step":0.01}},` +
		`{"n":"first","k":"struct","type":1},{"n":"scores","k":"scalars","el":{"k":"f32"}}]},` +
		`{"name":"box","fields":[{"n":"id","k":"int"},` +
		`{"n":"kind","k":"enum","of":["wood","iron"]}]}]}`
	if string(s.JSON()) != want {
		t.Errorf("%s\n%s", s.JSON(), want)
	}
	if again, _ := Describe[arena](); again != s {
		t.Error("the schema was made twice")
	}
}
