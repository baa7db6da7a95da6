package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/browsertest"
)

// These bound every step. They guard against hangs and measure nothing: on a machine that others
// use, too, a build of Next.js takes minutes.
const (
	patience      = 3 * time.Minute
	buildPatience = 10 * time.Minute
)

const (
	client    = "@smartsocket/client"
	artifacts = "../../artifacts"
)

// project is a copy of a template with everything that it depends on.
type project struct {
	dir  string
	home string   // for the tools, so that they find no settings and leave none
	path []string // folders of programs that come first
}

// pack packs the client once for all templates.
var pack = sync.OnceValues(func() (tarball string, err error) {
	if err := os.MkdirAll(artifacts, 0o755); err != nil {
		return "", err
	}
	if _, err := os.Stat("../../dist/index.d.ts"); err != nil {
		return "", errors.New("the npm package is not built: run scripts/package.sh")
	}
	cmd := exec.Command("npm", "pack", "--silent", "../dist")
	cmd.Dir = artifacts
	out, err := cmd.Output()
	if err != nil {
		return "", err
	}
	return filepath.Abs(filepath.Join(artifacts, strings.TrimSpace(string(out))))
})

// install copies a template to artifacts/web, where its packages stay for the next time, and
// installs them as its lock file says. The lock file does not name our package, because each build
// of it has another checksum: it is unpacked from its tarball.
func install(t *testing.T, tm template) *project {
	t.Helper()
	p := copyOf(t, tm.folder)
	p.checkNode(t)
	p.packages(t)
	tarball, err := pack()
	if err != nil {
		t.Fatalf("npm pack: %v", err)
	}
	p.forget(t)
	into := filepath.Join(p.dir, "node_modules", client)
	if err := errors.Join(os.RemoveAll(into), os.MkdirAll(into, 0o755)); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("tar", "-xzf", tarball, "--strip-components=1", "-C", into).
		CombinedOutput()
	if err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	return p
}

// packages installs what the lock file says, unless it is there already.
func (p *project) packages(t *testing.T) {
	t.Helper()
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	folder, err := filepath.Rel(top, p.dir)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(top, "scripts", "npm.sh"), folder)
	cmd.Env = append(os.Environ(), "npm_config_ignore_scripts=true") // nothing else is downloaded
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm.sh: %v\n%s", err, out)
	}
}

