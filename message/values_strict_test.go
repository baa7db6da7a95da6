//go:build !js

package message

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/internal/race"
)

var strictTexts = []string{
	`{"id":1,"z":2}`, `{"ID":1}`, `{"z":{"y":[1,{"x":2}]},"id":1}`, `{"next":{"next":{"z":3}}}`,
	`{"next":{"id":1}}`, `{"Text":"m-n","zoo":null}`, `{"hidden":1}`, `{"Skipped":1}`,
	`{"Any":{"z":1}}`, `{"raw":{"z":1}}`, `{"Scores":{"z":1}}`, `{"z":1}`, `[{"z":1}]`,
	`{"id":"x","z":1}`, `{"z":1,"id":"x"}`, `{"\u007a":1}`, `{"\u0069d":1}`, `{"":1}`,
}

// standardStrict is what the strict decoder of encoding/json makes of a whole text.
func standardStrict(text string, v any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errJSON
	}
	return nil
}

func TestUnmarshalStrictIsEncodingJSON(t *testing.T) {
	unknown := 0
	for _, text := range slices.Concat(texts, strictTexts) {
		if depth([]byte(text)) > MaxJSONDepth {
			if err := UnmarshalStrict([]byte(text), new(any)); err == nil {
				t.Errorf("%.80q: too deep, and accepted", text)
			}
			continue
		}
		for i, got := range targets() {
			in := []byte(text)
			err := UnmarshalStrict(in, got)
			want := targets()[i]
			wantErr := standardStrict(text, want)
			if (err != nil) != (wantErr != nil) {
				t.Errorf("%.80q into %T: %v, encoding/json: %v", text, got, err, wantErr)
				continue
			}
			for j := range in {
				in[j] = 0xa5 // neither the value nor the error borrows the payload
			}
			if wantErr != nil && strings.Contains(wantErr.Error(), "unknown field") {
				unknown++
				if err.Error() != wantErr.Error() {
					t.Errorf("%.80q into %T: %v, encoding/json: %v", text, got, err, wantErr)
				}
			}
			_, raw := got.(*json.RawMessage)
			if err == nil && !raw && !reflect.DeepEqual(got, want) {
				t.Errorf("%.80q into %T: %+v, encoding/json: %+v", text, got, got, want)
			}
		}
	}
	if unknown < 8 {
		t.Errorf("only %d of these have unknown fields", unknown)
	}
}

// A decoder that is strict does not make the next one strict.
func TestUnmarshalAfterStrict(t *testing.T) {
	for range 100 {
		var v inner
		if err := UnmarshalStrict([]byte(`{"id":1,"z":2}`), &v); err == nil {
			t.Fatal("an unknown field is accepted")
		}
		if err := Unmarshal([]byte(`{"id":1,"z":2}`), &v); err != nil || v.ID != 1 {
			t.Fatalf("got %+v, %v", v, err)
		}
		if err := UnmarshalStrict([]byte(`{"id":2}`), &v); err != nil || v.ID != 2 {
			t.Fatalf("got %+v, %v", v, err)
		}
	}
}

// Strict decoding allocates what decoding allocates.
func TestUnmarshalStrictAllocations(t *testing.T) {
	if race.Enabled || CodecName() != "sonic" {
		t.Skip("only without the race detector, and with sonic")
	}
	in := []byte(`{"id":5,"x":1.25}`)
	v := new(inner)
	allocs := func(f func([]byte, any) error) float64 {
		return testing.AllocsPerRun(500, func() {
			if err := f(in, v); err != nil {
				t.Fatal(err)
			}
		})
	}
	if loose, strict := allocs(Unmarshal), allocs(UnmarshalStrict); strict > loose {
		t.Errorf("%v allocations, %v when it is not strict", strict, loose)
	}
}

func FuzzStrict(f *testing.F) {
	for _, text := range slices.Concat(texts, strictTexts) {
		if len(text) < 1000 {
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if depth(b) > MaxJSONDepth {
			return
		}
		var got, want struct {
			inner
			List []inner
			Map  map[string]*inner
			Next *struct{ Next *inner }
		}
		err, wantErr := UnmarshalStrict(bytes.Clone(b), &got), standardStrict(string(b), &want)
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("%v, encoding/json: %v", err, wantErr)
		}
	})
}
