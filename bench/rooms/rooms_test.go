//go:build linux

package rooms

import (
	"math/rand/v2"
	"os"
	"slices"
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
	random := rand.New(rand.NewPCG(1, 1))
	var players []*Player
	for range 4 {
		p := newPlayer("a", random)
		players = append(players, &p)
	}
	before := *players[0]
	still := *players[3]
	for tick := range uint64(900) {
		players[0].steer(Steer{Angle: float64(tick)})
		step(slices.Values(players), tick+1, 1.0/rate)
	}
	for _, p := range players {
		if p.X < 0 || p.X > 1000 || p.Y < 0 || p.Y > 1000 || p.Angle < 0 || p.Angle > 6.3 {
			t.Errorf("a player is at %v, %v and looks to %v", p.X, p.Y, p.Angle)
		}
	}
	if players[0].X == before.X || players[3].X != still.X {
		t.Errorf("at %v and %v, before at %v and %v", players[0].X, players[3].X, before.X, still.X)
	}
}
