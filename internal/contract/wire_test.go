package contract

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/internal/contract/testdata/hard"
	"github.com/smartsocket/smartsocket/internal/nodetest"
	"github.com/smartsocket/smartsocket/message"
)

// tsc compiles files of a folder, and returns what the compiler says.
func tsc(t *testing.T, dir string, files ...string) string {
	t.Helper()
	return nodetest.Compile(t, dir, append([]string{"--noEmit", "--strict",
		"--exactOptionalPropertyTypes", "--target", "es2022", "--module", "nodenext"}, files...)...)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What the codec writes is of the type that the contract has for it, and no more and no less. The
// literals are checked for members that the type has not.
func TestValuesAreOfTheirTypes(t *testing.T) {
	r, err := hardCase()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "hard.d.ts"), r.Text)
	var b strings.Builder
	b.WriteString("import type * as C from './hard.js';\n")
	add := func(i int, kind, typ string, text []byte) {
		// In a literal __proto__ would be the prototype.
		literal := strings.ReplaceAll(string(text), `"__proto__"`, `["__proto__"]`)
		fmt.Fprintf(&b, "export const %s%d: %s = %s;\n", kind, i, typ, literal)
	}
	for i, v := range hard.Values() {
		text, err := message.Marshal(nil, v.Value)
		if err != nil {
			t.Fatalf("%s: %v", v.Type, err)
		}
		standard, err := json.Marshal(v.Value)
		if err != nil {
			t.Fatalf("%s: %v", v.Type, err)
		}
		add(i, "sent", "C."+v.Type, text)
		add(i, "standard", "C."+v.Type, standard)
	}
	write(t, filepath.Join(dir, "values.ts"), b.String())
	if out := tsc(t, dir, "values.ts"); out != "" {
		t.Errorf("%s\n%s", out, b.String())
	}
}

// Values that the codec would not write are refused.
func TestOtherValuesAreRefused(t *testing.T) {
	r, err := hardCase()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "hard.d.ts"), r.Text)
	var b strings.Builder
	b.WriteString("import type * as C from './hard.js';\n")
	for i, v := range []string{
		"Inner = {}", "Inner = { x: 1, y: 2 }", "Inner = { x: null }", "Rank = ''",
		"Empty = { a: 1 }", "Named = { n: 1 }", "Names = null", "Optional['ptr'] = undefined",
		"OtherRank = 'middle'",
		"Optional['listEmpty'] = null", "Lists['Small'] = [1, 2]", "Maps['ByRank'] = { king: 1 }",
		"Tags['QuotedInt'] = 1", "Basics['When'] = 1", "Embedding['named'] = undefined",
		"PageInner['one'] = {}", "Lists['Bytes'] = [1]", "Custom['Said'] = { said: 'king' }",
		"Tags['Renamed'] = 1",
	} {
		fmt.Fprintf(&b, "// @ts-expect-error\nexport const wrong%d: C.%s;\n", i, v)
	}
	write(t, filepath.Join(dir, "wrong.ts"), b.String())
	if out := tsc(t, dir, "wrong.ts"); out != "" {
		t.Errorf("%s\n%s", out, b.String())
	}
}
