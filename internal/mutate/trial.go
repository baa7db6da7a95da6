package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// outcome is what became of a mutant.
type outcome string

const (
	caught   outcome = "caught"
	survived outcome = "SURVIVED"
	skipped  outcome = "skipped" // does not compile
	accept   outcome = "accepted"
)

type verdict struct {
	outcome outcome
	by      string // the test that failed, as far as it is known
	hung    bool   // caught because its tests did not end
}

func (v verdict) note() string {
	switch {
	case v.hung:
		return "  [hung: " + v.by + "]"
	case v.by != "":
		return "  [" + v.by + "]"
	}
	return ""
}

// bench runs tests against mutants.
type bench struct {
	dir, work string
	only      string                   // the tests that run, "" for all
	limits    map[string]time.Duration // for each folder with tests
}

func newBench(dir, work, only string) *bench {
	return &bench{dir: dir, work: work, only: only, limits: make(map[string]time.Duration)}
}

// A mutant's tests may take slack times as long as those of the code as it is, and patience more.
const (
	slack    = 3
	patience = 20 * time.Second
	longest  = 10 * time.Minute // for the code as it is
)

// measure runs the tests of some folders without any mutant. They have to pass.
func (b *bench) measure(tests []string, progress io.Writer) error {
	for _, name := range tests {
		if b.limits[name] != 0 {
			continue
		}
		program, output, err := b.build(name, "")
		if err != nil {
			return fmt.Errorf("the tests in %s do not compile: %v\n%s", name, err, output)
		}
		began := time.Now()
		output, passed, _, err := b.run(program, name, longest)
		if err != nil {
			return err
		}
		if !passed {
			return fmt.Errorf("the tests in %s fail without a mutant:\n%s", name, output)
		}
		took := time.Since(began)
		b.limits[name] = slack*took + patience
		fmt.Fprintf(progress, "the tests in %s take %.1f s\n", name, took.Seconds())
	}
	return nil
}

// try builds a mutant and runs the tests of one folder after the other, until one fails.
func (b *bench) try(m mutant, tests []string) (verdict, error) {
	overlay, err := b.overlay(m)
	if err != nil {
		return verdict{}, err
	}
	for i, name := range tests {
		program, output, err := b.build(name, overlay)
		if err != nil {
			if i == 0 {
				return verdict{outcome: skipped}, nil
			}
			return verdict{}, fmt.Errorf("%s: the tests in %s do not compile: %v\n%s", m, name, err,
				output)
		}
		output, passed, hung, err := b.run(program, name, b.limits[name])
		if err != nil {
			return verdict{}, err
		}
		if !passed {
			by := failing(output)
			if len(tests) > 1 {
				by = name + " " + by
			}
			return verdict{outcome: caught, by: by, hung: hung}, nil
		}
	}
	return verdict{outcome: survived}, nil
}

// overlay writes the mutant's file and what go build needs to take it for the original.
func (b *bench) overlay(m mutant) (string, error) {
	source, err := os.ReadFile(m.path)
	if err != nil {
		return "", err
	}
	file := filepath.Join(b.work, filepath.Base(m.path))
	changed := string(source[:m.from]) + m.text + string(source[m.to:])
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{m.path: file}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(b.work, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}

// build makes the program of a folder's tests, and returns what the compiler says if it cannot.
func (b *bench) build(name, overlay string) (program string, output []byte, err error) {
	program = filepath.Join(b.work, "tests.exe")
	args := []string{"test", "-c", "-p", "1", "-o", program}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(args, "./"+name)...)
	cmd.Dir = b.dir
	output, err = cmd.CombinedOutput()
	return program, output, err
}

// run starts a folder's tests there. They end themselves after the limit, because Go's time limit
// tells where each goroutine is; a process that does not even do that is killed.
func (b *bench) run(program, name string, limit time.Duration) (
	output []byte, passed, hung bool, err error,
) {
	ctx, cancel := context.WithTimeout(context.Background(), limit+patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-test.failfast", "-test.timeout", limit.String(),
		"-test.run", b.only)
	cmd.Dir = filepath.Join(b.dir, filepath.FromSlash(name))
	cmd.WaitDelay = time.Second // for what the tests started and left behind
	output, err = cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited && ctx.Err() == nil &&
		err != exec.ErrWaitDelay {
		return output, false, false, err
	}
	hung = ctx.Err() != nil || timedOut.Match(output)
	return output, err == nil, hung, nil
}

var (
	timedOut = regexp.MustCompile(`(?m)^panic: test timed out`)
	failed   = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	running  = regexp.MustCompile(`(?m)^\t+(Test\S+|Fuzz\S+) \(`)
	panicked = regexp.MustCompile(`(?m)^(panic|fatal error|FAIL|exit status).*`)
)

// failing names what stopped a run of tests: the last and smallest test, or the panic.
func failing(output []byte) string {
	if all := failed.FindAllSubmatch(output, -1); all != nil {
		return string(all[len(all)-1][1])
	}
	if found := running.FindSubmatch(output); found != nil {
		return string(found[1])
	}
	if found := panicked.Find(output); found != nil {
		return string(bytes.TrimSpace(found))
	}
	return "exit after " + strconv.Itoa(len(output)) + " bytes of output"
}
