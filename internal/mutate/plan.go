package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// plan says whose tests are to catch the mutants of a package.
type plan map[string][]string

// readPlan reads lines as "reactor: reactor websocket": the folder of a package, then the folders
// whose tests run, in this order. # begins a comment.
func readPlan(file string) (plan, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p := make(plan)
	number := 0
	for lines := bufio.NewScanner(strings.NewReader(string(text))); lines.Scan(); {
		number++
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, tests, found := strings.Cut(line, ":")
		if p[name] = strings.Fields(tests); !found || len(p[name]) == 0 {
			return nil, fmt.Errorf("%s:%d: write \"package: tests ...\"", file, number)
		}
	}
	return p, nil
}

// tests returns the folders with the tests of a package: its own if the plan does not name it.
func (p plan) tests(name string) []string {
	if tests := p[name]; tests != nil {
		return tests
	}
	return []string{name}
}
