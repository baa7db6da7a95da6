//go:build !js

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Budgets of the engine, in bytes.
const (
	maxWasm     = 2_125_000
	maxWasmGzip = 627_000
	// maxClientGzip is for the shell with the codec of the js engine, which is all that a page on
	// that engine must load. 2 100 bytes of it are texts, 1 800 come back after a loss.
	maxClientGzip = 17_700
	// maxEngineGzip is for the js engine alone and complete, as the wasm engine is: codec, DEFLATE
	// and sealing.
	maxEngineGzip = 8_000
	maxIndexGzip  = 600
	maxFlateGzip  = 2_400
	maxSealGzip   = 3_150
	maxKeepGzip   = 1_200
	maxMoveGzip   = 500
	maxLoaderGzip = 5_200
	// maxAdapterGzip is for each of the adapters to React, Vue and Svelte.
	maxAdapterGzip = 1_000
	// maxStateGzip is for states of rooms: the decoder with the checksum is two thirds of it.
	maxStateGzip  = 6_750
	maxScriptGzip = 27_650 // everything except wasm in one file
	maxStaticGzip = 23_100 // the same as a module, without the loader of wasm
)

// dist is the client as build.sh made it for these tests, sources the modules of js/src, compiled
// one by one. What Node makes is there when Node is.
var dist, sources string

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
	if sources, err = os.MkdirTemp("", "smartsocket-sources-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(sources)
	if lacksNode() == "" {
		if err := run("node", "js/test/compile.mjs", sources); err != nil {
			return 1, err
		}
	}
	return m.Run(), nil
}

// build makes the package in the directory into, as far as there is Node.
func build(into string) error {
	if err := run("sh", "build.sh", into); err != nil || lacksNode() != "" {
		return err
	}
	return run("node", "js/package/build.mjs", into)
}

func run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// lacksNode says why the parts of the package that need Node are not there, or nothing.
func lacksNode() string {
	if _, err := exec.LookPath("node"); err != nil {
		return "node is not installed"
	}
	for _, name := range []string{"ws", "typescript", "rollup", "rollup-plugin-dts"} {
		if _, err := os.Stat("js/node_modules/" + name); err != nil {
			return "package " + name + " is needed: run npm ci in wasm/js"
		}
	}
	return ""
}

func needNode(t *testing.T) {
	t.Helper()
	if why := lacksNode(); why != "" {
		t.Skip(why)
	}
}

func TestSize(t *testing.T) {
	needNode(t)
	for _, c := range []struct {
		file      string
		raw, gzip int
	}{
		{"smartsocket.wasm", maxWasm, maxWasmGzip},
		{"js.js", 1 << 20, maxClientGzip},
		{"index.js", 1 << 20, maxIndexGzip},
		{"flate.js", 1 << 20, maxFlateGzip},
		{"static.js", 1 << 20, maxStaticGzip},
		{"sealing.js", 1 << 20, maxSealGzip},
		{"keep.js", 1 << 20, maxKeepGzip},
		{"move.js", 1 << 20, maxMoveGzip},
		{"wasm.js", 1 << 20, maxLoaderGzip},
		{"react.js", 1 << 20, maxAdapterGzip},
		{"vue.js", 1 << 20, maxAdapterGzip},
		{"svelte.js", 1 << 20, maxAdapterGzip},
		{"state.js", 1 << 20, maxStateGzip},
		{"SmartSocketClient.js", 1 << 20, maxScriptGzip},
	} {
		b, err := os.ReadFile(filepath.Join(dist, c.file))
		if err != nil {
			t.Fatal(err)
		}
		packed := gzipped(t, b)
		t.Logf("%s: %d bytes, %d gzipped", c.file, len(b), packed)
		if len(b) > c.raw || packed > c.gzip {
			t.Errorf("%s has %d bytes (%d gzipped), budget %d (%d): see what `go list -deps` "+
				"gained", c.file, len(b), packed, c.raw, c.gzip)
		}
	}
}

// TestSizeOfTheJSEngine measures what replaces smartsocket.wasm, with all its parts in one file.
func TestSizeOfTheJSEngine(t *testing.T) {
	src, err := filepath.Abs("js/src")
	if err != nil {
		t.Fatal(err)
	}
	entry := `export { jsEngine } from "./engine-js.ts"; export { deflate, inflate } from ` +
		`"./flate.ts"; export { connect } from "./sealing.ts";`
	cmd := exec.Command("go", "tool", "esbuild", "--bundle", "--minify", "--charset=utf8",
		"--format=esm", "--target=es2022")
	cmd.Dir, cmd.Stdin = src, strings.NewReader(entry)
	code, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	packed := gzipped(t, code)
	t.Logf("the js engine: %d bytes, %d gzipped", len(code), packed)
	if packed > maxEngineGzip {
		t.Errorf("the js engine has %d bytes gzipped, budget %d", packed, maxEngineGzip)
	}
}

