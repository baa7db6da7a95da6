// Package floor contains the source of the C program with which the benchmarks compare every
// server, and compiles it on the machine where they run.
package floor

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed c/floor.c
var source []byte

// Flags are the compiler flags for the program.
var Flags = []string{"-O2", "-std=gnu11", "-Wall"}

// Build compiles the program into dir with $CC, or with cc, and returns its path.
func Build(dir string) (string, error) {
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	src, bin := filepath.Join(dir, "floor.c"), filepath.Join(dir, "floor")
	if err := os.WriteFile(src, source, 0o600); err != nil {
		return "", fmt.Errorf("floor: %w", err)
	}
	out, err := exec.Command(cc, append(Flags, "-o", bin, src)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("floor: %s: %w: install a C compiler or name one in CC\n%s", cc, err,
			out)
	}
	return bin, nil
}
