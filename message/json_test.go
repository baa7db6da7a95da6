package message

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

var validJSONMessages = []struct {
	name, text string
	m          Message
}{
	{"event", `{"event":"move","data":{"x":1},"ack":7}`,
		Message{Kind: KindEvent, Flags: FlagAck, AckID: 7, Event: []byte("move"),
			Payload: []byte(`{"x":1}`)}},
	{"event without data", `{"event":"move"}`, Message{Kind: KindEvent, Event: []byte("move")}},
	{"data null is data", `{"event":"move","data":null}`,
		Message{Kind: KindEvent, Event: []byte("move"), Payload: []byte("null")}},
	{"keys in another order", `{"ack":0,"data":[],"event":"e"}`,
		Message{Kind: KindEvent, Flags: FlagAck, Event: []byte("e"), Payload: []byte("[]")}},
	{"white space", " \t\r\n{ \"event\" : \"e\" , \"data\" :\n[ 1 , 2 ]\t} \n",
		Message{Kind: KindEvent, Event: []byte("e"), Payload: []byte("[ 1 , 2 ]")}},
	{"unknown keys", `{"id":[{"event":"no"}],"event":"e","id":{},"":0}`,
		Message{Kind: KindEvent, Event: []byte("e")}},
	{"escapes in the name", `{"event":"a\"\\\/\u00e9\ud83d\ude00z"}`,
		Message{Kind: KindEvent, Event: []byte("a\"\\/é😀z")}},
	{"escaped key", `{"\u0065\u0076\u0065\u006e\u0074":"e","\u0064ata":1}`,
		Message{Kind: KindEvent, Event: []byte("e"), Payload: []byte("1")}},
	{"long strings", `{"event":"eeeeeeeeeeeeeeeeeeeeee","data":"0123456789\"0123456789\\"}`,
		Message{Kind: KindEvent, Event: []byte("eeeeeeeeeeeeeeeeeeeeee"),
			Payload: []byte(`"0123456789\"0123456789\\"`)}},
	{"data with an unpaired surrogate", `{"event":"e","data":"\ud800"}`,
		Message{Kind: KindEvent, Event: []byte("e"), Payload: []byte(`"\ud800"`)}},
	{"ack", `{"ack":7,"data":true}`, Message{Kind: KindAck, Flags: FlagAck, AckID: 7,
		Payload: []byte("true")}},
	{"ack without data", `{"ack":9007199254740991}`,
		Message{Kind: KindAck, Flags: FlagAck, AckID: 1<<53 - 1}},
	{"error", `{"error":{"code":"x"}}`, Message{Kind: KindError, Payload: []byte(`{"code":"x"}`)}},
	{"error that answers", `{"ack":7,"error":{}}`,
		Message{Kind: KindError, Flags: FlagAck, AckID: 7, Payload: []byte(`{}`)}},
	{"deepest data", `{"event":"e","data":` + nested(63) + `}`,
		Message{Kind: KindEvent, Event: []byte("e"), Payload: []byte(nested(63))}},
	{"numbers", `{"event":"e","data":[0,-0,1.5,-1e9,2E+3,10.25e-7]}`,
		Message{Kind: KindEvent, Event: []byte("e"),
			Payload: []byte(`[0,-0,1.5,-1e9,2E+3,10.25e-7]`)}},
}

