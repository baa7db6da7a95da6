package state

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// sight is what a client may see of a vecArena. nil sets show all.
type sight struct {
	players map[*vecPlayer]bool
	boxes   map[*vecBox]bool
	owner   map[string]bool
}

// everything is the sight of a decoder's state, in which there is nothing to hide.
var everything = sight{owner: nil}

// The functions below say what a state looks like on the other side. They are written without the
// package's own code, as plainly as possible.

func (s sight) arena(a *vecArena, all bool) map[string]any {
	players, boxes := map[string]any{}, []any{}
	for k, p := range a.Players.All() {
		if s.players == nil || s.players[p] {
			players[k] = plainPlayer(p, all || s.owner[k])
		}
	}
	for _, b := range a.Boxes.All() {
		if s.boxes == nil || s.boxes[b] {
			boxes = append(boxes, map[string]any{
				"id": int64(b.ID), "kind": [...]string{"wood", "iron"}[b.Kind],
				"w": stepped(b.W, 1, 9, 1)})
		}
	}
	teams, prices := map[string]any{}, map[string]any{}
	for k, v := range a.Teams.All() {
		teams[fmt.Sprint(k)] = *v
	}
	for k, v := range a.Prices.All() {
		prices[fmt.Sprint(k)] = stepped(*v, math.Inf(-1), math.Inf(1), 0.01)
	}
	phase := a.Phase
	if phase == "" {
		phase = "lobby"
	}
	names := []string{}
	for _, n := range a.Names {
		names = append(names, clean(n))
	}
	scores := []int64{}
	for _, n := range a.Scores {
		scores = append(scores, int64(n))
	}
	return map[string]any{
		"phase": phase, "left": int64(max(0, min(600, a.Left))), "open": a.Open,
		"wind": stepped(a.Wind, -5, 5, 0.25), "exact": a.Exact + 0, "players": players,
		"boxes": boxes, "scores": scores, "teams": teams, "prices": prices, "names": names,
		"centre": plainPoint(a.Centre), "seal": append([]byte{}, a.Seal...),
	}
}

func plainPlayer(p *vecPlayer, own bool) map[string]any {
	bag, cards, hand := map[string]any{}, []int64{}, []any{}
	for k, v := range p.Bag.All() {
		bag[k] = map[string]any{"count": uint64(v.Count)}
	}
	if own {
		for _, c := range p.Cards {
			cards = append(cards, int64(c))
		}
		for _, c := range p.Hand.All() {
			hand = append(hand, map[string]any{"code": c.Code, "up": c.Up})
		}
	}
	return map[string]any{
		"name": clean(p.Name), "x": stepped(p.X, 0, 1000, 0.1),
		"y": stepped(p.Y, math.Inf(-1), math.Inf(1), 0.5), "speed": float64(p.Speed) + 0,
		"cards": cards, "at": plainPoint(p.At), "level": int64(max(5, min(9, p.Level))), "bag": bag,
		"hand": hand,
	}
}

func plainPoint(p vecPoint) map[string]any {
	return map[string]any{"x": int64(p.X), "z": uint64(p.Z)}
}

func stepped(v, low, high, step float64) float64 {
	from := low
	if math.IsInf(low, -1) {
		from = 0
	}
	v = math.Max(low, math.Min(high, v))
	return from + math.Floor((v-from)/step+0.5)*step
}

func clean(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}

// script decides by bytes what happens. At its end it says 0 always.
type script struct {
	b []byte
	i int
}

func (s *script) done() bool { return s.i >= len(s.b) }

// below returns a number of at most 255 that is less than n.
func (s *script) below(n int) int {
	if s.done() {
		return 0
	}
	s.i++
	return int(s.b[s.i-1]) % n
}

func (s *script) key() string { return fmt.Sprint("k", s.below(6)) }

