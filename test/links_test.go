package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	linkPattern    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headingPattern = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fencePattern   = regexp.MustCompile("(?s)```.*?```")
	notInAnchor    = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors are the names under which GitHub links to the headings of a page.
func anchors(text string) map[string]bool {
	names := make(map[string]bool)
	for _, m := range headingPattern.FindAllStringSubmatch(fencePattern.ReplaceAllString(text, ""),
		-1) {
		name := notInAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
		names[strings.ReplaceAll(name, " ", "-")] = true
	}
	return names
}

// Links between our pages lead to files and headings that exist, and docs/README.md lists every
// page.
func TestLinksOfPages(t *testing.T) {
	var pages []string
	for _, pattern := range []string{
		"*.md", "*/*.md", "docs/guides/*.md", "wasm/js/package/*.md",
	} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	links := 0
	targets := make(map[string]bool) // of docs/README.md
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text = goBlock.ReplaceAll(text, nil) // f[T](x) is no link
		for _, m := range linkPattern.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			path, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if page == filepath.Join(root, "docs/README.md") {
				targets[target] = true
			}
			info, err := os.Stat(target)
			if err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			if anchor == "" || info.IsDir() {
				continue
			}
			body, err := os.ReadFile(target)
			if err != nil {
				t.Fatal(err)
			}
			if !anchors(string(body))[anchor] {
				t.Errorf("%s: %s has no heading #%s", page, path, anchor)
			}
		}
	}
	if links < 50 {
		t.Errorf("only %d links were found", links)
	}
	for _, page := range pages {
		in := strings.HasPrefix(page, filepath.Join(root, "docs")+string(filepath.Separator)) &&
			filepath.Base(page) != "README.md"
		if in && !targets[page] {
			t.Errorf("docs/README.md does not list %s", page)
		}
	}
}
