package ops

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// checkPage reports what docs/OPERATIONS.md does not say of the metrics that h has. It has each
// metric once, with what it means and when to worry.
func checkPage(t *testing.T, h http.Handler) {
	t.Helper()
	page, err := os.ReadFile("../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "\n### Metrics\n")
	text, _, _ = strings.Cut(text, "\n### ")
	rows := make(map[string]int)
	for line := range strings.Lines(text) {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		if len(cells) != 3 || len(cells[1]) < 6 || len(cells[2]) < 5 {
			t.Errorf("a row does not say what it means and when to worry: %s", line)
		}
		for _, m := range regexp.MustCompile("`([a-z_]+)").FindAllStringSubmatch(cells[0], -1) {
			rows[m[1]]++
		}
	}
	_, text = ask(t, h, "GET", "/metrics", "")
	families := regexp.MustCompile(`(?m)^# TYPE smartsocket_(\w+) `).FindAllStringSubmatch(text, -1)
	for _, m := range families {
		if rows[m[1]] != 1 {
			t.Errorf("smartsocket_%s has %d rows, want one", m[1], rows[m[1]])
		}
		delete(rows, m[1])
	}
	for name := range rows {
		t.Errorf("there is no metric smartsocket_%s", name)
	}
	if len(families) < 60 {
		t.Errorf("only %d metrics", len(families))
	}
}
