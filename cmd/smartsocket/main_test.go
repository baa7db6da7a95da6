package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/internal/contract"
)

const flow = "../../internal/contract/testdata/flow"

// try runs the program.
func try(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestTypes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events.d.ts")
	code, stdout, stderr := try(t, "types", flow)
	if code != 0 || !strings.HasPrefix(stdout, contract.Header) ||
		!strings.Contains(stderr, "note: ../../internal/contract/testdata/flow/flow.go:") &&
			!strings.Contains(stderr, "flow.go:") {
		t.Fatalf("%d\n%s\n%s", code, stdout, stderr)
	}
	if code, none, stderr := try(t, "types", "-o", file, flow); code != 0 || none != "" {
		t.Fatalf("%d\n%s\n%s", code, none, stderr)
	}
	written, err := os.ReadFile(file)
	if err != nil || string(written) != stdout {
		t.Fatalf("the file has another text: %v\n%s", err, written)
	}
	if code, none, stderr := try(t, "types", "-check", "-o", file, flow); code != 0 || none != "" {
		t.Fatalf("%d\n%s\n%s", code, none, stderr)
	}
	old := strings.Replace(stdout, "  went: Move;\n", "  walked: Move;\n", 1)
	if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	code, diff, stderr := try(t, "types", "-check", "-o", file, flow)
	if code != 1 || !strings.Contains(diff, "\n-  walked: Move;\n+  went: Move;\n") ||
		!strings.Contains(stderr, "run this again without -check") {
		t.Errorf("%d\n%s\n%s", code, diff, stderr)
	}
	if now, err := os.ReadFile(file); err != nil || string(now) != old {
		t.Errorf("-check has changed the file: %v", err)
	}
}

// What cannot be said leaves the file alone.
func TestTypesWithProblems(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events.d.ts")
	code, stdout, stderr := try(t, "types", "-o", file, "../../internal/contract/testdata/problems")
	if code != 1 || stdout != "" || !strings.Contains(stderr, "problems.go:") ||
		!strings.Contains(stderr, "//smartsocket:ignore") {
		t.Errorf("%d\n%s\n%s", code, stdout, stderr)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file was written: %v", err)
	}
}

func TestWrongCalls(t *testing.T) {
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "usage: smartsocket types", nil},
		{2, "usage: smartsocket types", []string{"type"}},
		{0, "usage: smartsocket types", []string{"types", "-h"}},
		{2, "not defined: -x", []string{"types", "-x"}},
		{2, "-check needs the file in -o", []string{"types", "-check"}},
		{2, "write the type's path and name", []string{"types", "-type", "big.Int"}},
		{1, "./nowhere", []string{"types", "./nowhere"}},
		{1, "no such file", []string{"types", "-check", "-o", "nowhere/x.ts", flow}},
	} {
		code, _, stderr := try(t, c.args...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: %d\n%s", c.args, code, stderr)
		}
	}
}
