//go:build unix

package setuptest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Stand-ins that fail, or are interrupted, where $FAILS says so.
const (
	steppingGo = `case "$1 $2" in
"env GOVERSION") echo go1.26.8 ;;
"env CC") echo cc ;;
"mod download") [ "$FAILS" != modules ] ;;
"list -f") echo example.org/package ;;
"test -race")
	if [ "$FAILS" = interrupted ]; then kill -INT $PPID; fi
	case $3,$FAILS in
	-json,race | -json,unsteady | -json,again | -json,grave | -json,many) exit 1 ;;
	esac ;;
"test -run") echo "again: $*"; [ "$FAILS" = unsteady ] ;;
"build -o") printf '%s\n' '#!/bin/sh' cat 'printf "%s" "$SKIPS" >"$1"' \
	'printf "%s" "$FAILED" >"$2"' >"$3" && chmod 755 "$3" ;;
"test -json") mktemp >/dev/null; echo 'what go test says'
	case "$*,$FAILS" in
	*/examples/web,templates) exit 1 ;;
	*/examples/web,*) ;;
	*,tests) exit 1 ;;
	esac ;;
esac`
	steppingNpm = `case $1 in
ci) mkdir -p node_modules; [ "$FAILS" != packages ] ;;
test) [ "$FAILS" != node ] ;;
esac`
)

// A test that fails is repeated. If it passes then, make test does, and says so. What cannot be
// excused by a repetition fails at once.
func TestUnsteadyTests(t *testing.T) {
	m := steppingMachine(t)
	for _, c := range []struct {
		fails, failed string
		code          int
		repeated      bool
	}{
		{"unsteady", "x/a TestOne\nx/b TestTwo\n", 0, true},
		{"again", "x/a TestOne\n", 2, true},
		{"grave", "x/a TestOne\nx/a -\n", 2, false},
		{"many", "x TestA\nx TestB\nx TestC\nx TestD\n", 2, false},
		{"race", "", 2, false},
	} {
		t.Run(c.fails, func(t *testing.T) {
			m.env = []string{"FAILS=" + c.fails, "TMPDIR=" + t.TempDir(), "FAILED=" + c.failed}
			got := m.run("make", "test")
			if got.code != c.code {
				t.Errorf("status %d, want %d\n%s", got.code, c.code, got.stderr)
			}
			repeated := "again: test -run ^TestOne$ -count=3 -race -timeout=8m x/a\n"
			if strings.Contains(got.stdout, repeated) != c.repeated {
				t.Errorf("TestOne was repeated: %t, want the opposite", !c.repeated)
			}
			if c.code == 0 {
				says(t, got.stdout, "failed once, and passed three times when run alone:\n"+
					"  Go tests under the race detector: x/a TestOne\n"+
					"  Go tests under the race detector: x/b TestTwo\n")
			}
		})
	}
}

// steppingMachine has all that make test needs, as stand-ins.
func steppingMachine(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t)
	for name, script := range map[string]string{"go": steppingGo, "npm": steppingNpm,
		"node": goodNode, "cc": works} {
		m.command(name, script)
	}
	m.dir = copySources(t, "Makefile", "scripts", "go.mod", "wasm/js/package.json",
		"wasm/js/package-lock.json", "conformance/node/package.json",
		"conformance/node/package-lock.json")
	m.write("bench/compare/go.mod", "")
	m.write("deploy/go.mod", "")
	m.write("ops/tracing/go.mod", "")
	for name, script := range map[string]string{"lint.sh": `[ "$FAILS" != lint ]`,
		"wasm.sh": `[ "$FAILS" != wasm ]`, "package.sh": "true",
		"npm-pack.sh": `[ "$FAILS" != pack ]`,
		"browsers.sh": `echo none; echo 'get a browser' >&2; [ "$FAILS" != browsers ]`} {
		m.write("scripts/"+name, "#!/bin/sh\n"+script+"\n")
	}
	return m
}

