// Command state is a field on which everybody runs and sees the others run: a room whose state the
// clients follow. The guide docs/guides/STATE-CLIENTS.md explains it.
package main

import (
	"context"
	"log"
	"os/signal"
	"syscall"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/room"
	"github.com/smartsocket/smartsocket/room/state"
)

//go:generate go run github.com/smartsocket/smartsocket/cmd/smartsocket types -o field.d.ts .

// Field is what everybody sees.
type Field struct {
	Phase   string                    `state:"phase,enum=waiting|running"`
	Runners state.Map[string, Runner] `state:"runners"` // by the id that join returns
}

// Runner is one player.
type Runner struct {
	Name   string  `state:"name"`
	X      float64 `state:"x,min=0,max=100,step=0.1"`
	Breath int     `state:"breath,owner,min=0,max=100"`
}

// Step is what a player does.
type Step struct {
	DX float64 `json:"dx"`
}

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

func register(server *smartsocket.Server) {
	game := server.Namespace("/run")
	fields := room.Register(game, room.Options[Field]{
		Name: "field", Rate: 20, Capacity: 16, Seats: 20 * time.Second,
		OnEnter: func(r *room.Room[Field], m *room.Member) error {
			name, _ := m.Value.(string)
			r.State.Runners.Put(m.Key(), Runner{Name: name, Breath: 100})
			return nil
		},
		OnView: func(r *room.Room[Field], m *room.Member, v *state.View) {
			r.State.Runners.Own(v, m.Key())
		},
		OnInput: func(r *room.Room[Field], m *room.Member, in room.Input) {
			var step Step
			if in.Decode(&step) == nil {
				run(r.State.Runners.Get(m.Key()), step)
				r.State.Phase = "running"
			}
		},
		OnLeave: func(r *room.Room[Field], m *room.Member, _ error) {
			r.State.Runners.Delete(m.Key())
		},
	})
	smartsocket.Handle(game, "join", func(s *smartsocket.Socket, name string) (string, error) {
		_, m, err := fields.Place(s, room.Wish[Field]{Value: name})
		if err != nil {
			return "", err
		}
		return m.Key(), nil
	})
}

// run is the rule of the game, which the page has too.
func run(r *Runner, step Step) {
	r.X = min(max(r.X+min(max(step.DX, -1), 1), 0), 100)
	r.Breath = max(r.Breath-1, 0)
}
