package contract

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"move": "move", "$_9": "$_9", "": "''", "9a": "'9a'", "a b": "'a b'", "move@2": "'move@2'",
		"it's": `'it\'s'`, `\`: `'\\'`, "a\nb\t": `'a\nb\u0009'`, "\u2028": `'\u2028'`,
		"größe": "'größe'", "\xff": "'\ufffd'", "class": "class", "😀": "'😀'", "*/": "'*/'",
	} {
		if got := property(name); got != want {
			t.Errorf("%q became %s, want %s", name, got, want)
		}
	}
	for path, want := range map[string]string{
		"/": "", "/game": "Game", "/game/lobby-1": "GameLobby1", "/1": "N1", "/é t": "ÉT", "/$": "",
	} {
		if got := pascal(path); got != want {
			t.Errorf("%q became %q, want %q", path, got, want)
		}
	}
	taken := map[string]bool{"AServer": true}
	for _, want := range []string{"A2", "A3"} {
		if got := unique("A", taken, "Client", "Server"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestComments(t *testing.T) {
	for _, c := range []struct{ text, note, want string }{
		{"", "", ""},
		{" a\n", "", "  /** a */\n"},
		{"", "n", "  /** (n) */\n"},
		{"a */ b\n\n\tc", "n", "  /**\n   * a *\\/ b\n   *\n   * \tc\n   * (n)\n   */\n"},
	} {
		if got := comment(c.text, c.note, "  "); got != c.want {
			t.Errorf("%q, %q became\n%swant\n%s", c.text, c.note, got, c.want)
		}
	}
}

// unquote reads a literal of JavaScript as quote writes it.
func unquote(s string) (string, bool) {
	inner, ok := strings.CutPrefix(s, "'")
	if !ok || !strings.HasSuffix(inner, "'") {
		return "", false
	}
	inner = inner[:len(inner)-1]
	var out strings.Builder
	for i := 0; i < len(inner); i++ {
		switch c := inner[i]; {
		case c == '\'' || c < 0x20:
			return "", false
		case c != '\\':
			out.WriteByte(c)
			continue
		}
		i++
		switch {
		case i == len(inner):
			return "", false
		case inner[i] == 'n':
			out.WriteByte('\n')
		case inner[i] == 'u' && i+4 < len(inner):
			n, err := strconv.ParseUint(inner[i+1:i+5], 16, 16)
			if err != nil {
				return "", false
			}
			out.WriteRune(rune(n))
			i += 4
		default:
			out.WriteByte(inner[i])
		}
	}
	return out.String(), true
}

// What a name says survives, it stays in its literal, and in one line.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{
		"", "a'b\\c", "\n\r\u2028\u2029\x00\x7f", "\xff\xfe", "*/ // 😀", `\u0041`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q := quote(s)
		got, ok := unquote(q)
		if want := strings.ToValidUTF8(s, "\ufffd"); !ok || !sameText(got, want) {
			t.Fatalf("%q became %s, which says %q", s, q, got)
		}
		if strings.ContainsAny(q, "\n\r\u2028\u2029") || !utf8.ValidString(q) {
			t.Fatalf("%q became %q", s, q)
		}
		if c := comment(s, s, ""); strings.Count(c, "*/") > 1 {
			t.Fatalf("%q ends its comment early:\n%s", s, c)
		}
	})
}

// sameText compares texts in which several bytes that are no UTF-8 may be one character or several.
func sameText(a, b string) bool {
	const bad = "\ufffd"
	for strings.Contains(a, bad+bad) {
		a = strings.ReplaceAll(a, bad+bad, bad)
	}
	for strings.Contains(b, bad+bad) {
		b = strings.ReplaceAll(b, bad+bad, bad)
	}
	return a == b
}
