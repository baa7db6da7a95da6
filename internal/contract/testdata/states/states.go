// Package states has a state with everything that states can have, and an event with one of its
// types.
package states

import (
	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/room/state"
)

// Arena is what everybody sees.
type Arena struct {
	Phase   Phase                     `state:"phase,enum=lobby|play|it's over"`
	Left    uint16                    `state:"left,min=0,max=600"`
	Players state.Map[string, Player] `state:"players"` // by name
	Boxes   state.List[Box]           `state:"boxes"`
	Wins    state.Map[Team, int]      `state:"wins"`
	Names   []string                  `state:"names"`
	Hands   []Card                    `state:"hands,enum=rock|paper"`
	Seal    []byte                    `state:"seal"`
	Ball    struct {
		X float32 `state:"x"`
	} `state:"ball"`
	Open bool `state:"open"`
	seed int64
}

// Phase has constants, and the tag has the words.
type Phase string

// Lobby is one of them.
const Lobby Phase = "lobby"

// Team is a number.
type Team int

// Card is a number with a word.
type Card int

// Player is one of them.
type Player struct {
	Name string `state:"name" json:"Name"`
	// Where he is.
	X     float64                   `state:"x,min=0,max=10,step=0.1"`
	Cards []int                     `state:"cards,owner"`
	Items state.Map[uint8, float64] `state:"items,step=0.5"`
	Where Point                     `state:"where"`
}

// Point is an event, too, with all its fields.
type Point struct {
	X int `state:"x"`
	Y int // stays
}

// Box has a key.
type Box struct {
	ID   int    `state:"id,key"`
	Kind string `state:"kind"`
}

// Secret stays on the server.
type Secret struct{ Seed int }

func serve(v *smartsocket.Server) error {
	arena := &Arena{seed: 1}
	if _, err := state.NewEncoder(arena, 0); err != nil {
		return err
	}
	if _, err := state.Describe[Secret](); err != nil {
		return err
	}
	v.Emit("shown", Point{1, 2})
	return nil
}
