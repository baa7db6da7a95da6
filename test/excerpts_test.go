package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	block     = regexp.MustCompile("(?ms)^(?:<!-- from: (\\S+) -->\n)?```([a-z]+)\n(.*?)^```$")
	lineStart = regexp.MustCompile(`(?m)^(.)`)
	elision   = regexp.MustCompile(`(?m)^\s*// …\n`)
)

// excerpt finds the lines of part in text, however deep they are indented there, and returns what
// comes behind them.
func excerpt(text, part string) (rest string, ok bool) {
	for _, indent := range []string{"", "\t", "\t\t", "\t\t\t", "  ", "    "} {
		lines := lineStart.ReplaceAllString(part, indent+"$1")
		if at := strings.Index("\n"+text, "\n"+lines); at >= 0 {
			return text[at+len(lines)-1:], true
		}
	}
	return "", false
}

// The code in the guides is that of the examples, which have tests. A line "// …" stands for what
// is left out.
func TestGuidesShowTheExamples(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "docs/guides/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range block.FindAllStringSubmatch(string(text), -1) {
			blocks++
			from, code := m[1], m[3]
			if from == "" {
				t.Errorf("%s: a block of %s does not say where it is from:\n%s", page, m[2], code)
				continue
			}
			source, err := os.ReadFile(filepath.Join(root, from))
			if err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			rest, ok := string(source), true
			for _, part := range elision.Split(code, -1) {
				if rest, ok = excerpt(rest, part); !ok {
					t.Errorf("%s: these lines are not, or not here, in %s:\n%s", page, from, part)
					break
				}
			}
		}
	}
	if blocks < 10 {
		t.Errorf("only %d blocks were found", blocks)
	}
}