// Whatever step of make test fails, make does, and the summary names the step. Nothing stays behind
// in the folder for temporary files.
func TestMakeTest(t *testing.T) {
	m := steppingMachine(t)
	steps := []struct{ fails, step string }{
		{"modules", "Go modules"}, {"packages", "npm packages"}, {"lint", "checks"},
		{"wasm", "browser client"}, {"node", "browser client in Node.js"}, {"pack", "npm package"},
		{"browsers", "browsers"}, {"templates", "templates"},
		{"race", "Go tests under the race detector"},
		{"tests", "Go tests"},
	}
	for _, c := range append(steps, struct{ fails, step string }{},
		struct{ fails, step string }{"interrupted", "Go tests under the race detector"},
		struct{ fails, step string }{"skipped", "Go tests"}) {
		t.Run(c.fails, func(t *testing.T) {
			temporary := t.TempDir()
			m.env = []string{"FAILS=" + c.fails, "TMPDIR=" + temporary,
				"SKIPS=no browser: a.TestOne\n"}
			if c.fails == "skipped" {
				m.env = append(m.env, "SKIPS=run npm ci in wasm/js: b.TestTwo\n")
			}
			os.RemoveAll(filepath.Join(m.dir, "wasm/js/node_modules"))
			got := m.run("make", "test")
			if (got.code == 0) != (c.fails == "") {
				t.Errorf("status %d", got.code)
			}
			ends := "make test: FAILED in step \"" + c.step + "\"\n"
			switch c.fails {
			case "":
				ends = "make test: passed\n"
				for _, s := range steps {
					says(t, got.stdout, " s  "+s.step+"\n")
				}
				says(t, got.stdout, "what go test says", "no browser: a.TestOne")
			case "interrupted":
				ends = strings.Replace(ends, "FAILED", "interrupted", 1)
			}
			if !strings.HasSuffix(got.stdout, ends) {
				t.Errorf("it does not end with %q but\n%s\n%s", ends, got.stdout, got.stderr)
			}
			says(t, got.stdout, "== summary", " s  in all", "get a browser")
			isEmpty(t, temporary)
		})
	}
}

// The fuzz targets of a package that cannot be compiled are missing, which is no success.
func TestFuzz(t *testing.T) {
	for _, c := range []struct {
		name, list, says string
		code             int
	}{
		{"two targets", `echo FuzzOne; echo FuzzTwo; echo "ok  	x"`, "2 fuzz targets, no crash",
			0},
		{"a package that cannot be compiled", `echo "FAIL x [build failed]"; exit 1`,
			"build failed", 1},
		{"no network", `echo 'dial tcp: lookup' >&2; exit 1`, "The network is missing", 1},
		{"none", `echo "?   	x	[no test files]"`, "no fuzz target", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			m.command("go", `case "$1 $2" in
"env GOVERSION") echo go1.26.8 ;;
"list ./...") echo x ;;
"test -list") `+c.list+` ;;
esac`)
			m.dir = copySources(t, "scripts", "go.mod")
			got := m.run("bash", "scripts/fuzz.sh", "1s")
			if got.code != c.code {
				t.Errorf("status %d", got.code)
			}
			says(t, got.stdout+got.stderr, c.says)
		})
	}
}

// Formatting is checked by the gofmt of the Go in use, which need not be on the PATH.
func TestLintFindsGofmt(t *testing.T) {
	m := newMachine(t)
	m.real("go")
	m.command("node", goodNode)
	m.command("npm", works)
	m.dir = copySources(t, "scripts", "go.mod")
	m.write("a.go", "package  smartsocket\n")
	got := m.run("bash", "scripts/lint.sh")
	if got.code == 0 {
		t.Error("what is not formatted passes")
	}
	says(t, got.stderr, "not formatted, run gofmt -w:\n./a.go\n")
}

func isEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// .ci/run ends as the tests do, keeps what they made and removes its copy, which has nothing but
// the sources, with git and without.
func TestContinuousIntegration(t *testing.T) {
	const makefile = "test:\n\t@mkdir -p artifacts \"$$HOME/cache\"; echo new >artifacts/made; " +
		"touch \"$$HOME/cache/file\"; chmod 555 \"$$HOME/cache\"; ls; " +
		"echo \"$$HOME|$$GOFLAGS|$$CI|\"; [ ! -e fails ]\n"
	for _, c := range []struct {
		name  string
		git   bool
		fails bool
	}{{"with git", true, false}, {"with git, failing", true, true}, {"without git", false, false},
		{"without git, failing", false, true}} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			m.real("tar")
			m.dir = copySources(t, ".ci", "README.md")
			m.write("Makefile", makefile)
			if c.fails {
				m.write("fails", "")
			}
			if c.git {
				m.real("git")
				for _, args := range [][]string{{"init", "-q"}, {"add", "."}} {
					cmd := exec.Command("git", args...)
					cmd.Dir = m.dir
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Fatalf("%v\n%s", err, out)
					}
				}
			}
			m.write("dist/built", "")
			temporary := t.TempDir()
			m.env = []string{"TMPDIR=" + temporary, "GOFLAGS=-race", "CI=true"}
			for _, made := range []string{"", "old"} {
				if made != "" {
					m.write("artifacts/made", made)
				}
				got := m.run("bash", ".ci/run")
				if (got.code != 0) != c.fails {
					t.Errorf("status %d\n%s", got.code, got.stderr)
				}
				says(t, got.stdout, "README.md\n", "/home||true|\n")
				if strings.Contains(got.stdout, "dist") || strings.Contains(got.stdout, m.home) {
					t.Errorf("the copy is not clean:\n%s", got.stdout)
				}
				b, err := os.ReadFile(filepath.Join(m.dir, "artifacts/made"))
				if err != nil || string(b) != "new\n" {
					t.Errorf("artifacts/made has %q, %v", b, err)
				}
				isEmpty(t, temporary)
			}
		})
	}
}
