// Command arena is the arena of docs/guides/ROOMS.md: 30 ticks a second, everybody follows his
// pointer, and whoever touches a gem has a point more.
//
//	scripts/wasm.sh && go run ./examples/arena
//
// The first builds the browser client into dist; a page of your own gets it from npm.
package main

import (
	_ "embed"
	"log"
	"math"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/room"
	"github.com/smartsocket/smartsocket/room/state"
)

//go:embed index.html
var page []byte

const (
	width, height = 800, 450
	speed, reach  = 160, 18 // units a second, units
)

// Arena is what everybody in a room sees.
type Arena struct {
	Gem     Point                     `state:"gem"`
	Players state.Map[string, Player] `state:"players"`
}

// Point is a place.
type Point struct {
	X float64 `state:"x,min=0,max=800,step=0.1" json:"x"`
	Y float64 `state:"y,min=0,max=450,step=0.1" json:"y"`
}

// Player is one of them. Where he wants to go has no tag, so it stays here.
type Player struct {
	X    float64 `state:"x,min=0,max=800,step=0.1"`
	Y    float64 `state:"y,min=0,max=450,step=0.1"`
	Gems int     `state:"gems"`
	Away bool    `state:"away"`
	to   Point
}

func somewhere() Point { return Point{width * rand.Float64(), height * rand.Float64()} }

var arena = room.Options[Arena]{
	Name: "arena", Rate: 30, Capacity: 16, Seats: 20 * time.Second,
	OnOpen: func(r *room.Room[Arena]) error {
		r.State.Gem = somewhere()
		return nil
	},
	OnEnter: func(r *room.Room[Arena], m *room.Member) error {
		at := somewhere()
		r.State.Players.Put(m.Key(), Player{X: at.X, Y: at.Y, to: at})
		return nil
	},
	OnInput: func(r *room.Room[Arena], m *room.Member, in room.Input) {
		var to Point
		if p := r.State.Players.Get(m.Key()); p != nil && in.Decode(&to) == nil {
			p.to = Point{min(max(to.X, 0), width), min(max(to.Y, 0), height)}
		}
	},
	OnTick: func(r *room.Room[Arena]) {
		for _, p := range r.State.Players.All() {
			dx, dy := p.to.X-p.X, p.to.Y-p.Y
			if far := math.Hypot(dx, dy); far > 0 {
				step := min(speed*r.Delta()/far, 1)
				p.X, p.Y = p.X+dx*step, p.Y+dy*step
			}
			if math.Hypot(r.State.Gem.X-p.X, r.State.Gem.Y-p.Y) < reach {
				p.Gems++
				r.State.Gem = somewhere()
			}
		}
	},
	OnAway: func(r *room.Room[Arena], m *room.Member) { r.State.Players.Get(m.Key()).Away = true },
	OnBack: func(r *room.Room[Arena], m *room.Member) { r.State.Players.Get(m.Key()).Away = false },
	OnLeave: func(r *room.Room[Arena], m *room.Member, _ error) {
		r.State.Players.Delete(m.Key())
	},
}

var options = smartsocket.Options{
	EnableMessageCache:   true, // a session outlives its connection
	RateLimitMaxRequests: 3000, // a minute: 30 inputs a second, and some more
}

// site has the page, the browser client and the WebSocket.
func site(server *smartsocket.Server, client string) http.Handler {
	arenas := room.Register(server.Namespace("/game"), arena)
	smartsocket.Handle(server.Namespace("/game"), "play",
		func(s *smartsocket.Socket, _ struct{}) (string, error) {
			_, m, err := arenas.Place(s, room.Wish[Arena]{}) // in any arena with a free seat
			if err != nil {
				return "", err
			}
			return m.Key(), nil
		})
	mux := http.NewServeMux()
	mux.Handle("GET /game", server)
	mux.Handle("GET /dist/", http.StripPrefix("/dist", http.FileServer(http.Dir(client))))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	})
	return mux
}

func main() {
	server, err := smartsocket.New(options)
	if err != nil {
		log.Fatal(err)
	}
	handler := site(server, "dist")
	if err := server.StartDetached(); err != nil { // net/http listens
		log.Fatal(err)
	}
	log.Print("open http://localhost:3000")
	log.Fatal(http.ListenAndServe("localhost:3000", handler))
}
