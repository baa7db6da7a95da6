package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// everything has a field of each kind.
type everything struct {
	Score float64 `json:"score"`
	Level int8    `json:"level"`
	Count uint16
	Alive bool
	Name  string
	Tags  []string
	Raw   []byte
	Grid  [2]int
	Pos   struct{ X, Y int }
	Bag   map[string]int
	Addr  netip.Addr
	Next  *everything
	Own   picky
	When  time.Time
}

var errPicky = &message.Error{Code: "TEST_PICKY", Message: "not that"}

// picky has an UnmarshalJSON of its own.
type picky struct{}

func (*picky) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case `"wrapped"`:
		return fmt.Errorf("it is %s: %w", b, errPicky)
	case `"fragile"`:
		return (*fragile)(nil)
	}
	return fmt.Errorf("it is %s", b)
}

const (
	misfits = "the data does not fit what the handler expects"
	whole   = "a whole number from -9223372036854775808 to 9223372036854775807"
)

// deep is what is told of the path to a name in the sixtieth value.
var deep = "…" + strings.Repeat("Next.", 60)[5*60-maxField+len("Name"):] + "Name"

// The client is told which field is wrong and what belongs there, and nothing of what it wrote.
func TestMisfitNamesFieldAndExpectation(t *testing.T) {
	const small, count = "a whole number from -128 to 127", "a whole number from 0 to 65535"
	for data, want := range map[string][3]string{
		`{"score":"secret"}`:             {"the field score", "a number", "string"},
		`{"level":200.5}`:                {"the field level", small, "number"},
		`{"level":"secret"}`:             {"the field level", small, "string"},
		`{"Count":-1}`:                   {"the field Count", count, "number"},
		`{"Alive":{"secret":1}}`:         {"the field Alive", "true or false", "object"},
		`{"Name":[1,2]}`:                 {"the field Name", "a string", "array"},
		`{"Tags":{}}`:                    {"the field Tags", "an array", "object"},
		`{"Tags":["a",true]}`:            {"the field Tags", "a string", "bool"},
		`{"Raw":1}`:                      {"the field Raw", "a string in base64", "number"},
		`{"Grid":"secret"}`:              {"the field Grid", "an array", "string"},
		`{"Pos":{"Y":"secret"}}`:         {"the field Pos.Y", whole, "string"},
		`{"Pos":1}`:                      {"the field Pos", "an object", "number"},
		`{"Bag":{"secret":"x"}}`:         {"the field Bag", whole, "string"},
		`{"Addr":1}`:                     {"the field Addr", "a string", "number"},
		`{"Next":{"Next":{"Name":5}}}`:   {"the field Next.Next.Name", "a string", "number"},
		`"secret"`:                       {"it", "an object", "string"},
		`{"Addr":"secret"}`:              {},
		`{"Own":"secret"}`:               {},
		`{"Own":"fragile"}`:              {},
		`{"When":"secret"}`:              {},
		`{"Raw":"secret!"}`:              {},
		nested(60, `{"Name":5}`):         {"the field " + deep, "a string", "number"},
		nested(60, `{"Name":"secret"}}`): {},
	} {
		var v everything
		err := json.Unmarshal([]byte(data), &v)
		e := Misfit(err)
		text := misfits
		if want[0] != "" {
			text += ": " + want[0] + " must be " + want[1] + ", and is of the type " + want[2]
		}
		if e.Message != text {
			t.Errorf("%.60s: %s, want %s", data, e.Message, text)
		}
		if e.Code != message.CodeInvalidFormat || !errors.Is(e, err) {
			t.Errorf("%.60s: got %#v", data, e)
		}
		if text := ForLog(e); strings.Contains(text, "secret") {
			t.Errorf("%.60s: the log has %s", data, text)
		}
	}
}

func nested(n int, inner string) string {
	return strings.Repeat(`{"Next":`, n) + inner + strings.Repeat(`}`, n)
}

// An *Error of the program comes back as it is.
func TestMisfitKeepsOurErrors(t *testing.T) {
	var v everything
	err := json.Unmarshal([]byte(`{"Own":"wrapped"}`), &v)
	if e := Misfit(err); e != errPicky {
		t.Errorf("got %#v", e)
	}
}

// An unknown field is named to the client, quoted and cut, and not to the log.
func TestMisfitNamesTheUnknownField(t *testing.T) {
	for key, want := range map[string]string{
		"secret":                  `"secret"`,
		"":                        `""`,
		"a\"b\n":                  `"a\"b\n"`,
		strings.Repeat("ä", 1000): `"` + strings.Repeat("ä", 40) + `"`,
		"json: unknown field":     `"json: unknown field"`,
	} {
		quoted, err := json.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(strings.NewReader(`{"Pos":{` + string(quoted) + `:1}}`))
		d.DisallowUnknownFields()
		var v everything
		e := Misfit(d.Decode(&v))
		if e.Code != message.CodeInvalidFormat || e.Message != misfits+": unknown field "+want {
			t.Errorf("%.60q: %s, want %s", key, e.Message, want)
		}
		if text := ForLog(e); key != "" && strings.Contains(text, want) ||
			!strings.Contains(text, "unknown field "+notLogged) {
			t.Errorf("%.60q: the log has %s", key, text)
		}
	}
}
