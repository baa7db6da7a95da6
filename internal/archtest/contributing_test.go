package archtest

import (
	"cmp"
	"flag"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of imports into CONTRIBUTING.md")

const contributing = "../../CONTRIBUTING.md"

// importTable is the table in CONTRIBUTING.md, behind its mark and up to the next empty line.
var importTable = regexp.MustCompile(`(?s)(<!-- imports: [^>]*-->\n\n)(.*?\n)\n`)

// words for what is not a package's path.
const (
	rootWord     = "smartsocket"
	nothingWord  = "nothing of ours"
	anythingWord = "anything below"
)

// CONTRIBUTING.md shows the table of arch_test.go. After a change of that, write it anew:
//
//	go test ./internal/archtest -run TestContributingTable -update
func TestContributingTable(t *testing.T) {
	page, err := os.ReadFile(contributing)
	if err != nil {
		t.Fatal(err)
	}
	place := importTable.FindSubmatchIndex(page)
	if place == nil {
		t.Fatal("CONTRIBUTING.md has no table of imports")
	}
	if *update {
		page = slices.Concat(page[:place[4]], []byte(writeTable(below, programs)), page[place[5]:])
		if err := os.WriteFile(contributing, page, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	shown, free := readTable(t, string(page[place[4]:place[5]]))
	for name, allowed := range below {
		row, ok := shown[name]
		if !ok {
			t.Errorf("CONTRIBUTING.md does not have %q", name)
		} else if !sameSet(row, allowed) {
			t.Errorf("CONTRIBUTING.md lets %q import %q, the table says %q", name, row, allowed)
		}
	}
	for name := range shown {
		if _, ok := below[name]; !ok {
			t.Errorf("CONTRIBUTING.md has %q, which is not in the table", name)
		}
	}
	if !sameSet(free, programs) {
		t.Errorf("CONTRIBUTING.md lets %q import anything, the table %q", free, programs)
	}
	if t.Failed() {
		t.Log("to mend it: go test ./internal/archtest -run TestContributingTable -update")
	}
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// writeTable writes the table. Packages that may import the same share a row; the highest come
// first.
func writeTable(below map[string][]string, programs []string) string {
	imports := make(map[string][]string)
	for name, allowed := range below {
		imports[shownName(name)] = nil
		for _, to := range allowed {
			imports[shownName(name)] = append(imports[shownName(name)], shownName(to))
		}
	}
	type row struct{ names, allowed []string }
	rows := []row{{slices.Sorted(slices.Values(programs)), []string{anythingWord}}}
	for _, p := range byLevel(imports) {
		if len(p.Imports) == 0 {
			p.Imports = []string{nothingWord}
		}
		i := slices.IndexFunc(rows, func(r row) bool { return slices.Equal(r.allowed, p.Imports) })
		if i < 0 {
			rows = append(rows, row{[]string{p.Name}, p.Imports})
			continue
		}
		rows[i].names = append(rows[i].names, p.Name)
	}
	var b strings.Builder
	b.WriteString("| package | may import |\n|---|---|\n")
	for _, r := range rows {
		names, allowed := strings.Join(r.names, ", "), strings.Join(r.allowed, ", ")
		b.WriteString("| " + names + " | " + allowed + " |\n")
	}
	return b.String()
}

func shownName(name string) string { return cmp.Or(name, rootWord) }

// readTable reads what writeTable wrote: what each package may import, and the packages that may
// import anything.
func readTable(t *testing.T, table string) (below map[string][]string, free []string) {
	t.Helper()
	below = make(map[string][]string)
	rows := strings.Split(strings.TrimSpace(table), "\n")
	for _, line := range rows[min(2, len(rows)):] {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cells) != 2 {
			t.Errorf("not a row of two cells: %s", line)
			continue
		}
		names, allowed := strings.Split(cells[0], ", "), strings.Split(cells[1], ", ")
		switch cells[1] {
		case anythingWord:
			free = append(free, names...)
			continue
		case nothingWord:
			allowed = nil
		}
		for i, to := range allowed {
			allowed[i] = pathOf(to)
		}
		for _, name := range names {
			name = pathOf(name)
			if _, twice := below[name]; twice {
				t.Errorf("%q has two rows", name)
			}
			below[name] = allowed
		}
	}
	return below, free
}

// pathOf is the path of a package in the table.
func pathOf(name string) string {
	if name == rootWord {
		return ""
	}
	return name
}

// README.md says why each folder is there.
func TestReadmeNamesEveryFolder(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	built := []string{"bin", "dist", "artifacts", "node_modules"}
	folders := make(map[string]bool)
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() || strings.HasPrefix(name, ".") || slices.Contains(built, name) {
			continue
		}
		folders[name] = true
		if !strings.Contains(string(page), "| `"+name+"/` | ") {
			t.Errorf("README.md has no line about the folder %s", name)
		}
	}
	lines := regexp.MustCompile("(?m)^\\| `(\\w+)/` ").FindAllStringSubmatch(string(page), -1)
	for _, row := range lines {
		if !folders[row[1]] {
			t.Errorf("README.md has a line about the folder %s, which does not exist", row[1])
		}
	}
}

func TestTableIsReadAsItIsWritten(t *testing.T) {
	table := map[string][]string{
		"a": {}, "b": {}, "c": {"a", "b"}, "d/e": {"b", "a"}, "": {"c", "d/e"},
		"f": {""}, "g": {"a"},
	}
	free := []string{"cmd", "bench"}
	written := writeTable(table, free)
	got, gotFree := readTable(t, written)
	if !sameSet(gotFree, free) {
		t.Errorf("the programs came back as %q", gotFree)
	}
	if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(table))) {
		t.Errorf("the packages came back as %v", got)
	}
	for name, allowed := range table {
		if !sameSet(got[name], allowed) {
			t.Errorf("%q came back with %q, want %q", name, got[name], allowed)
		}
	}
	const want = "| package | may import |\n|---|---|\n" +
		"| bench, cmd | anything below |\n| f | smartsocket |\n" +
		"| smartsocket | c, d/e |\n| c, d/e | a, b |\n| g | a |\n| a, b | nothing of ours |\n"
	if written != want {
		t.Errorf("the table is\n%swant\n%s", written, want)
	}
}
