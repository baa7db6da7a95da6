package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// command runs the program with arguments and returns its exit code and what it wrote.
func command(args ...string) (code int, stdout, stderr string) {
	var out, fault bytes.Buffer
	code = run(context.Background(), args, nil, &out, &fault, nil)
	return code, out.String(), fault.String()
}

func TestVersion(t *testing.T) {
	code, text, _ := command("version")
	if code != 0 || !strings.Contains(text, "go      go1") || !strings.Contains(text, "PGO     ") {
		t.Errorf("%d, %s", code, text)
	}
	info := &debug.BuildInfo{GoVersion: "go1.99"}
	info.Main.Version = "v1.2.3"
	if text := describe(info); !strings.Contains(text, "smartsocket-server v1.2.3\n") ||
		!strings.Contains(text, "commit  unknown") || !strings.Contains(text, "PGO     no\n") {
		t.Error(text)
	}
	info.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: "abc123"},
		{Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
		{Key: "-pgo", Value: "/src/profiles/default.pgo"}}
	text = describe(info)
	for _, want := range []string{"commit  abc123 of 2026-01-02T03:04:05Z, with changes\n",
		"go      go1.99 ", "PGO     yes (default.pgo)\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// checkconfig and its like may stand anywhere.
func TestWordAnywhere(t *testing.T) {
	for _, args := range []string{"checkconfig -port 4321", "-port 4321 checkconfig",
		"-port 4321 checkconfig -demo", "-checkconfig -port 4321", "serve -port 4321 checkconfig"} {
		if code, text, fault := command(strings.Fields(args)...); code != 0 ||
			!strings.Contains(text, "is valid") {
			t.Errorf("%s: %d, %s%s", args, code, text, fault)
		}
	}
	for args, want := range map[string]string{
		"-port 99999 checkconfig": "99999 is no port",
		"lodtest":                 "did you mean loadtest?",
		"-port 4321 loadtest":     `unexpected argument "loadtest"`,
	} {
		if code, _, fault := command(strings.Fields(args)...); code != 2 ||
			!strings.Contains(fault, want) {
			t.Errorf("%s: %d, %s", args, code, fault)
		}
	}
}

// The word serve is what the program does without it.
func TestServeWord(t *testing.T) {
	for _, word := range [][]string{nil, {"serve"}} {
		ctx, cancel := context.WithCancel(context.Background())
		var bound net.Addr
		var fault bytes.Buffer
		code := run(ctx, append(word, "-host", "127.0.0.1", "-port", "0"), nil, &fault, &fault,
			func(a net.Addr) { bound = a; cancel() })
		if code != 0 || bound == nil {
			t.Errorf("%q: %d, %s", word, code, fault.String())
		}
		cancel()
	}
}

func TestHelpNamesTheWords(t *testing.T) {
	_, text, _ := command("help")
	for _, name := range append(wordNames(), "version", "health") {
		if !strings.Contains(text, name) {
			t.Errorf("the help does not name %s", name)
		}
	}
}

func TestHealthWord(t *testing.T) {
	_, port, _ := strings.Cut(start(t).addr.String(), ":")
	if code, text, fault := command("health", "-port", port); code != 0 ||
		!strings.Contains(text, "ok") {
		t.Errorf("%d, %s%s", code, text, fault)
	}
	if code, _, fault := command("health", "-port", port, "-health-path", "/other"); code != 1 ||
		!strings.Contains(fault, "answers 4") {
		t.Errorf("%d, %s", code, fault)
	}
	if code, _, fault := command("health", "-port", port, "-health-path", "off"); code != 1 ||
		!strings.Contains(fault, "healthPath is off") {
		t.Errorf("%d, %s", code, fault)
	}
	if code, _, fault := command("health", "-port", "1"); code != 1 ||
		!strings.Contains(fault, "no answer from localhost:1") {
		t.Errorf("%d, %s", code, fault)
	}
}

// It finds a server that has TLS, one behind a Unix socket, and one that wants a name.
func TestHealthWordFindsTheServer(t *testing.T) {
	secured := certificate(t)
	socket := filepath.Join(t.TempDir(), "s")
	for name, args := range map[string][]string{
		"TLS":   secured,
		"unix":  {"-host", "unix:" + socket},
		"hosts": {"-allowed-hosts", "game.example"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, args...)
			if r.addr.Network() != "unix" {
				_, port, _ := strings.Cut(r.addr.String(), ":")
				args = append(args, "-port", port)
			}
			if code, text, fault := command(append([]string{"health"}, args...)...); code != 0 ||
				!strings.Contains(text, "ok") {
				t.Errorf("%d, %s%s", code, text, fault)
			}
		})
	}
}

