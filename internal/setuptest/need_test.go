//go:build unix

package setuptest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Stand-ins of tools.
const (
	goodGo  = `case "$*" in "env GOVERSION") echo go1.26.8 ;; "env CC") echo cc ;; esac`
	newerGo = `echo 'devel go1.30-0123456789 Mon'`
	oldGo   = `echo go1.19.8`
	localGo = `echo 'go: go.mod requires go >= 1.26.0 (running go 1.22.2; GOTOOLCHAIN=local)' ` +
		`>&2; exit 1`
	goodNode  = `echo v20.19.0`
	oldNode   = `echo v18.20.4`
	edgeNode  = `echo v20.9.0`
	brokeNode = `echo 'libnode.so: cannot open' >&2; exit 127`
	works     = `exit 0`
	fails     = `exit 1`
	noHeaders = `echo 'fatal error: stdlib.h: No such file or directory' >&2; exit 1`
)

func TestNeed(t *testing.T) {
	for _, c := range []struct {
		name  string
		tools map[string]string
		says  []string // nothing is wrong when there is none
		not   string
	}{
		{name: "all", tools: map[string]string{"go": goodGo, "node": goodNode, "npm": works,
			"cc": works}},
		{name: "newer ones",
			tools: map[string]string{"go": newerGo + "\n" +
				`case "$*" in "env CC") echo cc ;; esac`, "node": "echo v26.0.0", "npm": works,
				"devel": works, "cc": works}},
		{name: "none", says: []string{"Go is missing", "Go 1.26 or newer", "https://go.dev/dl/",
			"Node.js is missing", "Node.js 20.16 or newer", "https://nodejs.org/",
			"C compiler", "any version", "apt-get install gcc libc6-dev"}},
		{name: "no Go", tools: map[string]string{"node": goodNode, "npm": works, "cc": works},
			says: []string{"Go is missing. Install Go 1.26 or newer from https://go.dev/dl/"},
			not:  "Node"},
		{name: "Go 1.19", tools: map[string]string{"go": oldGo, "node": goodNode, "npm": works},
			says: []string{"Go 1.19 is too old. Install Go 1.26 or newer"}},
		{name: "Go 1.22, local", tools: map[string]string{"go": localGo, "node": goodNode,
			"npm": works}, says: []string{"running go 1.22.2",
			"Go 1.26 or newer is needed. Install"}},
		{name: "no Node", tools: map[string]string{"go": goodGo, "cc": works},
			says: []string{"Node.js is missing. Install Node.js 20.16 or newer"}, not: "Go is"},
		{name: "Node 18", tools: map[string]string{"go": goodGo, "cc": works, "node": oldNode,
			"npm": works}, says: []string{"Node.js 18.20.4 is too old"}},
		{name: "Node 20.9", tools: map[string]string{"go": goodGo, "cc": works, "node": edgeNode,
			"npm": works}, says: []string{"Node.js 20.9.0 is too old"}},
		{name: "Node that does not start", tools: map[string]string{"go": goodGo, "cc": works,
			"node": brokeNode, "npm": works}, says: []string{"libnode.so", "does not start"}},
		{name: "no npm", tools: map[string]string{"go": goodGo, "cc": works, "node": goodNode},
			says: []string{"npm is missing", "apt-get install npm"}},
		{name: "npm that does not start", tools: map[string]string{"go": goodGo, "cc": works,
			"node": goodNode, "npm": fails}, says: []string{"npm is missing, or does not start"}},
		{name: "no C compiler", tools: map[string]string{"go": goodGo, "node": goodNode,
			"npm": works}, says: []string{"A C compiler that works is missing (tried: cc)",
			"make run does not"}, not: "command not found"},
		{name: "no headers of C", tools: map[string]string{"go": goodGo, "node": goodNode,
			"npm": works, "cc": noHeaders}, says: []string{"stdlib.h: No such file", "libc6-dev"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			for name, script := range c.tools {
				m.command(name, script)
			}
			got := m.run("bash", "scripts/need.sh", "go", "node", "cc")
			if c.says == nil && (got.code != 0 || got.stderr != "") || c.says != nil &&
				got.code != 1 {
				t.Errorf("status %d\n%s", got.code, got.stderr)
			}
			says(t, got.stderr, c.says...)
			if c.not != "" && strings.Contains(got.stderr, c.not) {
				t.Errorf("it speaks of %s:\n%s", c.not, got.stderr)
			}
		})
	}
}

func TestNeedFiles(t *testing.T) {
	m := newMachine(t)
	got := m.run("bash", "-c", "ulimit -n 1024 && exec bash scripts/need.sh files")
	if got.code != 1 {
		t.Errorf("status %d with 1024 files", got.code)
	}
	says(t, got.stderr, "allowed: 1024", "8192 are needed", "ulimit -Hn 8192")
}

