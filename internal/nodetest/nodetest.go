// Package nodetest runs scripts of the guides and examples in Node, with the browser client as
// "make npm-pack" packs it.
package nodetest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// patience is how long a script may take, however busy the machine is.
const patience = 2 * time.Minute

// path is a file of the module, by its path from the root.
func path(name string) string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "../..", filepath.FromSlash(name))
}

// need skips the test if a file of the module is missing.
func need(t testing.TB, name, otherwise string) string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed")
	}
	file := path(name)
	if _, err := os.Stat(file); err != nil {
		t.Skip(otherwise)
	}
	return file
}

// Project makes a folder for scripts that import @smartsocket/client, and copies the files into it.
func Project(t testing.TB, files ...string) string {
	t.Helper()
	need(t, "dist/index.d.ts", "the browser client is missing, or its types: run make npm-pack")
	ws := need(t, "wasm/js/node_modules/ws", "package ws is missing: run npm ci in wasm/js")
	dir := t.TempDir()
	modules := filepath.Join(dir, "node_modules")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(modules, "@smartsocket"), 0o700),
		os.CopyFS(filepath.Join(modules, "@smartsocket/client"), os.DirFS(path("dist"))),
		os.CopyFS(filepath.Join(modules, "ws"), os.DirFS(ws)),
		os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type": "module"}`), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Run runs a script of a folder with arguments, and returns what it prints.
func Run(t testing.TB, dir, script string, args ...string) string {
	t.Helper()
	out, err := node(dir, append([]string{script}, args...)...)
	if err != nil {
		t.Fatalf("node %s: %v\n%s", script, err, out)
	}
	return out
}

// Compile runs the TypeScript compiler in a folder, and returns what it complains of.
func Compile(t testing.TB, dir string, args ...string) string {
	t.Helper()
	compiler := need(t, "wasm/js/node_modules/typescript/bin/tsc",
		"the TypeScript compiler is missing: run npm ci in wasm/js")
	out, err := node(dir, append([]string{compiler, "--pretty", "false"}, args...)...)
	if err != nil && out == "" {
		t.Fatal(err)
	}
	return out
}

func node(dir string, args ...string) (string, error) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	cmd := exec.CommandContext(ctx, "node", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}
