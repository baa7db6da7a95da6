package test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/message"
)

// root is the folder of the module.
const root = ".."

// goTests are the names of all tests, fuzz targets and benchmarks of the module.
func goTests(t *testing.T) map[string]bool {
	names := make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "node_modules" {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				names[fn.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var (
	quoted   = regexp.MustCompile("`([^`]+)`")
	testName = regexp.MustCompile(`^(Test|Fuzz|Benchmark)[A-Z]\w*$`)
	nodeName = regexp.MustCompile(`^([\w-]+\.test\.js): (.+)$`)
)

// checkTables reads the tables of a page whose last column names tests. It checks that every test
// that a row names exists, and unless mayBeReasoned that every row names one.
func checkTables(t *testing.T, page string, mayBeReasoned bool) (rows int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	known := goTests(t)
	columns := false
	for n, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "|") {
			columns = false
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), "|")
		last := strings.TrimSpace(cells[len(cells)-1])
		if last == "tests" {
			columns = true
			continue
		}
		if !columns || strings.HasPrefix(last, "---") {
			continue
		}
		rows++
		found := 0
		for _, q := range quoted.FindAllStringSubmatch(last, -1) {
			if testName.MatchString(q[1]) {
				found++
				if !known[q[1]] {
					t.Errorf("%s:%d: there is no test %s", page, n+1, q[1])
				}
			} else if m := nodeName.FindStringSubmatch(q[1]); m != nil {
				found++
				source, err := os.ReadFile(filepath.Join(root, "wasm/js/test", m[1]))
				if err != nil || !strings.Contains(string(source), "test('"+m[2]) {
					t.Errorf("%s:%d: there is no test %q in %s", page, n+1, m[2], m[1])
				}
			}
		}
		if found == 0 && !mayBeReasoned {
			t.Errorf("%s:%d: no test is named: %s", page, n+1, line)
		}
	}
	return rows
}

func TestReferenceTable(t *testing.T) {
	if n := checkTables(t, "docs/REFERENCE.md", false); n < 100 {
		t.Errorf("only %d rows were read", n)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs/REFERENCE.md"))
	if err != nil {
		t.Fatal(err)
	}
	typ := reflect.TypeFor[Options]()
	for i := range typ.NumField() {
		name := typ.Field(i).Tag.Get("config")
		if name != "-" && !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("the option %s is missing", name)
		}
	}
	codes := regexp.MustCompile(`"(ERR_[A-Z]+_\d+)"`)
	source, err := os.ReadFile(filepath.Join(root, "message/errors.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := codes.FindAllStringSubmatch(string(source), -1)
	if len(found) < 20 || found[0][1] != string(message.CodeRefused) {
		t.Fatalf("%d codes were read", len(found))
	}
	for _, c := range found {
		if !strings.Contains(string(page), "| `"+c[1]+"` |") {
			t.Errorf("the code %s is missing", c[1])
		}
	}
}

func TestClusterTables(t *testing.T) {
	if n := checkTables(t, "docs/CLUSTER.md", false); n < 12 {
		t.Errorf("only %d rows were read", n)
	}
}

// The page for operators says what survives what, and which test shows it. Its figures of costs are
// those of the pages that measured them.
func TestOperationsTables(t *testing.T) {
	if n := checkTables(t, "docs/OPERATIONS.md", false); n < 12 {
		t.Errorf("only %d rows were read", n)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs/OPERATIONS.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "\n## Capacity\n")
	text, _, _ = strings.Cut(text, "\n### ")
	row := regexp.MustCompile(`(?m)^\| .* \| ([\d.]+) .* \| \[\w+\]\((\S+\.\w+)\) \|$`)
	rows := row.FindAllStringSubmatch(text, -1)
	for _, m := range rows {
		source, err := os.ReadFile(filepath.Join(root, "docs", m[2]))
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(m[1]) + `\b`).Match(source) {
			t.Errorf("%s does not say %s: %s", m[2], m[1], m[0])
		}
	}
	if len(rows) < 10 {
		t.Errorf("only %d figures were read", len(rows))
	}
}

// The page about attacks names a test for each, or the reason why none is needed.
func TestSecurityTable(t *testing.T) {
	if n := checkTables(t, "docs/SECURITY.md", true); n < 50 {
		t.Errorf("only %d rows were read", n)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs/SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 53; n++ {
		if !strings.Contains(string(page), "| A"+strconv.Itoa(n)+" |") {
			t.Errorf("A%d is missing", n)
		}
	}
}
