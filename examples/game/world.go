package main

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/smartsocket/smartsocket"
)

const (
	rate   = 30              // ticks in a second
	length = 3 * time.Minute // of a match
	ticks  = rate * int(length/time.Second)
	places = 8    // in a match
	size   = 1000 // of the field
	speed  = 8    // in one tick
	reach  = 30   // from where a player takes the coin
)

// What a player is told, with codes for the client's program.
var (
	errFull    = smartsocket.NewCode("GAME_FULL", "all places are taken: watch, or try another")
	errBanned  = smartsocket.NewCode("GAME_BANNED", "you were kicked out of this match")
	errTwice   = smartsocket.NewCode("GAME_TWICE", "you have a seat already")
	errNoSeat  = smartsocket.NewCode("GAME_NO_SEAT", "join a match first")
	errNoMatch = smartsocket.NewCode("GAME_NO_MATCH", "nobody plays in this room")
	errPoor    = smartsocket.NewCode("SHOP_POOR", "this costs more coins than you have")
	errItem    = smartsocket.NewCode("SHOP_ITEM", "this is not for sale")
)

// Point is a place on the field.
type Point struct{ X, Y int }

// Dir is where a player goes: X and Y are -1, 0 or 1.
type Dir struct{ X, Y int }

// Validate refuses steps that are too large.
func (d Dir) Validate() error {
	if d.X < -1 || d.X > 1 || d.Y < -1 || d.Y > 1 {
		return errors.New("a direction has X and Y of -1, 0 or 1")
	}
	return nil
}

// Kick is an admin's wish to send a player out.
type Kick struct{ Room, Player string }

// Order is a wish to buy an item. The client makes an ID for each wish, and keeps it when it asks
// again.
type Order struct{ ID, Item string }

// Validate refuses orders that could be taken for others.
func (o Order) Validate() error {
	if len(o.ID) < 8 || len(o.ID) > 64 {
		return errors.New("an order needs an ID of 8 to 64 characters")
	}
	return nil
}

// Receipt says what was bought, and how many coins are left.
type Receipt struct {
	Item  string
	Coins int
}

// Player is what everybody knows of a player.
type Player struct {
	ID    string
	At    Point
	Coins int
	Hat   string
	Away  bool // stands still

	to       Dir
	receipts map[string]Receipt // by the IDs of orders
}

func (p *Player) gone() (away bool, err error) { p.Away = true; return true, nil }
func (p *Player) back() (away bool, err error) { p.Away = false; return false, nil }

var prices = map[string]int{"top hat": 3, "crown": 10}

// buy pays for an item and puts it on. An order that comes again gets its receipt.
func (p *Player) buy(o Order) (Receipt, error) {
	if r, ok := p.receipts[o.ID]; ok {
		return r, nil
	}
	price, ok := prices[o.Item]
	switch {
	case !ok:
		return Receipt{}, errItem
	case p.Coins < price:
		return Receipt{}, errPoor
	}
	p.Coins -= price
	p.Hat = o.Item
	r := Receipt{o.Item, p.Coins}
	p.receipts[o.ID] = r
	return r, nil
}

// State is all that there is to know of a match.
type State struct {
	Tick    int
	Players map[string]*Player
	Coin    Point
}

// Frame is what every tick tells.
type Frame struct {
	Tick int
	At   map[string]Point // of the players
	Coin Point
}

// world is one match and its rules. It knows of no sockets.
type world struct {
	tick    int
	players map[string]*Player
	coin    Point
	place   func() Point // where players and coins appear
}

func newWorld(place func() Point) *world {
	return &world{players: make(map[string]*Player), coin: place(), place: place}
}

func anywhere() Point { return Point{rand.IntN(size), rand.IntN(size)} }

func (w *world) enter(id string) {
	w.players[id] = &Player{ID: id, At: w.place(), receipts: make(map[string]Receipt)}
}

// step moves everybody on, and returns who has taken the coin.
func (w *world) step() (rich []*Player) {
	w.tick++
	for _, p := range w.players {
		if p.Away {
			continue
		}
		p.At.X = min(max(p.At.X+speed*p.to.X, 0), size-1)
		p.At.Y = min(max(p.At.Y+speed*p.to.Y, 0), size-1)
		if dx, dy := p.At.X-w.coin.X, p.At.Y-w.coin.Y; dx*dx+dy*dy <= reach*reach {
			p.Coins++
			w.coin = w.place()
			rich = append(rich, p)
		}
	}
	return rich
}

func (w *world) state() State { return State{w.tick, w.players, w.coin} }

func (w *world) frame() Frame {
	f := Frame{Tick: w.tick, At: make(map[string]Point, len(w.players)), Coin: w.coin}
	for id, p := range w.players {
		f.At[id] = p.At
	}
	return f
}
