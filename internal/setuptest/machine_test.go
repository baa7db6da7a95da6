//go:build unix

// Package setuptest runs the scripts that set a machine up, on machines that lack things: with a
// PATH of stand-ins, an empty home and in a copy of the sources. It has no locks.
package setuptest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// basics are programs that every machine has.
var basics = []string{
	"bash", "cat", "chmod", "cksum", "cp", "cut", "dirname", "env", "find", "grep", "gzip", "head",
	"make", "mkdir", "mktemp", "mv", "rm",
	"sed", "sh", "sleep", "sort", "tail", "tee", "timeout", "touch", "tr", "wc", "xargs",
}

// machine is a PATH with the basics and what a test adds, and a home folder.
type machine struct {
	t         *testing.T
	bin, home string
	dir       string   // where scripts run: the top folder of the sources or of a copy
	env       []string // more variables
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, bin: t.TempDir(), home: t.TempDir(), dir: "../.."}
	for _, name := range basics {
		if path, err := exec.LookPath(name); err == nil { // macOS has no timeout
			m.link(name, path)
		}
	}
	m.command("id", "echo 1000")
	return m
}

func (m *machine) link(name, path string) {
	m.t.Helper()
	if err := os.Symlink(path, filepath.Join(m.bin, name)); err != nil {
		m.t.Fatal(err)
	}
}

// real adds programs as they are installed here.
func (m *machine) real(names ...string) {
	m.t.Helper()
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			m.t.Skipf("%s is missing", name)
		}
		m.link(name, path)
	}
}

// command makes a stand-in of a shell script. It may write to $NOTES/notes, which the method notes
// returns, and add programs to $BIN.
func (m *machine) command(name, script string) {
	m.t.Helper()
	path := filepath.Join(m.bin, name)
	os.Remove(path)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

// write makes a file below dir, or replaces its text.
func (m *machine) write(name, text string) {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// outcome is what a script printed and its exit status.
type outcome struct {
	stdout, stderr string
	code           int
}

func (m *machine) prepare(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(m.t.Context(), filepath.Join(m.bin, name), args...)
	cmd.Dir = m.dir
	cmd.Env = append([]string{"PATH=" + m.bin, "HOME=" + m.home, "NOTES=" + m.home, "BIN=" + m.bin},
		m.env...)
	return cmd
}

func (m *machine) run(name string, args ...string) outcome {
	m.t.Helper()
	cmd := m.prepare(name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		m.t.Fatal(err)
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// notes returns what stand-ins noted.
func (m *machine) notes() string {
	b, err := os.ReadFile(filepath.Join(m.home, "notes"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.t.Fatal(err)
	}
	return string(b)
}

// says fails the test unless text holds all that is wanted.
func says(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q but\n%s", want, text)
		}
	}
}

// copySources copies the named files and folders into a folder with a space in its name, without
// what was built or installed.
func copySources(t *testing.T, names ...string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "a clone")
	for _, name := range names {
		err := filepath.WalkDir(filepath.Join("../..", name),
			func(path string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				at := filepath.Join(to, strings.TrimPrefix(path, "../.."))
				switch {
				case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "artifacts" ||
					strings.HasPrefix(d.Name(), "_")):
					return fs.SkipDir
				case d.IsDir():
					return os.MkdirAll(at, 0o755)
				case strings.HasSuffix(filepath.Dir(path), "web/dist") &&
					d.Name() != "README.txt" && d.Name() != ".gitignore":
					return nil
				}
				info, err := d.Info()
				if err != nil {
					return err
				}
				b, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
					return err
				}
				return os.WriteFile(at, b, info.Mode().Perm())
			})
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}
