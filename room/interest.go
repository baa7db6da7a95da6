package room

import (
	"math"

	"github.com/smartsocket/smartsocket/room/state"
)

// Interest says what a member sees, by calls of Filter, Show and Hide of the maps and lists of the
// room's State, with the member's view. What a member does not see is never sent to its client. An
// entry that comes into sight comes as a new one, and one that goes out of sight as one that went.
type Interest[S any] func(r *Room[S], m *Member, v *state.View)

// See is an Interest that shows a member those entries of a map for which sees returns true.
func See[S any, K state.Key, V any](
	of func(s *S) *state.Map[K, V], sees func(r *Room[S], m *Member, key K, e *V) bool,
) Interest[S] {
	return func(r *Room[S], m *Member, v *state.View) {
		of(&r.State).Filter(v, func(key K, e *V) bool { return sees(r, m, key, e) })
	}
}

// SeeTeam is an Interest that shows a member those entries of a map that are of the same team as
// the member. team returns false for an entry that everybody sees, mine for a member who sees all.
func SeeTeam[S any, K state.Key, V any, T comparable](
	of func(s *S) *state.Map[K, V], team func(e *V) (T, bool),
	mine func(r *Room[S], m *Member) (T, bool),
) Interest[S] {
	return func(r *Room[S], m *Member, v *state.View) {
		all := of(&r.State)
		my, limited := mine(r, m)
		if !limited {
			all.ShowAll(v)
			return
		}
		all.Filter(v, func(_ K, e *V) bool {
			its, has := team(e)
			return !has || its == my
		})
	}
}

// SeeNear is an Interest that shows a member those entries of a map that are near it on a grid. at
// is where an entry is. mine is where the member looks from; it returns false for one who sees all,
// such as a spectator.
func SeeNear[S any, K state.Key, V any](
	g Grid, of func(s *S) *state.Map[K, V], at func(e *V) (x, y float64),
	mine func(r *Room[S], m *Member) (x, y float64, limited bool),
) Interest[S] {
	return func(r *Room[S], m *Member, v *state.View) {
		all := of(&r.State)
		x, y, limited := mine(r, m)
		if !limited {
			all.ShowAll(v)
			return
		}
		column, row := g.cell(x), g.cell(y)
		all.Filter(v, func(_ K, e *V) bool {
			x, y := at(e)
			return g.near(column, x) && g.near(row, y)
		})
	}
}

// SeeAlso joins several Interests, each of which is for another map or list.
func SeeAlso[S any](several ...Interest[S]) Interest[S] {
	return func(r *Room[S], m *Member, v *state.View) {
		for _, f := range several {
			f(r, m, v)
		}
	}
}

// Grid divides a plane into square cells. Who stands in a cell sees this cell and those around it,
// up to Reach cells far in each direction.
type Grid struct {
	Cell  float64 // length of a side, more than 0
	Reach int     // 0 sees its own cell alone; 1 is usual
}

// Sees reports whether one place is seen from another.
func (g Grid) Sees(fromX, fromY, x, y float64) bool {
	return g.near(g.cell(fromX), x) && g.near(g.cell(fromY), y)
}

func (g Grid) cell(x float64) float64 { return math.Floor(x / g.Cell) }

func (g Grid) near(cell, x float64) bool { return math.Abs(g.cell(x)-cell) <= float64(g.Reach) }