// The two commands stop at once and name what is missing.
func TestCommandsWithoutTools(t *testing.T) {
	for command, wants := range map[string][]string{
		"run":  {"Go is missing", "https://go.dev/dl/"},
		"test": {"Go is missing", "Node.js is missing", "C compiler"},
		"lint": {"Go is missing"},
	} {
		m := newMachine(t)
		got := m.run("make", command)
		if got.code == 0 {
			t.Errorf("make %s passes on a machine without tools", command)
		}
		says(t, got.stderr, wants...)
	}
}

// Without a network the way to one is named, whether Go or npm fails.
func TestNoNetwork(t *testing.T) {
	t.Run("Go modules", func(t *testing.T) {
		m := newMachine(t)
		m.real("go")
		m.dir = copySources(t, "scripts", "go.mod", "go.sum")
		m.env = []string{"GOPROXY=off", "GOFLAGS=-modcacherw"}
		got := m.run("bash", "-c", ". scripts/env.sh; fetching go mod download")
		if got.code == 0 {
			t.Error("modules were downloaded from nowhere")
		}
		says(t, got.stderr, "The network is missing", "https_proxy", "GOPROXY")
	})
	t.Run("npm", func(t *testing.T) {
		m := newMachine(t)
		m.command("go", goodGo)
		m.command("node", goodNode)
		m.command("npm",
			`[ "$1" = --version ] && exit; echo 'npm error code ENOTFOUND' >&2; exit 1`)
		m.dir = copySources(t, "scripts", "go.mod", "wasm/js/package.json",
			"wasm/js/package-lock.json")
		got := m.run("bash", "scripts/npm.sh", "wasm/js")
		if got.code == 0 {
			t.Error("packages were installed from nowhere")
		}
		says(t, got.stderr, "ENOTFOUND", "The network is missing", "npm_config_registry",
			"wasm/js/package-lock.json")
	})
}

// npm ci runs when the lock file or Node.js has changed, or the last run failed, and else does not.
func TestPackagesAreInstalledOnce(t *testing.T) {
	m := newMachine(t)
	m.command("go", goodGo)
	m.command("node", goodNode)
	m.dir = copySources(t, "scripts", "go.mod", "wasm/js/package.json", "wasm/js/package-lock.json")
	install := func(script string, wantCode, wantRuns int) {
		t.Helper()
		m.command("npm",
			`[ "$1" = --version ] && exit; echo "$*" >>"$NOTES/notes"; mkdir -p node_modules; `+
				script)
		got := m.run("bash", "scripts/npm.sh", "wasm/js")
		if runs := strings.Count(m.notes(), "ci "); (got.code == 0) != (wantCode == 0) ||
			runs != wantRuns {
			t.Errorf("status %d after %d runs of npm ci, want %d after %d\n%s", got.code, runs,
				wantCode, wantRuns, got.stderr)
		}
	}
	install(fails, 1, 1)
	install(works, 0, 2)
	install(works, 0, 2)
	lock := filepath.Join(m.dir, "wasm/js/package-lock.json")
	if err := os.WriteFile(lock, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	install(works, 0, 3)
	m.command("node", "echo v22.1.0")
	install(works, 0, 4)
}

// A home that is no absolute path is as good as none: Go refuses it.
func TestRelativeHome(t *testing.T) {
	m := newMachine(t)
	m.real("go")
	m.dir = copySources(t, "scripts", "go.mod")
	m.env = []string{"HOME=."}
	got := m.run("bash", "-c", `. scripts/env.sh && echo "$HOME"`)
	if got.code != 0 || !strings.HasSuffix(got.stdout, "/.home\n") {
		t.Errorf("status %d, the home is %q\n%s", got.code, got.stdout, got.stderr)
	}
}

// The caller's environment does not decide what is built, nor does a home that is none.
func TestEnvironment(t *testing.T) {
	m := newMachine(t)
	m.real("go")
	m.dir = copySources(t, "scripts", "go.mod")
	m.env = []string{"HOME=/nonexistent", "TMPDIR=/nonexistent", "CDPATH=/", "GOFLAGS=-mod=vendor",
		"GOWORK=/elsewhere/go.work", "GO111MODULE=off",
		"GOOS=js", "GOARCH=wasm", "NODE_ENV=production", "LC_ALL=tr_TR.UTF-8"}
	got := m.run("bash", "-c",
		`. scripts/env.sh && . scripts/env.sh && echo `+
			`"$HOME|$TMPDIR|$GOFLAGS|$GOOS|$GOWORK|${CDPATH-}${NODE_ENV-}|$LC_ALL|" && go env `+
			`GOMOD GOVERSION`)
	if got.code != 0 {
		t.Fatalf("status %d\n%s", got.code, got.stderr)
	}
	top, err := filepath.EvalSymlinks(m.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{".home", ".tmp"} {
		says(t, got.stdout, filepath.Join(top, folder)+"|")
		if _, err := os.Stat(filepath.Join(top, folder)); err != nil {
			t.Error(err)
		}
	}
	says(t, got.stdout, "|-mod=vendor -mod=readonly -buildvcs=false -modcacherw|", "|off||C|",
		filepath.Join(top, "go.mod"), "go1.")
	if strings.Contains(got.stdout, "js") {
		t.Errorf("it builds for the caller's GOOS:\n%s", got.stdout)
	}
}