var invalidJSONMessages = []struct{ name, text string }{
	{"empty", ``}, {"white space", ` `}, {"array", `["event","e"]`}, {"string", `"event"`},
	{"number", `1`}, {"empty object", `{}`},
	{"no event", `{"data":1}`}, {"event null", `{"event":null}`}, {"event number", `{"event":1}`},
	{"event object", `{"event":{}}`},
	{"event empty", `{"event":""}`}, {"event too long", `{"event":"` + strings.Repeat("x", 129) +
		`"}`},
	{"event with a control character", `{"event":"a\n"}`},
	{"event with an escaped C1 control", `{"event":"\u0085"}`},
	{"event with half a pair", `{"event":"\ud800"}`},
	{"event with a reversed pair", `{"event":"\ude00\ud83d"}`},
	{"event with half a pair and a letter", `{"event":"\ud83d\u0041"}`},
	{"duplicate event", `{"event":"a","event":"b"}`},
	{"duplicate data", `{"event":"a","data":1,"data":1}`},
	{"duplicate ack", `{"event":"a","ack":1,"ack":1}`},
	{"duplicate in escapes", `{"event":"a","\u0065vent":"b"}`},
	{"duplicate error", `{"error":{},"error":{}}`},
	{"ack negative", `{"ack":-1}`}, {"ack fraction", `{"ack":1.0}`},
	{"ack exponent", `{"ack":1e3}`}, {"ack string", `{"ack":"1"}`},
	{"ack null", `{"event":"e","ack":null}`},
	{"ack 2^53", `{"ack":9007199254740992}`}, {"ack huge", `{"ack":99999999999999999999}`},
	{"ack with zeros", `{"ack":007}`}, {"ack missing", `{"ack":}`},
	{"error and event", `{"event":"e","error":{}}`},
	{"error and data", `{"ack":1,"data":1,"error":{}}`}, {"error string", `{"error":"x"}`},
	{"error null", `{"error":null}`},
	{"too deep", `{"event":"e","data":` + nested(64) + `}`},
	{"too deep in an unknown key", `{"event":"e","x":` + nested(64) + `}`},
	{"a million brackets", `{"event":"e","data":` + strings.Repeat("[", 1_000_000)},
	{"trailing comma", `{"event":"e",}`}, {"two commas", `{"event":"e",,"data":1}`},
	{"leading comma", `{,"event":"e"}`}, {"no comma", `{"event":"e" "data":1}`},
	{"no colon", `{"event" "e"}`}, {"trailing text", `{"event":"e"}x`},
	{"second value", `{"event":"e"}{}`}, {"not closed", `{"event":"e"`},
	{"cut in a string", `{"event":"e`},
	{"cut in a key", `{"eve`}, {"cut after a key", `{"event"`}, {"cut after a colon", `{"event":`},
	{"cut after a comma", `{"event":"e",`}, {"cut in an escape", `{"event":"\`},
	{"cut in a \\u", `{"event":"\u00`},
	{"bad escape", `{"event":"e","data":"\x"}`}, {"bad \\u", `{"event":"e","data":"\u12g4"}`},
	{"raw control character", "{\"event\":\"e\",\"data\":\"a\tb\"}"},
	{"raw NUL", "{\"event\":\"e\",\"data\":\"0123456789\x00\"}"},
	{"mismatched brackets", `{"event":"e","data":[}`},
	{"mismatched brackets 2", `{"event":"e","data":{]}`}, {"data missing", `{"event":"e","data":}`},
	{"comma in an array", `{"event":"e","data":[1,]}`},
	{"member without value", `{"event":"e","data":{"a"}}`}, {"key without quotes", `{event:"e"}`},
	{"single quotes", `{'event':'e'}`},
	{"number 01", `{"event":"e","data":01}`}, {"number 1.", `{"event":"e","data":1.}`},
	{"number .5", `{"event":"e","data":.5}`}, {"number +1", `{"event":"e","data":+1}`},
	{"number 1e", `{"event":"e","data":1e}`}, {"number -", `{"event":"e","data":-}`},
	{"NaN", `{"event":"e","data":NaN}`}, {"literal cut", `{"event":"e","data":tru`},
	{"literal too long", `{"event":"e","data":nulll}`}, {"comment", `{"event":"e"/**/}`},
	{"byte order mark", "\ufeff" + `{"event":"e"}`},
	{"event not UTF-8", "{\"event\":\"\xff\"}"},
}

func TestParseJSON(t *testing.T) {
	for _, c := range validJSONMessages {
		m, err := ParseJSON([]byte(c.text))
		if err != nil || !sameMessage(&m, &c.m) || (m.Payload == nil) != (c.m.Payload == nil) {
			t.Errorf("%s: %+v, %v", c.name, m, err)
		}
	}
	for _, c := range invalidJSONMessages {
		m, err := ParseJSON([]byte(c.text))
		if !errors.Is(err, ErrInvalidFormat) || m.Kind != 0 {
			t.Errorf("%s: %+v, %v", c.name, m, err)
		}
	}
}

func TestParseJSONEveryPrefixIsInvalid(t *testing.T) {
	for _, c := range validJSONMessages {
		text := strings.TrimRight(c.text, " \n")
		for n := range text {
			if m, err := ParseJSON([]byte(text[:n])); err == nil {
				t.Errorf("%s: %q was accepted: %+v", c.name, text[:n], m)
			}
		}
	}
}

func TestAppendJSON(t *testing.T) {
	for _, c := range []struct {
		m    Message
		want string
	}{
		{Message{Kind: KindEvent, Event: []byte("e")}, `{"event":"e"}`},
		{Message{Kind: KindEvent, Event: []byte("a\"\\b"), Payload: []byte("1")},
			`{"event":"a\"\\b","data":1}`},
		{Message{Kind: KindEvent, Flags: FlagAck, AckID: 0, Event: []byte("e"),
			Payload: []byte("{}")}, `{"event":"e","ack":0,"data":{}}`},
		{Message{Kind: KindEvent, Flags: FlagBinary, Event: []byte("e"),
			Payload: []byte("\x00\xffA")}, `{"event":"e","data":"AP9B"}`},
		{Message{Kind: KindEvent, Flags: FlagBinary, Event: []byte("e")}, `{"event":"e"}`},
		{Message{Kind: KindAck, Flags: FlagAck, AckID: 1<<53 - 1}, `{"ack":9007199254740991}`},
		{Message{Kind: KindAck, Flags: FlagAck | FlagBinary, AckID: 10, Payload: []byte("A")},
			`{"ack":10,"data":"QQ=="}`},
		{Message{Kind: KindError, Flags: FlagAck, AckID: 3, Payload: []byte("{}")},
			`{"ack":3,"error":{}}`},
		{Message{Kind: KindError, Payload: []byte(`{"code":"x"}`)}, `{"error":{"code":"x"}}`},
	} {
		if got := string(AppendJSON([]byte("kept"), &c.m)); got != "kept"+c.want {
			t.Errorf("%+v: %s, want %s", c.m, got, c.want)
		}
	}
}

func TestBase64AndDecimal(t *testing.T) {
	var src []byte
	for i := range 100 {
		if got, want := string(appendBase64(nil, src)),
			base64.StdEncoding.EncodeToString(src); got != want {
			t.Errorf("%x: %s, want %s", src, got, want)
		}
		src = append(src, byte(i*37+200))
	}
	for _, v := range []uint64{0, 9, 10, 99, 100, 1<<53 - 1, 1<<64 - 1} {
		if want, _ := json.Marshal(v); string(appendDecimal(nil, v)) != string(want) {
			t.Errorf("%d: %s", v, appendDecimal(nil, v))
		}
	}
}

// depth computes the depth of a valid JSON text the simple way.
func depth(b []byte) int {
	now, most, inString := 0, 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			now++
			most = max(most, now)
		case c == ']' || c == '}':
			now--
		}
	}
	return most
}

