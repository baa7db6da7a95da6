package main

import (
	"strings"
	"testing"
)

// The same source gives the same text, which has every part.
func TestGraph(t *testing.T) {
	var first, second strings.Builder
	if err := run("../../..", &first); err != nil {
		t.Fatal(err)
	}
	if err := run("../../..", &second); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() {
		t.Error("two runs differ")
	}
	for _, part := range []string{
		"\nlevel 0\n", "  cluster                  -> .\n", "\nserver.go, ", "  down options.go ",
		" references from a lower to a higher file\n", "knot",
	} {
		if !strings.Contains(first.String(), part) {
			t.Errorf("%q is missing", part)
		}
	}
}