// forget removes what tools keep among the packages, as Vite does with what it has made of them.
// They look for changes in the lock file, which does not name our package.
func (p *project) forget(t *testing.T) {
	t.Helper()
	kept, err := filepath.Glob(filepath.Join(p.dir, "node_modules", ".*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range kept {
		info, err := os.Stat(path)
		if err == nil && info.IsDir() && filepath.Base(path) != ".bin" {
			err = os.RemoveAll(path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// copyOf copies a folder to artifacts/web.
func copyOf(t *testing.T, folder string) *project {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(artifacts, "web", filepath.Base(folder)))
	if err != nil {
		t.Fatal(err)
	}
	p := &project{dir: dir, home: t.TempDir()}
	p.copy(t, folder)
	return p
}

// node makes the project use another Node.js, which comes as an npm package for this machine.
func (p *project) node(t *testing.T, folder string) {
	t.Helper()
	n := copyOf(t, folder)
	n.packages(t)
	programs, err := filepath.Glob(filepath.Join(n.dir, "node_modules", "node-*", "bin"))
	if err != nil {
		t.Fatal(err)
	}
	if len(programs) != 1 {
		t.Skipf("%s has no Node.js for this machine", folder)
	}
	p.path = programs
}

// runInstallScript runs the install script of one package, which npm was told not to do.
func (p *project) runInstallScript(t *testing.T, name string) {
	t.Helper()
	cmd := exec.Command("npm", "rebuild", "--ignore-scripts=false", name)
	cmd.Dir = p.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm rebuild %s: %v\n%s", name, err, out)
	}
}

// copy makes the project the same as the template, its packages aside.
func (p *project) copy(t *testing.T, folder string) {
	t.Helper()
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		if entry.Name() != "node_modules" {
			if err := os.RemoveAll(filepath.Join(p.dir, entry.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(folder, path)
		if entry.IsDir() {
			if path != folder && built(entry.Name()) {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(p.dir, rel), 0o755)
		}
		text, err := os.ReadFile(path)
		if err == nil && rel == "package.json" {
			text, err = withoutClient(text)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(p.dir, rel), text, 0o644)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// built reports whether a folder of a template holds what its tool has made: .gitignore of
// examples/web has the same names.
func built(folder string) bool {
	return slices.Contains([]string{"node_modules", "dist", "build", ".next", ".svelte-kit",
		".nuxt", ".output"}, folder)
}

// withoutClient takes our package off the dependencies in a package.json.
func withoutClient(text []byte) ([]byte, error) {
	var manifest map[string]any
	if err := json.Unmarshal(text, &manifest); err != nil {
		return nil, err
	}
	dependencies, _ := manifest["dependencies"].(map[string]any)
	delete(dependencies, client)
	return json.MarshalIndent(manifest, "", "  ")
}

// checkNode skips the test if this Node.js is too old for the template.
func (p *project) checkNode(t *testing.T) {
	t.Helper()
	var manifest struct{ Engines struct{ Node string } }
	p.read(t, "package.json", &manifest)
	wanted, found := strings.CutPrefix(manifest.Engines.Node, ">=")
	if !found {
		t.Fatalf(`package.json has no engines.node of the form ">=20.19"`)
	}
	out, err := exec.Command("node", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if have := strings.TrimPrefix(strings.TrimSpace(string(out)), "v"); older(have, wanted) {
		t.Skipf("Node.js %s is too old: the template needs %s", have, wanted)
	}
}

// older reports whether version a is below version b.
func older(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		m, _ := strconv.Atoi(x[i])
		n, _ := strconv.Atoi(y[i])
		if m != n {
			return m < n
		}
	}
	return false
}

// version is that of an installed package or of Node.js.
func (p *project) version(t *testing.T, name string) string {
	t.Helper()
	if name == "-" {
		return ""
	}
	if name == "node" {
		cmd := exec.Command("node", "--version")
		if len(p.path) > 0 {
			cmd = exec.Command(filepath.Join(p.path[0], "node"), "--version")
		}
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	}
	var manifest struct{ Version string }
	p.read(t, "node_modules/"+name+"/package.json", &manifest)
	return manifest.Version
}

// command is an npm script of the project, run as npm does it. The tools report nothing to their
// makers and look for no updates.
func (p *project) command(t *testing.T, ctx context.Context, script, arguments string,
	env ...string) *exec.Cmd {
	t.Helper()
	var manifest struct{ Scripts map[string]string }
	p.read(t, "package.json", &manifest)
	text := manifest.Scripts[script]
	if text == "" {
		t.Fatalf("package.json has no script %q", script)
	}
	text += " " + arguments
	if !strings.ContainsAny(text, "&;") {
		text = "exec " + text // signals go to the program itself
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", text)
	cmd.Dir = p.dir
	path := append(slices.Clone(p.path), filepath.Join(p.dir, "node_modules", ".bin"),
		os.Getenv("PATH"))
	cmd.Env = append(os.Environ(), "HOME="+p.home, "TMPDIR="+p.home, "CI=1", "NO_COLOR=1",
		"DO_NOT_TRACK=1", "NEXT_TELEMETRY_DISABLED=1", "NO_UPDATE_NOTIFIER=1",
		"BROWSERSLIST_IGNORE_OLD_DATA=1", "PATH="+strings.Join(path, string(os.PathListSeparator)))
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// read decodes a JSON file of the project.
func (p *project) read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, file))
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// hide takes packages away until the returned function brings them back.
func (p *project) hide(t *testing.T, packages []string) (show func()) {
	t.Helper()
	var moves [][2]string
	for _, name := range packages {
		move := [2]string{filepath.Join(p.dir, "node_modules", name),
			filepath.Join(p.dir, "hidden-"+name)}
		if err := os.Rename(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
		moves = append(moves, move)
	}
	return func() {
		for _, move := range moves {
			if err := os.Rename(move[1], move[0]); err != nil {
				t.Error(err)
			}
		}
	}
}

// build runs the script that builds.
func (p *project) build(t *testing.T, script string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), buildPatience)
	defer stop()
	if out, err := p.command(t, ctx, script, "").CombinedOutput(); err != nil {
		t.Fatalf("npm run %s: %v\n%s", script, err, out)
	}
}

// process is a program that runs until the test ends.
type process struct {
	cmd   *exec.Cmd
	lines <-chan string // its output; closed at its end
	said  *bytes.Buffer // all lines that were taken
}

// start starts an npm script.
func (p *project) start(t *testing.T, script, arguments string, env ...string) *process {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := p.command(t, context.Background(), script, arguments, env...)
	cmd.Stdout, cmd.Stderr = w, w
	browsertest.Start(t, cmd)
	w.Close()
	lines := make(chan string)
	ended := t.Context().Done()
	go func() {
		defer close(lines)
		defer r.Close()
		for in := bufio.NewScanner(r); in.Scan(); {
			select {
			case lines <- in.Text():
			case <-ended: // goes on reading, so that the program does not block
			}
		}
		io.Copy(io.Discard, r)
	}()
	return &process{cmd, lines, new(bytes.Buffer)}
}

// until takes lines until done says so of one.
func (p *process) until(t *testing.T, what string, done func(line string) bool) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case line, more := <-p.lines:
			if !more {
				t.Fatalf("it ended before %s:\n%s", what, p.said)
			}
			p.take(t, line)
			if done(line) {
				return
			}
		case <-late:
			t.Fatalf("%s never came:\n%s", what, p.said)
		}
	}
}

// take notes a line. The client has nothing to warn of.
func (p *process) take(t *testing.T, line string) {
	t.Helper()
	p.said.WriteString(line + "\n")
	if strings.Contains(line, "[smartsocket] [warn]") ||
		strings.Contains(line, "[smartsocket] [error]") {
		t.Errorf("the client complains: %s", line)
	}
}

// stop asks the program to end, and waits until it has: one that only has a client ends when that
// is disconnected.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	late := time.After(patience)
	for {
		select {
		case line, more := <-p.lines:
			if !more {
				return
			}
			p.take(t, line)
		case <-late:
			t.Fatalf("it did not end:\n%s", p.said)
		}
	}
}

// runTest runs a program that ends by itself.
func runTest(t *testing.T, p *project, script string, r *row) {
	arena := startArena(t, "")
	program := p.start(t, script, `; echo "exit status $?"`, "SMARTSOCKET_URL="+arena.url)
	program.until(t, "its end", func(line string) bool {
		r.sees(line)
		return line == "exit status 0"
	})
}

// sees takes a line of a program's output, and reports whether it is the state that is wanted.
func (r *row) sees(line string) bool {
	if strings.HasPrefix(line, `{"status":`) {
		r.state = line
	}
	return r.state == wantedState
}

// runProgram runs a program until it has done everything, and asks it to end.
func runProgram(t *testing.T, p *project, script string, r *row) {
	arena := startArena(t, "")
	program := p.start(t, script, "", "SMARTSOCKET_URL="+arena.url)
	program.until(t, "its last state", r.sees)
	program.stop(t)
}
