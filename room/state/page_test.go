package state

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"
)

// pageArena is the worked example of docs/STATE.md.
type pageArena struct {
	Phase   string                  `state:"phase,enum=lobby|play"`
	Players Map[string, pagePlayer] `state:"players"`
}

type pagePlayer struct {
	Name  string  `state:"name"`
	X     float64 `state:"x,min=0,max=100,step=0.5"`
	Cards []int   `state:"cards,owner"`
}

// TestPage: the messages of the worked example in docs/STATE.md are those that the encoder writes.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/STATE.md")
	if err != nil {
		t.Fatal(err)
	}
	var bytes strings.Builder
	for _, line := range strings.Split(string(page), "\n") {
		if code, ok := strings.CutPrefix(line, "    "); ok {
			code, _, _ = strings.Cut(code, "   ") // what follows explains the bytes
			bytes.WriteString(strings.ReplaceAll(code, " ", ""))
		} else {
			bytes.WriteString("\n")
		}
	}
	a := &pageArena{}
	e, err := NewEncoder(a, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	v := e.View()
	v.told = true // the schema would fill the page
	a.Players.Own(v, "ann")
	p := a.Players.Put("ann", pagePlayer{Name: "Ann", X: 12.5, Cards: []int{7}})
	a.Players.Put("bob", pagePlayer{Name: "Bob", Cards: []int{9}})
	has := func(b []byte) {
		t.Helper()
		if !strings.Contains(bytes.String(), hex.EncodeToString(b)) {
			t.Errorf("docs/STATE.md does not have %x", b)
		}
	}
	commit := func(tick uint64) {
		t.Helper()
		at := time.UnixMicro(1_760_000_000_000_000 + int64(tick)*50_000)
		if err := e.Commit(tick, at); err != nil {
			t.Fatal(err)
		}
	}
	commit(300)
	has(v.AppendSnapshot(nil))
	a.Phase, p.X = "play", 14
	p.Cards = append(p.Cards, 3)
	commit(301)
	delta, _ := v.AppendDelta(nil, false)
	has(delta)
	a.Players.Delete("ann")
	a.Players.Put("eve", pagePlayer{X: 100})
	v.SetInput(17)
	commit(303)
	delta, _ = v.AppendDelta(nil, true)
	has(delta)
	if text := string(e.Schema().JSON()); !strings.Contains(
		strings.ReplaceAll(string(page), "\n    ", ""), text) {
		t.Errorf("docs/STATE.md does not have %s", text)
	}
}
