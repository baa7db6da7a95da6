package archtest

import (
	"strings"
	"testing"
)

// TestChecksSendNothing: the files that decide whether an event reaches its handlers return what
// they find, and answer.go tells the client.
func TestChecksSendNothing(t *testing.T) {
	root, err := ReadRoot("../..")
	if err != nil {
		t.Fatal(err)
	}
	checks := map[string]bool{"event.go": true, "ratelimit.go": true}
	for _, f := range root.Files {
		if !checks[f.Name] {
			continue
		}
		delete(checks, f.Name)
		for _, names := range f.Names {
			for _, name := range names {
				if _, method, _ := strings.Cut(name, "."); strings.HasPrefix(method, "send") {
					t.Errorf("%s calls %s: return a refusal, so that answer.go sends", f.Name, name)
				}
			}
		}
	}
	for name := range checks {
		t.Errorf("%s was not found: this test looks at the wrong thing", name)
	}
}
