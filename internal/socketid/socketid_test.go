package socketid

import "testing"

func TestIDs(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		id := New()
		if !Is(id) || seen[id] {
			t.Fatalf("%q: an id %t, seen before %t", id, Is(id), seen[id])
		}
		seen[id] = true
	}
	for _, name := range []string{
		"", "ss_", "arena", "ss_0123456789012345678901x", "ss_012345678901234567890",
		"SS_0123456789012345678901", "0123456789012345678901ss_",
	} {
		if Is(name) {
			t.Errorf("%q passes for an id", name)
		}
	}
}
