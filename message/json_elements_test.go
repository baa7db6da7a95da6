//go:build !js

package message

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
)

// elements counts values and keys of a value that was decoded. There are no empty containers.
func elements(v any) (n int) {
	switch v := v.(type) {
	case []any:
		n = 1
		for _, x := range v {
			n += elements(x)
		}
		return n
	case map[string]any:
		n = 1
		for _, x := range v {
			n += 1 + elements(x)
		}
		return n
	}
	return 1
}

func randomJSON(r *rand.Rand, depth int) any {
	switch kind := r.IntN(6); {
	case kind == 0 && depth > 0:
		list := make([]any, 1+r.IntN(5))
		for i := range list {
			list[i] = randomJSON(r, depth-1)
		}
		return list
	case kind == 1 && depth > 0:
		m := make(map[string]any)
		for range 1 + r.IntN(5) {
			key := strings.Repeat(`,:[{"\\`, r.IntN(4)) + string(rune('a'+r.IntN(26)))
			m[key] = randomJSON(r, depth-1)
		}
		return m
	case kind == 2:
		return strings.Repeat(`[{,:"\\é`, r.IntN(5))
	}
	return r.IntN(1000)
}

// TestJSONElementsModel compares the count with one of the decoded value.
func TestJSONElementsModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		v := randomJSON(r, 4)
		b, err := json.MarshalIndent(v, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		n := elements(v)
		if !JSONElementsWithin(b, n) || n < len(b) && n > 1 && JSONElementsWithin(b, n-1) {
			t.Fatalf("%d elements in %s", n, b)
		}
	}
}

func TestJSONElementsOfShortTexts(t *testing.T) {
	for _, b := range []string{"", "1", `"`, `"open`, "[]", "[[[[[[[["} {
		if !JSONElementsWithin([]byte(b), 8) {
			t.Errorf("%q has more than 8", b)
		}
	}
	if b := []byte("[" + strings.Repeat("[],", 100) + "[]]"); JSONElementsWithin(b, 201) {
		t.Error("101 arrays in an array are within 201 elements")
	}
}