// change changes something at random.
func (s *script) change(a *vecArena) {
	switch s.below(8) {
	case 0:
		s.changeRoot(a)
	case 1:
		k := s.key()
		if s.below(3) == 0 {
			a.Players.Delete(k)
		} else {
			a.Players.Put(k, vecPlayer{Name: k, Level: int8(s.below(12))})
		}
	case 2, 3, 4:
		if p := a.Players.Get(s.key()); p != nil {
			s.changePlayer(p)
		}
	case 5:
		s.changeBoxes(&a.Boxes)
	case 6:
		k := s.below(5) - 2
		if s.below(3) == 0 {
			a.Teams.Delete(k)
		} else {
			a.Teams.Put(k, s.key())
		}
	case 7:
		k := uint8(s.below(256))
		if k > 100 {
			a.Prices.Delete(k % 8)
		} else {
			a.Prices.Put(k%8, float64(s.below(256))/64)
		}
	}
}

func (s *script) changeRoot(a *vecArena) {
	switch s.below(9) {
	case 0:
		a.Phase = [...]string{"", "lobby", "play", "over"}[s.below(4)]
	case 1:
		a.Left = s.below(256) * 3
	case 2:
		a.Open = !a.Open
	case 3:
		a.Wind = float64(s.below(100))/8 - 6
	case 4:
		a.Exact = [...]float64{0, 1, math.Pi, math.Inf(1), -1e-300}[s.below(5)]
	case 5:
		a.Scores = append(a.Scores[:s.below(len(a.Scores)+1)], s.below(256)-128)
	case 6:
		name := [...]string{"", "x", "\xff", "日"}[s.below(4)]
		a.Names = append(a.Names[:s.below(len(a.Names)+1)], name)
	case 7:
		a.Centre.X = int32(s.below(256)) - 128
	case 8:
		a.Seal = append(a.Seal[:s.below(len(a.Seal)+1)], byte(s.below(256)))
	}
}

func (s *script) changePlayer(p *vecPlayer) {
	switch s.below(9) {
	case 0:
		p.Name = [...]string{"", "ann", "\xc3", "öl"}[s.below(4)]
	case 1:
		p.X = float64(s.below(256)) * 4.01
	case 2:
		p.Y = float64(s.below(256))/16 - 8
	case 3:
		p.Speed = float32(s.below(256)) / 3
	case 4:
		p.Cards = append(p.Cards[:s.below(len(p.Cards)+1)], s.below(52))
	case 5:
		p.At.Z = uint16(s.below(256)) * 256
	case 6:
		p.Level = int8(s.below(16))
	case 7:
		if k := s.key(); s.below(3) == 0 {
			p.Bag.Delete(k)
		} else {
			p.Bag.Put(k, vecThing{Count: uint(s.below(200))})
		}
	case 8:
		n := p.Hand.Len()
		switch s.below(4) {
		case 0:
			p.Hand.Clear()
		case 1:
			if n > 0 {
				p.Hand.At(s.below(n)).Up = true
			}
		default:
			p.Hand.Insert(s.below(n+1), vecCard{Code: s.key()})
		}
	}
}

func (s *script) changeBoxes(l *List[vecBox]) {
	n := l.Len()
	if n == 0 {
		l.Append(vecBox{ID: s.below(256)})
		return
	}
	switch i := s.below(n); s.below(8) {
	case 0:
		l.Delete(i)
	case 1:
		l.Insert(i, vecBox{ID: s.below(256), Kind: 1})
	case 2:
		l.Move(i, s.below(n))
	case 3:
		l.At(i).ID = s.below(256)
	case 4, 5:
		l.At(i).W = float64(s.below(12))
	case 6:
		l.Append(vecBox{ID: -s.below(256)})
	case 7:
		if s.below(4) == 0 || n > 60 {
			l.DeleteFunc(func(b *vecBox) bool { return b.ID%2 == 0 })
			return
		}
		l.SortFunc(func(a, b *vecBox) int { return a.ID - b.ID })
	}
}
