// Package state encodes the state of a room for its clients: as a snapshot for who comes, and as
// what changed for who is there. It knows no socket.
//
// A state is a struct with tags, and consists of plain fields, structs, [Map] and [List]. It is
// changed by plain assignments:
//
//	type Arena struct {
//		Phase   string                    `state:"phase,enum=lobby|play|over"`
//		Players state.Map[string, Player] `state:"players"`
//	}
//	type Player struct {
//		X     float64 `state:"x,min=0,max=1000,step=0.1"`
//		Cards []int   `state:"cards,owner"`
//	}
//
// The server makes one [Encoder] for a state and one [View] for each client. [Encoder.Commit] finds
// what changed, by comparing the state with a copy of what was sent. [View.AppendDelta] then
// appends what one client is to know. The client's [Decoder] fills a struct of the same type, or of
// one that has fields of the same names. docs/STATE.md describes the wire and the tags.
//
// # Locks
//
// There are none. An Encoder with its Views and state, and a Decoder, belong to one goroutine at a
// time.
package state
