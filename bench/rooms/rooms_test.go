//go:build linux

package rooms

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain makes the test binary a server if it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Serve {
		os.Exit(Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// TestRounds measures a small load. All figures exist, and none is judged.
func TestRounds(t *testing.T) {
	s := size{rooms: 3, each: 4, slow: 1, idle: 100, rounds: 1, long: 300 * time.Millisecond}
	text, err := measure(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"NaN", "Inf"} {
		if strings.Contains(text, bad) {
			t.Errorf("the table says %s:\n%s", bad, text)
		}
	}
}

// TestWorld: everybody stays in the field, and three of four players move.
func TestWorld(t *testing.T) {
	var a Arena
	random := rand.New(rand.NewPCG(1, 1))
	for _, key := range []string{"a", "b", "c", "d"} {
		a.enter(key, random)
	}
	before := map[string]Player{}
	for key, p := range a.Players.All() {
		before[key] = *p
	}
	for tick := range uint64(900) {
		a.steer("a", Steer{Angle: float64(tick)})
		a.step(tick+1, 1.0/rate)
	}
	moved := 0
	for key, p := range a.Players.All() {
		if p.X < 0 || p.X > 1000 || p.Y < 0 || p.Y > 1000 || p.Angle < 0 || p.Angle > 6.3 {
			t.Errorf("%s is at %v, %v and looks to %v", key, p.X, p.Y, p.Angle)
		}
		if p.X != before[key].X {
			moved++
		}
	}
	if moved != 3 {
		t.Errorf("%d of 4 players have moved", moved)
	}
}
