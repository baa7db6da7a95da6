//go:build !js

package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Budgets of the engine, in bytes.
const (
	maxWasm       = 2_800_000
	maxWasmGzip   = 800_000
	maxShellGzip  = 17_000 // not minified
	maxLoaderGzip = 6_000
)

// dist is the client as build.sh made it for these tests.
var dist string

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		os.Stderr.WriteString("wasm: " + err.Error() + "\n")
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (int, error) {
	var err error
	if dist, err = os.MkdirTemp("", "smartsocket-dist-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(dist)
	if err := build(dist); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func build(into string) error {
	cmd := exec.Command("sh", "build.sh", into)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		file      string
		raw, gzip int
	}{
		{"smartsocket.wasm", maxWasm, maxWasmGzip},
		{"smartsocket-client.js", 1 << 20, maxShellGzip},
		{"wasm_exec.js", 1 << 20, maxLoaderGzip},
	} {
		b, err := os.ReadFile(filepath.Join(dist, c.file))
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, 9)
		z.Write(b)
		z.Close()
		t.Logf("%s: %d bytes, %d gzipped", c.file, len(b), packed.Len())
		if len(b) > c.raw || packed.Len() > c.gzip {
			t.Errorf("%s has %d bytes (%d gzipped), budget %d (%d): see what `go list -deps` gained", c.file, len(b), packed.Len(), c.raw, c.gzip)
		}
	}
}

func TestBuildIsReproducible(t *testing.T) {
	again := t.TempDir()
	if err := build(again); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dist)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		a, _ := os.ReadFile(filepath.Join(dist, f.Name()))
		b, _ := os.ReadFile(filepath.Join(again, f.Name()))
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs between two builds", f.Name())
		}
	}
}

// TestDependencies keeps out what would make every visitor's download larger.
func TestDependencies(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", ".")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	list, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	banned := map[string]bool{"fmt": true, "reflect": true, "encoding/json": true, "net": true, "net/http": true, "crypto/tls": true, "log/slog": true, "math/big": true}
	for dep := range strings.FieldsSeq(string(list)) {
		if banned[dep] {
			t.Errorf("the engine depends on %s", dep)
		}
	}
}

// TestOldSyntax keeps the script build readable for browsers that know only ES5 syntax.
func TestOldSyntax(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(dist, "SmartSocketClient.js"))
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(b), "\n") {
		code, _, _ := strings.Cut(line, " // ")
		for _, modern := range []string{"=>", "`", "let ", "const ", "class ", "async ", "await ", "import(", "...", "?.", "??", "catch {"} {
			if strings.HasPrefix(strings.TrimSpace(code), "//") || inString(code, modern) {
				continue
			}
			if strings.Contains(code, modern) {
				t.Errorf("SmartSocketClient.js:%d uses %q: %s", i+1, modern, line)
			}
		}
	}
}

// inString reports whether word stands in line only inside a quoted string.
func inString(line, word string) bool {
	parts := strings.Split(line, "'")
	for i := 0; i < len(parts); i += 2 {
		if strings.Contains(parts[i], word) {
			return false
		}
	}
	return true
}

// node runs one file of js/test, or all of them, with the environment env.
func node(t *testing.T, file string, env ...string) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed")
	}
	if _, err := os.Stat("js/node_modules/ws"); err != nil {
		t.Skip("the test server needs package ws: run npm ci in wasm/js")
	}
	cmd := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=spec", "--test-timeout=60000", "test/"+file)
	cmd.Dir = "js"
	cmd.Env = append(os.Environ(), append([]string{"SMARTSOCKET_DIST=" + dist, "NODE_NO_WARNINGS=1"}, env...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("node --test %s: %v\n%s", file, err, out)
	}
}

func TestShell(t *testing.T)   { node(t, "client.test.js") }
func TestEngines(t *testing.T) { node(t, "engine.test.js") }

func TestVectors(t *testing.T) { node(t, "vectors.test.js") }
