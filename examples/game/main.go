// Command game is a small game as a backend runs it: an authoritative world in each room, which
// ticks 30 times a second; players who join with a token, come late, lose their connection and keep
// their seat for 30 seconds, buy hats once, and are kicked; and spectators.
//
//	export GAME_KEY=$(openssl rand -base64 32)
//	go run ./examples/game                       # serves on localhost:3000
//	go run ./examples/token/sign -player alice   # prints a token, signed with GAME_KEY
//
// The guide docs/guides/GAME.md explains it. main.go and server.go are what a game needs besides
// its rules, rooms and ticks. match.go has rooms and ticks, world.go the rules.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/config"
)

// settings come from a file, the environment and flags.
type settings struct {
	smartsocket.Options
	Key string `config:"key" help:"signs the tokens: 32 characters or more" secret:"true"`
}

func main() {
	cfg := settings{Options: options()}
	config.LoadOrExit(&cfg, config.Source{EnvPrefix: "GAME_", Args: os.Args[1:]})
	cfg.Authenticate = authority(cfg.Key).authenticate
	server, err := smartsocket.New(cfg.Options)
	if err != nil {
		log.Fatal(err)
	}
	g := newGame()
	g.register(server)
	go g.run(time.Tick(time.Second / rate))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := server.Run(ctx); err != nil {
		log.Fatal(err)
	}
}
