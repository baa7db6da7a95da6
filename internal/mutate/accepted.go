package main

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"strings"
)

// acceptedList has the mutants that may survive, by key, each with the reason.
type acceptedList map[string]string

// readAccepted reads the list. A line that is not indented is a mutant's key, the indented lines
// below it are the reason, and # begins a comment.
func readAccepted(file string) (acceptedList, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	list := make(acceptedList)
	key, number := "", 0
	close := func() error {
		if key != "" && list[key] == "" {
			return fmt.Errorf("%s: %q has no reason: put one into an indented line below it", file,
				key)
		}
		return nil
	}
	for lines := bufio.NewScanner(strings.NewReader(string(text))); lines.Scan(); {
		number++
		line := lines.Text()
		switch trimmed := strings.TrimSpace(line); {
		case trimmed == "" || line[0] == '#':
		case line != strings.TrimLeft(line, " \t"):
			if key == "" {
				return nil, fmt.Errorf("%s:%d: a reason without a mutant", file, number)
			}
			list[key] = strings.TrimSpace(list[key] + " " + trimmed)
		default:
			if err := close(); err != nil {
				return nil, err
			}
			if _, twice := list[trimmed]; twice {
				return nil, fmt.Errorf("%s:%d: %q is there twice", file, number, trimmed)
			}
			key, list[trimmed] = trimmed, ""
		}
	}
	return list, close()
}

func (l acceptedList) has(m mutant) bool { return l[m.key()] != "" }

// stale lists the keys of the package's files that no mutant has any more.
func (l acceptedList) stale(name string, mutants []mutant) (keys []string) {
	exists := make(map[string]bool, len(mutants))
	for _, m := range mutants {
		exists[m.key()] = true
	}
	for key := range l {
		file, _, _ := strings.Cut(key, " ")
		if path.Dir(file) == name && !exists[key] {
			keys = append(keys, key)
		}
	}
	return keys
}
