// Command types is a game of dice, whose page knows the types of all events. The guide
// docs/guides/TYPES.md explains it.
package main

import (
	"context"
	"log"
	"math/rand/v2"
	"os/signal"
	"syscall"

	"github.com/smartsocket/smartsocket"
)

//go:generate go run github.com/smartsocket/smartsocket/cmd/smartsocket types -o events.d.ts .

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	server, err := smartsocket.New(smartsocket.Options{Port: 3000})
	if err != nil {
		log.Fatal(err)
	}
	register(server)
	if err := server.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// Rolled tells everybody at the table.
const Rolled smartsocket.Event[Roll] = "rolled"

// Colour is what a player plays.
type Colour string

// There are two.
const (
	Red  Colour = "red"
	Blue Colour = "blue"
)

// Seat is where a player sits.
type Seat struct {
	Number int      `json:"number"`
	Others []string `json:"others" ts:"notnull"`
}

// Roll is what somebody has rolled.
type Roll struct {
	By   string `json:"by"`
	Eyes [2]int `json:"eyes"`
	Won  *int   `json:"won,omitempty"` // pieces of gold
}

type player struct {
	Name   string `json:"name"`
	Colour Colour `json:"colour"`
}

func register(server *smartsocket.Server) {
	dice := server.Namespace("/dice")

	// join sits down.
	join := func(s *smartsocket.Socket, p player) (Seat, error) {
		seat := Seat{Number: dice.RoomLen("table"), Others: []string{}}
		for _, other := range dice.RoomSockets("table") {
			seat.Others = append(seat.Others, name(other))
		}
		s.Set("name", p.Name)
		s.To("table").Emit("joined", p)
		return seat, s.Join("table")
	}
	smartsocket.Handle(dice, "join", join)

	smartsocket.On(dice, "roll", func(s *smartsocket.Socket, _ struct{}, ack smartsocket.Ack) {
		r := Roll{By: name(s), Eyes: [2]int{1 + rand.IntN(6), 1 + rand.IntN(6)}}
		Rolled.Emit(dice.To("table"), r)
		ack.Reply(r.Eyes[0] + r.Eyes[1])
	})

	// Three bytes: a command, and where.
	//smartsocket:ts Uint8Array
	dice.On("point", func(s *smartsocket.Socket, d smartsocket.Data, _ smartsocket.Ack) {
		s.To("table").Emit("pointed", d.Bytes())
	}, smartsocket.Inline)
}

func name(s *smartsocket.Socket) string {
	name, _ := s.Get("name").(string)
	return name
}