func TestCompletionErrors(t *testing.T) {
	for _, args := range [][]string{{"completion"}, {"completion", "tcsh"},
		{"completion", "bash", "zsh"}} {
		if code, text, fault := command(args...); code != 2 || text != "" ||
			!strings.Contains(fault, "bash, zsh, fish") {
			t.Errorf("%q: %d, %s", args, code, fault)
		}
	}
}

var encryptionFlags = []string{"-encryption-algorithm", "-encryption-key",
	"-encryption-key-file"}

// completions is what a shell offers behind each command line.
var completions = map[string][]string{
	"lo":                         {"loadtest"},
	"checkc":                     {"checkconfig"},
	"-log-l":                     {"-log-level"},
	"-log-level d":               {"debug"},
	"serve -log-format j":        {"json"},
	"completion f":               {"fish"},
	"tail -ki":                   {"-kind"},
	"tail -kind br":              {"broadcast"},
	"emit -ops-a":                {"-ops-addr"},
	"loadtest -netw":             {"-network"},
	"loadtest -network 3":        {"3g"},
	"-encryption-":               encryptionFlags,
	"-config complet":            {"completion", "completion.go"}, // in this folder
	"-encryption-key-file words": {"words.go", "words_test.go"},
	"loadtest -mix words_":       {"words_test.go"},
}

// shell returns a script for a shell, and what starts the shell. The test is skipped without it.
func shell(t *testing.T, name string) (program, script string) {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " is not on this machine: its completions are not tried")
	}
	_, text, _ := command("completion", name)
	script = filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return program, script
}

// shellOutput runs a program and returns the sorted lines that it prints.
func shellOutput(t *testing.T, program string, args ...string) []string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	lines := strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
	slices.Sort(lines)
	return lines
}

func TestCompletionInBash(t *testing.T) {
	program, script := shell(t, "bash")
	for line, want := range completions {
		got := shellOutput(t, program, "--norc", "-c", `source "$0"
read -ra COMP_WORDS <<<"smartsocket-server $1"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
$(complete -p smartsocket-server | sed 's/.*-F \([^ ]*\) .*/\1/')
_smartsocket_server
printf '%s\n' "${COMPREPLY[@]}"`, script, line)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, not %q", line, got, want)
		}
	}
}

func TestCompletionInFish(t *testing.T) {
	program, script := shell(t, "fish")
	for line, want := range completions {
		got := shellOutput(t, program, "--no-config", "-c",
			`source $argv[1]; complete -C "smartsocket-server $argv[2]"`, script, line)
		for i := range got {
			got[i], _, _ = strings.Cut(got[i], "\t")
			got[i] = strings.TrimSuffix(got[i], "/")
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, not %q", line, got, want)
		}
	}
}

// zsh offers completions at a terminal alone, so only that it takes the script is tried.
func TestCompletionInZsh(t *testing.T) {
	program, script := shell(t, "zsh")
	got := shellOutput(t, program, "-f", "-c", `
autoload -U compinit; compinit -D -u
source $0
print ${_comps[smartsocket-server]}
whence -w _smartsocket-server`, script)
	want := []string{"_smartsocket-server", "_smartsocket-server: function"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
