package main

import (
	"os"
	"testing"

	"github.com/smartsocket/smartsocket/internal/contract"
)

// The page's scripts are checked against web/events.d.ts, so it must be what the handlers say.
func TestEventsOfThePage(t *testing.T) {
	const file = "web/events.d.ts"
	r, err := contract.Generate(t.Context(), contract.Config{Patterns: []string{"."}})
	if err != nil {
		t.Fatal(err)
	}
	is, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := contract.Diff(string(is), r.Text); d != "" {
		t.Errorf("%s is out of date, run go generate ./cmd/server:\n%s", file, d)
	}
}
