package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const module = "testdata/module"

// forModule is the configuration for the module in testdata.
func forModule() config {
	return config{dir: module, packages: []string{"counter"}, seed: 1, sample: 100,
		plan: "../plan.txt", accepted: "../accepted.txt", only: regexp.MustCompile("")}
}

// TestWhole breaks the module in testdata, and finds that nobody calls note for a reason.
func TestWhole(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the compiler often")
	}
	before := contents(t)
	c := forModule()
	c.only = regexp.MustCompile(`c\.sum \+= n =>|remove c\.note|c\.calls\+\+|remove return nil`)
	var out strings.Builder
	if err := run(c, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^ *counter +(.*?) *$`).FindStringSubmatch(out.String())
	if row == nil || strings.Join(strings.Fields(row[1]), " ") != "3 1 0 1 1 1 50 %" {
		t.Error("the figures are wrong")
	}
	for _, line := range []string{
		"counter/counter.go:25 Counter.Add: remove c.note()\n",
		"counter/counter.go Counter.Add: gone => away\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("there is no line %q", line)
		}
	}
	if t.Failed() {
		t.Log(&out)
	}
	if after := contents(t); !slices.Equal(before, after) {
		t.Error("a file of the module has changed")
	}
}

// contents lists the files of the module with what is in them.
func contents(t *testing.T) (all []string) {
	t.Helper()
	err := filepath.WalkDir(module, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all = append(all, path, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A mutant whose tests do not end is caught, and the test is named.
func TestHangIsCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the compiler")
	}
	dir, err := filepath.Abs(module)
	if err != nil {
		t.Fatal(err)
	}
	mutants, err := find(dir, "counter")
	if err != nil {
		t.Fatal(err)
	}
	endless := slices.IndexFunc(mutants, func(m mutant) bool {
		return m.function == "Wait" && m.change == "!ready() => ready()"
	})
	if endless < 0 {
		t.Fatalf("no mutant of Wait: %v", mutants)
	}
	b := newBench(dir, t.TempDir(), "")
	b.limits["counter"] = 50 * time.Millisecond
	v, err := b.try(mutants[endless], []string{"counter"})
	if want := (verdict{outcome: caught, by: "TestWait", hung: true}); err != nil || v != want {
		t.Errorf("got %+v, %v", v, err)
	}
}

// TestCodeMustPass refuses to look for mutants with tests that fail anyway.
func TestCodeMustPass(t *testing.T) {
	c := forModule()
	c.packages = []string{"missing"}
	if err := run(c, io.Discard, io.Discard); err == nil {
		t.Error("a package that does not exist was broken")
	}
}

func TestSampleDependsOnSeedAlone(t *testing.T) {
	sample := func(seed uint64, packages ...string) string {
		c := forModule()
		c.list, c.seed, c.sample, c.packages = true, seed, 5, packages
		var out strings.Builder
		if err := run(c, &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	one := sample(1, "counter")
	if strings.Count(one, "\n") != 5 {
		t.Errorf("not five:\n%s", one)
	}
	if again := sample(1, "./counter/"); again != one {
		t.Errorf("the same seed gave\n%sand\n%s", one, again)
	}
	if other := sample(2, "counter"); other == one {
		t.Error("another seed gave the same")
	}
	if twice := sample(1, "counter", "counter"); twice != one+one {
		t.Errorf("the sample depends on the other packages:\n%s", twice)
	}
}

func TestFailing(t *testing.T) {
	for output, want := range map[string]string{
		"--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\n":           "TestA/b",
		"panic: test timed out after 1s\n\trunning tests:\n\t\tTestB (1s)\n": "TestB",
		"fatal error: stack overflow\n\ngoroutine 1:\n": "fatal error: " +
			"stack overflow",
	} {
		if got := failing([]byte(output)); got != want {
			t.Errorf("%q: got %q", output, got)
		}
	}
}
