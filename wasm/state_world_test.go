//go:build !js

package main

import (
	"encoding/hex"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/smartsocket/smartsocket/room/state"
)

// world has every kind of field that a state can have.
type world struct {
	Phase   string                   `state:"phase,enum=lobby|play|over"`
	Left    int                      `state:"left,min=10,max=600"`
	Score   int64                    `state:"score"`
	Total   uint64                   `state:"total"`
	Ratio   float64                  `state:"ratio"`
	Small   float32                  `state:"small"`
	Name    string                   `state:"name"`
	Blob    []byte                   `state:"blob"`
	On      bool                     `state:"on"`
	Tags    []string                 `state:"tags"`
	Ball    ball                     `state:"ball"`
	Players state.Map[string, being] `state:"players"`
	Boxes   state.List[box]          `state:"boxes"`
	Wins    state.Map[int, int]      `state:"wins"`
}

type ball struct {
	X      float64 `state:"x,min=-9.95,max=10,step=0.1"`
	Height float64 `state:"height,step=0.25"`
}

type being struct {
	Name  string                 `state:"name"`
	X     float64                `state:"x,min=0,max=1000,step=0.1"`
	At    ball                   `state:"at"`
	Cards []int                  `state:"cards,owner"`
	Items state.Map[uint8, ball] `state:"items"`
}

type box struct {
	ID   int    `state:"id,key"`
	Kind string `state:"kind"`
	Full uint   `state:"full,min=0,max=100"`
}

// change changes one thing of w.
func (w *world) change(r *rand.Rand) {
	switch r.IntN(17) {
	case 0:
		w.Phase = []string{"lobby", "play", "over"}[r.IntN(3)]
	case 1:
		w.Left = 10 + r.IntN(591)
	case 2:
		w.Score = r.Int64N(1<<54-1) - (1<<53 - 1)
		if r.IntN(2) == 0 {
			w.Score = int64(r.IntN(300) - 150)
		}
	case 3:
		w.Total = r.Uint64N(1 << 53)
	case 4:
		w.Ratio = []float64{r.NormFloat64(), 0, -1e300, math.SmallestNonzeroFloat64}[r.IntN(4)]
	case 5:
		w.Small = []float32{float32(r.NormFloat64()), 0}[r.IntN(2)]
	case 6:
		w.Name = []string{"", "Ann", "Jörg 🎮", "\ufeffx", text(r, 200)}[r.IntN(5)]
	case 7:
		w.Blob = []byte(text(r, r.IntN(40)))
	case 8:
		w.On = !w.On
	case 9:
		w.Tags = nil
		for range r.IntN(4) {
			w.Tags = append(w.Tags, text(r, r.IntN(5)))
		}
	case 10:
		w.Ball = ball{r.Float64()*19.9 - 9.9, float64(r.IntN(9) - 4)}
	case 11:
		w.Wins.Put(r.IntN(9)-4, r.IntN(3))
	case 12:
		w.Wins.Delete(r.IntN(9) - 4)
	case 13, 14:
		w.changeBoxes(r)
	default:
		w.changePlayers(r)
	}
}

func text(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + r.IntN(26))
	}
	return string(b)
}

func (w *world) changePlayers(r *rand.Rand) {
	key := "p" + strconv.Itoa(r.IntN(12))
	p := w.Players.Get(key)
	switch n := r.IntN(8); {
	case p == nil:
		w.Players.Put(key, being{Name: key, X: float64(r.IntN(10000)) / 10})
	case n == 0:
		w.Players.Delete(key)
	case n == 1:
		w.Players.Delete(key)
		w.Players.Put(key, being{Name: "again"})
	case n == 2:
		p.Cards = append(p.Cards[:r.IntN(len(p.Cards)+1)], r.IntN(52))
	case n == 3:
		p.At.Height = float64(r.IntN(9)) / 4
	case n == 4:
		p.Items.Put(uint8(r.IntN(6)), ball{X: float64(r.IntN(20) - 9)})
	case n == 5:
		p.Items.Delete(uint8(r.IntN(6)))
	default:
		p.X = r.Float64() * 1000
	}
}

func (w *world) changeBoxes(r *rand.Rand) {
	n := w.Boxes.Len()
	switch {
	case n == 0 || n < 20 && r.IntN(3) == 0:
		id := r.IntN(1000) // most often a new one
		for _, b := range w.Boxes.All() {
			if b.ID == id {
				return
			}
		}
		w.Boxes.Insert(r.IntN(n+1), box{ID: id, Kind: text(r, 3)})
	case r.IntN(4) == 0:
		w.Boxes.Delete(r.IntN(n))
	case r.IntN(4) == 0:
		w.Boxes.Move(r.IntN(n), r.IntN(n))
	default:
		w.Boxes.At(r.IntN(n)).Full = uint(r.IntN(101))
	}
}

// quantum is what is left of v by a step. The step that is nearest to 0 is 0.
func quantum(v, low, step float64) float64 {
	n := math.Floor((v-low)/step + 0.5)
	if n == math.Floor((0-low)/step+0.5) {
		return 0
	}
	return low + float64(n*step)
}

func (b ball) seen() map[string]any {
	return map[string]any{"x": quantum(b.X, -9.95, 0.1), "height": quantum(b.Height, 0, 0.25)}
}

// seen is what a client sees that has the players for which visible returns true, with the cards of
// own, as JSON has it.
func (w *world) seen(own string, visible func(string, *being) bool) map[string]any {
	players, boxes, wins := map[string]any{}, []any{}, map[string]any{}
	for key, p := range w.Players.All() {
		if !visible(key, p) {
			continue
		}
		cards, items := []int{}, map[string]any{}
		if key == own {
			cards = append(cards, p.Cards...)
		}
		for k, v := range p.Items.All() {
			items[strconv.Itoa(int(k))] = v.seen()
		}
		players[key] = map[string]any{"name": p.Name, "x": quantum(p.X, 0, 0.1), "at": p.At.seen(),
			"cards": cards, "items": items}
	}
	for _, b := range w.Boxes.All() {
		boxes = append(boxes, map[string]any{"id": b.ID, "kind": b.Kind, "full": b.Full})
	}
	for key, n := range w.Wins.All() {
		wins[strconv.Itoa(key)] = *n
	}
	phase := w.Phase
	if phase == "" {
		phase = "lobby"
	}
	return map[string]any{"phase": phase, "left": w.Left, "score": w.Score, "total": w.Total,
		"ratio": w.Ratio, "small": float64(w.Small), "name": w.Name,
		"blob": hex.EncodeToString(w.Blob), "on": w.On, "tags": append([]string{}, w.Tags...),
		"ball": w.Ball.seen(), "players": players, "boxes": boxes, "wins": wins}
}
