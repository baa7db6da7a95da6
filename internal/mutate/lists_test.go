package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestOurLists reads what make mutate reads.
func TestOurLists(t *testing.T) {
	if _, err := readAccepted("accepted.txt"); err != nil {
		t.Error(err)
	}
	if _, err := readPlan("plan.txt"); err != nil {
		t.Error(err)
	}
}

func TestAcceptedList(t *testing.T) {
	list, err := readAccepted("testdata/accepted.txt")
	if err != nil {
		t.Fatal(err)
	}
	m := mutant{file: "counter/counter.go", function: "Counter.Add",
		change: "c.calls++ => c.calls--"}
	const why = "Nobody reads the number of calls, which is there for this test."
	if !list.has(m) || list[m.key()] != why {
		t.Errorf("the list has %q", list)
	}
	if list.has(mutant{file: m.file, function: m.function, change: "remove c.note()"}) {
		t.Error("the list has what nobody wrote")
	}
	gone := []string{"counter/counter.go Counter.Add: gone => away"}
	if stale := list.stale("counter", []mutant{m}); !slices.Equal(stale, gone) {
		t.Errorf("stale: %q", stale)
	}
	if stale := list.stale("other", nil); stale != nil {
		t.Errorf("stale in a package that was not looked at: %q", stale)
	}
}

func TestAcceptedListIsRefused(t *testing.T) {
	for _, text := range []string{
		"a.go f: x\n",                       // without a reason
		"a.go f: x\na.go f: y\n\tbecause\n", // the first without
		"\tbecause\n",                       // a reason of nothing
		"a.go f: x\n\twhy\na.go f: x\n\tthat is why\n", // twice
	} {
		if list, err := readAccepted(written(t, text)); err == nil {
			t.Errorf("%q: got %q", text, list)
		}
	}
}

func TestPlan(t *testing.T) {
	p, err := readPlan(written(t, "# comment\n\n.: . test\nreactor: reactor\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.tests("."); !slices.Equal(got, []string{".", "test"}) {
		t.Errorf("the root has %q", got)
	}
	if got := p.tests("frame"); !slices.Equal(got, []string{"frame"}) {
		t.Errorf("a package that the plan does not name has %q", got)
	}
	for _, text := range []string{"reactor\n", "reactor:\n"} {
		if p, err := readPlan(written(t, text)); err == nil {
			t.Errorf("%q: got %q", text, p)
		}
	}
}
