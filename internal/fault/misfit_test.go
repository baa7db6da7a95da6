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

const misfits = "the data does not fit what the handler expects"

// The client is told which field is wrong and what belongs there, and nothing of what it wrote.
func TestMisfitNamesFieldAndExpectation(t *testing.T) {
	for data, want := range map[string]string{
		`{"score":"secret"}`:             "the field score must be a number, and is of the type string",
		`{"level":200.5}`:                "the field level must be a whole number from -128 to 127, and is of the type number",
		`{"level":"secret"}`:             "the field level must be a whole number from -128 to 127, and is of the type string",
		`{"Count":-1}`:                   "the field Count must be a whole number from 0 to 65535, and is of the type number",
		`{"Alive":{"secret":1}}`:         "the field Alive must be true or false, and is of the type object",
		`{"Name":[1,2]}`:                 "the field Name must be a string, and is of the type array",
		`{"Tags":{}}`:                    "the field Tags must be an array, and is of the type object",
		`{"Tags":["a",true]}`:            "the field Tags must be a string, and is of the type bool",
		`{"Raw":1}`:                      "the field Raw must be a string in base64, and is of the type number",
		`{"Grid":"secret"}`:              "the field Grid must be an array, and is of the type string",
		`{"Pos":{"Y":"secret"}}`:         "the field Pos.Y must be a whole number",
		`{"Pos":1}`:                      "the field Pos must be an object, and is of the type number",
		`{"Bag":{"secret":"x"}}`:         "the field Bag must be a whole number",
		`{"Addr":1}`:                     "the field Addr must be a string, and is of the type number",
		`{"Next":{"Next":{"Name":5}}}`:   "the field Next.Next.Name must be a string",
		`"secret"`:                       "it must be an object, and is of the type string",
		`{"Addr":"secret"}`:              "",
		`{"Own":"secret"}`:               "",
		`{"Own":"fragile"}`:              "",
		`{"When":"secret"}`:              "",
		`{"Raw":"secret!"}`:              "",
		nested(60, `{"Name":5}`):         "the field …",
		nested(60, `{"Name":"secret"}}`): "",
	} {
		var v everything
		err := json.Unmarshal([]byte(data), &v)
		e := Misfit(err)
		if want = strings.TrimSuffix(misfits+": "+want, ": "); !strings.HasPrefix(e.Message, want) ||
			strings.Contains(e.Message, "secret") || len(e.Message) > 300 {
			t.Errorf("%.60s: %s, want %s", data, e.Message, want)
		}
		if !strings.HasPrefix(e.Message, misfits+": ") && want != misfits {
			t.Errorf("%.60s: %s", data, e.Message)
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
