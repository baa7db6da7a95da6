//go:build !js

package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

type celsius float64

func (c celsius) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]float64{"c": float64(c)})
}

type textual struct{ a, b string }

func (x textual) MarshalText() ([]byte, error) { return []byte(x.a + "-" + x.b), nil }
func (x *textual) UnmarshalText(b []byte) error {
	x.a, x.b, _ = strings.Cut(string(b), "-")
	return nil
}

type inner struct {
	ID   int     `json:"id"`
	Name string  `json:"name,omitempty"`
	X    float64 `json:"x"`
}

type player struct {
	inner
	Bytes   []byte
	Raw     json.RawMessage `json:"raw,omitempty"`
	Tags    []string
	Scores  map[string]int
	Any     any
	Next    *player `json:"next,omitempty"`
	Text    textual
	When    time.Time
	Num     json.Number `json:",omitempty"`
	Quoted  int64       `json:",string"`
	Array   [3]uint8
	Small   int8
	Big     uint64
	F32     float32
	Skipped int `json:"-"`
	hidden  int //lint:ignore U1000 must not be encoded
}

func samplePlayer() player {
	return player{
		inner: inner{7, "Zoë <&> \u2028 \"q\" \\ \n \x01", 1.5e-7}, Bytes: []byte{0, 1, 254, 255},
		Raw:  json.RawMessage(`{"a": [1, 2]}`),
		Tags: []string{"", "a", "\x00"}, Scores: map[string]int{"one": 1},
		Any:  []any{nil, true, 1.0, "s", map[string]any{"k": 1e21}},
		Next: &player{inner: inner{ID: 8}}, Text: textual{"p", "q"},
		When: time.Unix(1_700_000_000, 5).UTC(), Num: "12345678901234567890.5",
		Quoted: -9, Array: [3]uint8{1, 2, 3}, Small: -128, Big: math.MaxUint64, F32: 0.1,
		Skipped: 4, hidden: 5,
	}
}

var values = []any{
	nil, true, false, 0, -1, int64(math.MinInt64), uint64(math.MaxUint64), 0.0, 1.5, 1e20, 1e21,
	1e-6, 1e-7, -2.5e300, float32(3.4e38), math.SmallestNonzeroFloat64,
	"", "plain", "é😀\u2028\u2029<script>&", "\x00\x1f\x7f\"\\\b\f\n\r\t", "bad \xff utf8 \xc3",
	strings.Repeat("long ", 1000),
	[]byte(nil), []byte{}, []byte("bytes"), []int(nil), []int{}, []int{1, 2}, map[string]int(nil),
	map[string]int{}, map[string]string{"\xff": "v"}, map[int]string{3: "x"},
	[]any{1, "a", nil}, struct{}{}, celsius(21.5), textual{"a", "b"}, json.RawMessage(` [ 1 ] `),
	(*player)(nil), samplePlayer(), ptr(samplePlayer()),
	time.Unix(0, 0).UTC(), math.NaN(), math.Inf(1), func() {}, make(chan int),
	map[string]any{"f": func() {}}, json.RawMessage(`{`), json.Number("x"),
}

