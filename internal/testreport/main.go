// Command testreport reads the events of "go test -json" from its standard input and prints what
// "go test" prints without -json. It writes the tests that were skipped, which "go test" keeps to
// itself, to the file that its first argument names: a line for each reason with the tests that
// gave it. To the second it writes what failed: a line with the package and the test, or with the
// package and "-" for what no repetition can excuse: a race, a panic, a package that cannot be
// compiled or that fails as a whole. It has no locks.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go test -json ./... | testreport skipped failed")
		os.Exit(2)
	}
	r := newReport(os.Stdout)
	err := r.read(os.Stdin)
	if err == nil {
		err = os.WriteFile(os.Args[1], []byte(r.summary()), 0o644)
	}
	if err == nil {
		err = os.WriteFile(os.Args[2], []byte(strings.Join(r.failed, "")), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
}

// event is a line of go test -json, see go doc test2json.
type event struct {
	Action, Package, Test, Output string
}

// results is what is known of a package whose tests are running.
type results struct {
	own   []string            // output of no test
	tests map[string][]string // output of tests that have not ended
	order []string            // their names
	fails int                 // tests that failed
	grave bool                // something happened that no repetition can excuse
}

type report struct {
	out      io.Writer
	packages map[string]*results
	skipped  map[string][]string // tests by reason
	failed   []string            // lines
}

func newReport(out io.Writer) *report {
	return &report{out: out, packages: make(map[string]*results),
		skipped: make(map[string][]string)}
}

// read takes events until the input ends. Lines that are none are printed as they are.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if len(line) > 0 && (line[0] != '{' || json.Unmarshal(line, &e) != nil) {
			r.out.Write(line)
		} else if len(line) > 0 {
			r.take(e)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	if e.Action == "build-output" {
		io.WriteString(r.out, e.Output)
		return
	}
	if e.Package == "" {
		return
	}
	p := r.packages[e.Package]
	if p == nil {
		p = &results{tests: make(map[string][]string)}
		r.packages[e.Package] = p
	}
	switch e.Action {
	case "output":
		p.keep(e)
	case "fail":
		r.print(p.end(e.Test))
		r.fail(p, e)
	case "pass":
		if lines := p.end(e.Test); e.Test == "" {
			r.print(slices.DeleteFunc(lines, func(line string) bool { return !isResult(line) }))
		}
	case "skip":
		lines := p.end(e.Test)
		if e.Test == "" {
			r.print(lines) // "no test files"
			return
		}
		reason := reasonOf(lines)
		r.skipped[reason] = append(r.skipped[reason],
			e.Package[strings.LastIndex(e.Package, "/")+1:]+"."+e.Test)
	}
}

// fail notes a test or a package that failed. A test whose subtest failed has failed, too.
func (r *report) fail(p *results, e event) {
	switch {
	case e.Test == "" && (p.grave || p.fails == 0):
		r.failed = append(r.failed, e.Package+" -\n")
	case e.Test != "" && !strings.Contains(e.Test, "/"):
		p.fails++
		r.failed = append(r.failed, e.Package+" "+e.Test+"\n")
	}
}

func (r *report) print(lines []string) {
	for _, line := range lines {
		io.WriteString(r.out, line)
	}
}

// keep stores output until it is known whether anybody wants to see it.
func (p *results) keep(e event) {
	for _, noise := range []string{"=== RUN ", "=== PAUSE ", "=== CONT ", "=== NAME "} {
		if strings.HasPrefix(e.Output, noise) {
			return
		}
	}
	for _, sign := range []string{"panic: ", "fatal error: ", "WARNING: DATA RACE"} {
		p.grave = p.grave || strings.HasPrefix(e.Output, sign)
	}
	if e.Test == "" {
		p.own = append(p.own, e.Output)
		return
	}
	if p.tests[e.Test] == nil {
		p.order = append(p.order, e.Test)
	}
	p.tests[e.Test] = append(p.tests[e.Test], e.Output)
}

// end returns and forgets the output of a test, or, without a name, what is left of the package:
// that of tests that never ended, because the program did, and its own.
func (p *results) end(test string) (lines []string) {
	if test != "" {
		lines = p.tests[test]
		delete(p.tests, test)
		return lines
	}
	for _, name := range p.order {
		lines = append(lines, p.tests[name]...)
	}
	return append(lines, p.own...)
}

// isResult tells the last line of a package from other output.
func isResult(line string) bool {
	return strings.HasPrefix(line, "ok  \t") || strings.HasPrefix(line, "?   \t") ||
		strings.HasPrefix(line, "FAIL\t")
}

// reasonOf finds the text of t.Skip in the output of a skipped test.
func reasonOf(lines []string) string {
	var reason strings.Builder
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "--- SKIP") {
			continue
		}
		if at := strings.Index(line, ".go:"); at > 0 && !strings.Contains(line[:at], " ") {
			if _, text, found := strings.Cut(line[at+len(".go:"):], ": "); found {
				line = text
			}
		}
		if reason.Len() > 0 {
			reason.WriteByte(' ')
		}
		reason.WriteString(line)
	}
	return reason.String()
}

// summary lists the reasons by name.
func (r *report) summary() string {
	reasons := make([]string, 0, len(r.skipped))
	for reason := range r.skipped {
		reasons = append(reasons, reason)
	}
	slices.Sort(reasons)
	var text strings.Builder
	for _, reason := range reasons {
		fmt.Fprintf(&text, "%s: %s\n", reason, strings.Join(r.skipped[reason], " "))
	}
	return text.String()
}
