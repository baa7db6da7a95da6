//go:build !js

package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestOldTargets asks esbuild whether the plain script contains syntax that one of the oldest
// browsers lacks. esbuild would then rewrite it, or fail.
func TestOldTargets(t *testing.T) {
	needNode(t)
	script := filepath.Join(dist, "SmartSocketClient.js")
	build := func(target string) []byte {
		out, err := exec.CommandContext(t.Context(), "go", "tool", "esbuild", script,
			"--charset=utf8", "--log-level=warning", "--target="+target).Output()
		if err != nil {
			t.Fatalf("target %s: %v", target, err)
		}
		return out
	}
	want := build("esnext")
	for _, target := range []string{"chrome43", "firefox48", "safari10.1", "edge14", "es5"} {
		if got := build(target); !bytes.Equal(got, want) {
			t.Errorf("for %s the script had to be rewritten", target)
		}
	}
}