func TestValidJSONDepth(t *testing.T) {
	for n := 1; n < 200; n++ {
		for _, text := range []string{nested(n), strings.Repeat(`{"a":`, n) + "1" +
			strings.Repeat("}", n), "[" + nested(max(n-1, 1)) + ",1]"} {
			if got, want := ValidJSON([]byte(text)),
				depth([]byte(text)) <= MaxJSONDepth; got != want {
				t.Errorf("depth %d: %v", n, got)
			}
		}
	}
}

// reference does what ParseJSON does, with encoding/json.
func reference(b []byte) (m Message, ok bool) {
	if !json.Valid(b) || depth(b) > MaxJSONDepth {
		return m, false
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return m, false
	}
	values := map[string]json.RawMessage{}
	for d.More() {
		key, err := d.Token()
		var v json.RawMessage
		if err != nil || d.Decode(&v) != nil {
			return m, false
		}
		k := key.(string)
		if _, twice := values[k]; twice && (k == "event" || k == "data" || k == "ack" ||
			k == "error") {
			return m, false
		}
		values[k] = v
	}
	event, data, ack, errorValue := values["event"], values["data"], values["ack"], values["error"]
	if ack != nil {
		if json.Unmarshal(ack, &m.AckID) != nil || m.AckID > MaxJSONAck || string(ack) == "null" {
			return m, false
		}
		m.Flags = FlagAck
	}
	switch {
	case errorValue != nil:
		m.Kind, m.Payload = KindError, errorValue
		return m, event == nil && data == nil && errorValue[0] == '{'
	case event != nil:
		var name string
		if event[0] != '"' || json.Unmarshal(event, &name) != nil {
			return m, false
		}
		m.Kind, m.Event, m.Payload = KindEvent, []byte(name), data
		return m, ValidEvent(m.Event)
	}
	m.Kind, m.Payload = KindAck, data
	return m, ack != nil
}

func FuzzParseJSON(f *testing.F) {
	for _, c := range validJSONMessages {
		f.Add([]byte(c.text))
	}
	for _, c := range invalidJSONMessages {
		if len(c.text) < 1000 {
			f.Add([]byte(c.text))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := ValidJSON(b), json.Valid(b) && depth(b) <= MaxJSONDepth; got != want {
			t.Fatalf("ValidJSON = %v, encoding/json says %v", got, want)
		}
		want, ok := reference(b)
		got, err := ParseJSON(bytes.Clone(b))
		if bytes.Contains(want.Event, []byte(string(utf8.RuneError))) {
			return // encoding/json repairs what is not Unicode; we refuse it
		}
		if (err == nil) != ok {
			t.Fatalf("%v, encoding/json: %v", err, ok)
		}
		if err != nil {
			if !errors.Is(err, ErrInvalidFormat) {
				t.Fatal(err)
			}
			return
		}
		if !sameMessage(&got, &want) {
			t.Fatalf("%+v, encoding/json: %+v", got, want)
		}
		again, err := ParseJSON(AppendJSON(nil, &got))
		if err != nil || !sameMessage(&again, &got) {
			t.Fatalf("round trip: %+v, %v", again, err)
		}
	})
}