func standard(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// decoded removes the one permitted difference between two encoders: which characters they escape.
func decoded(t *testing.T, text []byte) string {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil || !json.Valid(text) || !utf8.Valid(text) {
		t.Fatalf("%q: %v", text, err)
	}
	again, _ := json.Marshal(v)
	return string(again)
}

func TestMarshalIsEncodingJSON(t *testing.T) {
	prefix := []byte("\xf4\xff\x80<") // a header that is not text and must survive
	for _, v := range values {
		want, wantErr := standard(v)
		got, err := Marshal(bytes.Clone(prefix), v)
		if (err != nil) != (wantErr != nil) {
			t.Errorf("%#v: %v, encoding/json: %v", v, err, wantErr)
			continue
		}
		if !bytes.HasPrefix(got, prefix) {
			t.Errorf("%#v: the prefix became %x", v, got[:len(prefix)])
		}
		if err == nil && decoded(t, got[len(prefix):]) != decoded(t, want) || err != nil &&
			len(got) != len(prefix) {
			t.Errorf("%#v:\n%s\nencoding/json:\n%s", v, got[len(prefix):], want)
		}
	}
}

var texts = []string{
	`null`, `true`, `1`, `-0`, `1.5e3`, `1e400`, `"s"`, `"\u00e9\ud83d\ude00\ud800\n"`,
	"\"bad \xff\"", "\"raw\x01\"", `[]`, `{}`, `[1,"a",null,{"b":[]}]`, `{"a":1,"a":2}`,
	`{"id":5,"Name":"case","x":2}`, `{"Bytes":"AAEC/w=="}`, `{"Bytes":"!"}`,
	`{"Tags":["a","\u0041"],"Scores":{"k\n":1},"Any":{"deep":["v"]}}`,
	`{"raw":{"a": [1, 2]},"Num":12.50}`,
	`{"Text":"m-n","When":"2023-11-14T22:13:20Z"}`, `{"Small":300}`, `{"id":"x"}`, `{"Quoted":"5"}`,
	`{"Array":[9,9,9,9]}`, `{"next":{"next":{"id":3}}}`, `{"unknown":{"a":[{"b":"c"}]},"id":1}`,
	``, ` `, `{`, `[1,]`, `{"a"}`, `tru`, `01`, `1 2`, `{"id":1}x`, nested(64), nested(65),
	strings.Repeat(`[`, 100_000), `[` + strings.Repeat(`{},`, 100) + `{}]`, "\ufeff1",
}

func targets() []any {
	return []any{new(any), new(player), new(string), new(int), new(float64), new([]any),
		new(map[string]any), new([]byte), new(json.RawMessage), new(bool), new(**inner)}
}

func TestUnmarshalIsEncodingJSON(t *testing.T) {
	for _, text := range texts {
		for i, got := range targets() {
			in := []byte(text)
			err := Unmarshal(in, got)
			want := targets()[i]
			wantErr := json.Unmarshal([]byte(text), want)
			if depth([]byte(text)) > MaxJSONDepth && json.Valid([]byte(text)) {
				if !errors.Is(err, ErrInvalidFormat) {
					t.Errorf("too deep: %v", err)
				}
				continue
			}
			if (err != nil) != (wantErr != nil) {
				t.Errorf("%.80q into %T: %v, encoding/json: %v", text, got, err, wantErr)
				continue
			}
			for j := range in {
				in[j] = 0xa5 // the value must not borrow the payload
			}
			if raw, ok := got.(*json.RawMessage); ok && err == nil && !utf8.ValidString(text) {
				if !utf8.Valid(*raw) && CodecName() == "sonic" {
					t.Errorf("%q into %T: %q", text, got, *raw)
				}
				continue
			}
			if err == nil && !reflect.DeepEqual(got, want) {
				t.Errorf("%.80q into %T: %+v, encoding/json: %+v", text, got, got, want)
			}
		}
	}
}

func TestUnmarshalErrorsDoNotBorrow(t *testing.T) {
	in := []byte(`{"id":"secret"}`)
	err := Unmarshal(in, new(inner))
	if err == nil {
		t.Fatal("accepted")
	}
	before := err.Error()
	for i := range in {
		in[i] = 'X'
	}
	if after := err.Error(); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

func TestCodecFirstUseIsConcurrent(t *testing.T) {
	type fresh struct { // no encoder has compiled this type before
		A int
		B []struct{ C map[string]*inner }
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			v := fresh{A: 1, B: []struct{ C map[string]*inner }{{map[string]*inner{"k": {ID: 3}}}}}
			b, err := Marshal(nil, v)
			var back fresh
			if err != nil || Unmarshal(b, &back) != nil || !reflect.DeepEqual(v, back) {
				t.Errorf("%s, %v", b, err)
			}
		})
	}
	wg.Wait()
}

func TestCodecName(t *testing.T) {
	if n := CodecName(); n != "sonic" && n != "encoding/json" {
		t.Error(n)
	}
	t.Log(CodecName())
}

func FuzzValues(f *testing.F) {
	for _, text := range texts {
		if len(text) < 1000 {
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var got, want any
		err, wantErr := Unmarshal(bytes.Clone(b), &got), json.Unmarshal(b, &want)
		if depth(b) > MaxJSONDepth {
			return
		}
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("%v, encoding/json: %v", err, wantErr)
		}
		if err != nil {
			return
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%#v, encoding/json: %#v", got, want)
		}
		out, err := Marshal(nil, got)
		if err != nil || !ValidJSON(out) {
			t.Fatalf("%q, %v", out, err)
		}
		var again any
		if err := Unmarshal(out, &again); err != nil || !reflect.DeepEqual(again, got) {
			t.Fatalf("%#v became %#v, %v", got, again, err)
		}
	})
}