// gzipped returns the number of bytes of b that are served. It uses gzip, because compress/gzip
// compresses one per cent less.
func gzipped(t *testing.T, b []byte) int {
	t.Helper()
	cmd := exec.Command("gzip", "-9", "-n", "-c")
	cmd.Stdin = bytes.NewReader(b)
	packed, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return len(packed)
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

// TestVersion checks that the package, the name that the client gives itself and the changelog
// agree.
func TestVersion(t *testing.T) {
	manifest, client, changes := read(t, "js/package/package.json"),
		read(t, filepath.Join(dist, "js.js")), read(t, "../CHANGELOG.md")
	version := regexp.MustCompile(`"version": "(\d+\.\d+\.\d+[^"]*)"`).FindStringSubmatch(manifest)
	if version == nil {
		t.Fatal("package.json has no version")
	}
	if !strings.Contains(client, "smartsocket-js/"+version[1]) {
		t.Errorf("js.js does not call itself smartsocket-js/%s", version[1])
	}
	released := regexp.MustCompile(`(?m)^## \[(\d[^\]]*)\]`).FindStringSubmatch(changes)
	if released != nil && released[1] != version[1] {
		t.Errorf("CHANGELOG.md's newest release is %s, the package's version %s", released[1],
			version[1])
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestDependencies keeps out what would make every visitor's download larger.
func TestDependencies(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", ".")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	list, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	banned := map[string]bool{"fmt": true, "reflect": true, "encoding/json": true, "net": true,
		"net/http": true, "crypto/tls": true, "log/slog": true, "math/big": true, "bytes": true,
		"strings": true, "unicode": true, "io": true}
	for dep := range strings.FieldsSeq(string(list)) {
		if banned[dep] {
			t.Errorf("the engine depends on %s", dep)
		}
	}
}

// quoted matches a string literal in minified code.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'`)

// TestOldSyntax keeps the script build readable for browsers that know only ES5 syntax.
func TestOldSyntax(t *testing.T) {
	needNode(t)
	b, err := os.ReadFile(filepath.Join(dist, "SmartSocketClient.js"))
	if err != nil {
		t.Fatal(err)
	}
	code := quoted.ReplaceAllString(string(b), `""`)
	for _, modern := range []string{"=>", "`", "let ", "const ", "class ", "async ", "await ",
		"import(", "import.meta", "...", "?.", "??", "catch{"} {
		if strings.Contains(code, modern) {
			t.Errorf("SmartSocketClient.js uses %q", modern)
		}
	}
}

// TestBundlersFindTheFiles checks that the names of files are written out, because bundlers follow
// these forms, and copy the files, only then.
func TestBundlersFindTheFiles(t *testing.T) {
	for file, forms := range map[string][]string{
		"index.js": {`new URL("./smartsocket.wasm",import.meta.url)`, `import("./wasm.js")`,
			`from"./js.js"`},
		"js.js": {`import("./flate.js")`, `import("./sealing.js")`, `import("./keep.js")`,
			`import("./move.js")`},
	} {
		b, err := os.ReadFile(filepath.Join(dist, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range forms {
			if !strings.Contains(string(b), form) {
				t.Errorf("%s lacks %s", file, form)
			}
		}
	}
}

// TestRunsOfNodeHaveATimeLimit looks at every place that starts Node's test runner. Without the
// limit, which is for a file as for each of its tests, a client that hangs hangs the run.
func TestRunsOfNodeHaveATimeLimit(t *testing.T) {
	call := regexp.MustCompile(`(?s)node(", "| )--test[" ][^%].{0,80}`) // and no message
	found := 0
	for _, pattern := range []string{"*.go", "js/package.json", "../scripts/*", "../Makefile",
		"../.ci/*", "../cmd/server/*.go", "../conformance/*.go", "../bench/browser/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			for _, c := range call.FindAllString(read(t, file), -1) {
				if found++; !strings.Contains(c, "--test-timeout=") {
					t.Errorf("%s: %q has no --test-timeout", file, c)
				}
			}
		}
	}
	if found < 2 {
		t.Errorf("found %d runs, at least those of wasm/build_test.go and package.json exist",
			found)
	}
}

// node runs files of js/test, with the environment env.
func node(t *testing.T, file string, env ...string) {
	t.Helper()
	nodes(t, []string{file}, env...)
}

func nodes(t *testing.T, files []string, env ...string) {
	t.Helper()
	needNode(t)
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute) // should Node itself hang
	defer stop()
	cmd := exec.CommandContext(ctx, "node", "--test", "--test-reporter=spec",
		"--test-timeout=60000")
	for _, file := range files {
		cmd.Args = append(cmd.Args, "test/"+file)
	}
	cmd.Dir = "js"
	cmd.Env = append(os.Environ(),
		append([]string{"SMARTSOCKET_DIST=" + dist, "SMARTSOCKET_SOURCES=" + sources,
			"NODE_NO_WARNINGS=1"}, env...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("node --test %v: %v\n%s", files, err, out)
	}
}

// TestShell runs what npm test runs, too, and needs none of our servers. make test, which has run
// npm test before, says so.
func TestShell(t *testing.T) {
	if os.Getenv("SMARTSOCKET_NPM_TESTED") != "" {
		return
	}
	nodes(t, alone(t))
}

// served are the files of js/test that the other tests of this package run, with servers.
var served = regexp.MustCompile(`^(codes|behaviour|e2e|e2e-sealed|adapters-\w+|return-e2e)\.`)

// alone lists the files of js/test that need no server of ours.
func alone(t *testing.T) (files []string) {
	found, err := filepath.Glob("js/test/*.test.js")
	if err != nil || len(found) < 20 {
		t.Fatalf("%d files, %v", len(found), err)
	}
	for _, path := range found {
		if name := filepath.Base(path); !served.MatchString(name) {
			files = append(files, name)
		}
	}
	return files
}
