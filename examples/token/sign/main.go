// Command sign prints a token for a player of the examples, signed with GAME_KEY. In your system,
// the service at which players sign in makes tokens.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/smartsocket/smartsocket/examples/token"
)

func main() {
	player := flag.String("player", "alice", "the player's id")
	admin := flag.Bool("admin", false, "may kick")
	lifetime := flag.Duration("lifetime", time.Hour, "how long the token is good")
	flag.Parse()
	key := []byte(os.Getenv("GAME_KEY"))
	c := token.Claims{Subject: *player, Admin: *admin, Expires: time.Now().Add(*lifetime).Unix()}
	text := token.Sign(key, c)
	if _, err := token.Verify(key, text, time.Now()); err != nil {
		log.Fatal("GAME_KEY needs 32 characters or more, and -lifetime more than 0")
	}
	fmt.Println(text)
}
