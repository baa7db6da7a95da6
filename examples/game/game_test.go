//go:build linux || darwin

package main

import (
	"bufio"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/examples/token"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// arena is a server with the game, whose ticks the test gives.
type arena struct {
	*smartsockettest.Server
	*game
	t *testing.T
}

var key = authority("a key for tests, of 32 bytes or more")

func open(t *testing.T) *arena {
	t.Helper()
	o := options()
	o.Authenticate = key.authenticate
	g, places := newGame(), 0
	g.place = func() Point { // far from each other
		places++
		return Point{100 * (places % 10), 100 * (places / 10)}
	}
	return &arena{smartsockettest.New(t, o, g.register), g, t}
}

// as is a client with a token.
func (a *arena) as(player string) *smartsockettest.Client {
	a.t.Helper()
	text := token.Sign(key, token.Claims{Subject: player, Admin: player == "admin",
		Expires: a.Now().Add(time.Hour).Unix()})
	return a.Client(a.t, client.Options{APIKey: text})
}

// joined is as, with a seat in the arena.
func (a *arena) joined(player string) *smartsockettest.Client {
	a.t.Helper()
	c := a.as(player)
	c.Call("join", "arena")
	return c
}

// tick waits for what clients have sent, and ticks.
func (a *arena) tick() {
	a.t.Helper()
	a.Quiet()
	a.game.tick()
}

// world changes the world of the arena.
func (a *arena) world(f func(*world)) {
	a.game.mu.Lock()
	defer a.game.mu.Unlock()
	m := a.matches["arena"]
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m.world)
}

// rich gives a player coins.
func (a *arena) rich(player string, coins int) {
	a.world(func(w *world) { w.players[player].Coins = coins })
}

// expect waits for an event and decodes it.
func expect[T any](t *testing.T, c *smartsockettest.Client, event string) (v T) {
	t.Helper()
	if err := c.Expect(event, smartsockettest.Any).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// wantPlayer waits until a player is told of as this.
func wantPlayer(t *testing.T, c *smartsockettest.Client, want Player) {
	t.Helper()
	got := expect[Player](t, c, "player")
	if got.At = want.At; got.ID != want.ID || got.Coins != want.Coins || got.Hat != want.Hat ||
		got.Away != want.Away {
		t.Fatalf("%s hears of %+v, want %+v", c.ID(), got, want)
	}
}

func TestPlayersMove(t *testing.T) {
	a := open(t)
	alice, bob := a.joined("alice"), a.joined("bob")
	a.world(func(w *world) {
		w.players["alice"].At, w.players["bob"].At = Point{500, 500}, Point{0, 995}
		w.coin = Point{900, 100}
	})
	alice.Emit("steer", Dir{1, -1})
	bob.Emit("steer", Dir{-1, 1})
	a.tick()
	want := Frame{Tick: 1, At: map[string]Point{"alice": {508, 492}, "bob": {0, 999}},
		Coin: Point{900, 100}}
	alice.Expect("tick", want)
	bob.Expect("tick", want)
	alice.CallFails("steer", Dir{X: 100}, message.CodeInvalidFormat) // so fast goes nobody

	a.world(func(w *world) { w.coin = Point{516, 484} })
	wantPlayer(t, alice, Player{ID: "bob"})
	a.tick()
	wantPlayer(t, alice, Player{ID: "alice", Coins: 1})
	wantPlayer(t, bob, Player{ID: "alice", Coins: 1})
}

func TestWhoComesIn(t *testing.T) {
	a := open(t)
	a.NewClient(t, client.Options{APIKey: "alice"}).ConnectFails(message.CodeAuthFailed)
	alice := a.joined("alice")
	alice.CallFails("join", "another", errTwice.Code)
	for i := range places - 1 {
		a.joined(string(rune('b' + i)))
	}
	a.as("late").CallFails("join", "arena", errFull.Code)
}

// Who comes late gets all of the match, and so does a spectator, who cannot play.
func TestLateJoinersAndSpectators(t *testing.T) {
	a := open(t)
	alice := a.joined("alice")
	for range 10 {
		a.tick()
	}
	bob, spectator := a.joined("bob"), a.as("spectator")
	spectator.Call("watch", "arena")
	for _, c := range []*smartsockettest.Client{bob, spectator} {
		if st := expect[State](t, c, "state"); st.Tick != 10 || len(st.Players) != 2 {
			t.Errorf("the state is %+v", st)
		}
	}
	wantPlayer(t, alice, Player{ID: "bob"})
	a.tick()
	if f := expect[Frame](t, spectator, "tick"); f.Tick != 11 || len(f.At) != 2 {
		t.Errorf("the spectator sees %+v", f)
	}
	spectator.CallFails("buy", Order{"an order", "top hat"}, errNoSeat.Code)
	spectator.CallFails("watch", "nowhere", errNoMatch.Code)
}

// Who loses the connection keeps the seat for half a minute, and misses nothing but ticks.
func TestPlayerComesBack(t *testing.T) {
	a := open(t)
	alice, bob := a.joined("alice"), a.joined("bob")
	wantPlayer(t, alice, Player{ID: "bob"})
	a.rich("bob", 5)
	a.world(func(w *world) { w.players["bob"].At = Point{500, 500} })
	bob.Emit("steer", Dir{1, 1})
	a.Quiet()
	bob.Cut()
	wantPlayer(t, alice, Player{ID: "bob", Coins: 5, Away: true})
	carol := a.joined("carol")
	a.tick()
	if at := expect[Frame](t, alice, "tick").At["bob"]; at != (Point{500, 500}) {
		t.Errorf("who is away stands at %v", at)
	}
	a.Advance(29 * time.Second)
	if !bob.Reconnect() {
		t.Error("the session was lost")
	}
	wantPlayer(t, bob, Player{ID: "bob", Coins: 5, Away: true})
	wantPlayer(t, bob, Player{ID: "carol"})
	wantPlayer(t, bob, Player{ID: "bob", Coins: 5})
	wantPlayer(t, carol, Player{ID: "bob", Coins: 5})
	a.tick()
	if f := expect[Frame](t, bob, "tick"); f.Tick != 2 || len(f.At) != 3 {
		t.Errorf("bob sees %+v", f)
	}
}

func TestPlayerComesBackTooLate(t *testing.T) {
	a := open(t)
	alice, bob := a.joined("alice"), a.joined("bob")
	bob.Cut()
	a.Advance(31 * time.Second)
	alice.Expect("left", "bob")
	if bob.Reconnect() {
		t.Error("the session was kept")
	}
	bob.CallFails("buy", Order{"an order", "top hat"}, errNoSeat.Code)
	bob.Call("join", "arena")
}

// Another device of the same player takes the seat over, with all that belongs to it.
func TestPlayerMovesToAnotherDevice(t *testing.T) {
	a := open(t)
	alice, bob := a.joined("alice"), a.joined("bob")
	wantPlayer(t, alice, Player{ID: "bob"})
	a.rich("bob", 5)
	phone := a.joined("bob")
	bob.ExpectClosed(message.CloseKicked)
	wantPlayer(t, alice, Player{ID: "bob", Coins: 5})
	phone.Cut()
	wantPlayer(t, alice, Player{ID: "bob", Coins: 5, Away: true})
	a.joined("bob") // before the phone has come back
	wantPlayer(t, alice, Player{ID: "bob", Coins: 5})
	a.tick()
	alice.Expect("tick", smartsockettest.Any)
	alice.Expect("state", smartsockettest.Any)
	alice.ExpectNothing()
}

func TestKick(t *testing.T) {
	a := open(t)
	alice, bob, admin := a.joined("alice"), a.joined("bob"), a.as("admin")
	kick := Kick{Room: "arena", Player: "bob"}
	alice.CallFails("kick", kick, message.CodeRejected)
	admin.Call("kick", kick)
	bob.ExpectClosed(message.CloseKicked)
	alice.Expect("left", "bob")
	a.as("bob").CallFails("join", "arena", errBanned.Code)
	admin.CallFails("kick", Kick{Room: "nowhere", Player: "bob"}, errNoMatch.Code)
}

// A purchase whose receipt is lost with the connection happens once, and its receipt comes later.
func TestPurchaseOverACut(t *testing.T) {
	a := open(t)
	alice, bob := a.joined("alice"), a.joined("bob")
	wantPlayer(t, alice, Player{ID: "bob"})
	a.rich("bob", 7)
	bob.Pause()
	answer := make(chan error, 1)
	hat := Order{"the first hat", "top hat"}
	go func() {
		r, err := client.Call[Order, Receipt](context.Background(), bob.Client, "buy", hat)
		if err == nil && r != (Receipt{"top hat", 4}) {
			t.Errorf("the receipt is %+v", r)
		}
		answer <- err
	}()
	wantPlayer(t, alice, Player{ID: "bob", Coins: 4, Hat: "top hat"})
	bob.Cut()
	wantPlayer(t, alice, Player{ID: "bob", Coins: 4, Hat: "top hat", Away: true})
	bob.Reconnect()
	if err := <-answer; err != nil {
		t.Error(err)
	}
	// The same order from a new session, as after a reload of the page.
	bob = a.joined("bob")
	if r := smartsockettest.Call[Receipt](bob, "buy", hat); r != (Receipt{"top hat", 4}) {
		t.Errorf("the receipt is %+v", r)
	}
	bob.CallFails("buy", Order{"a wish of his", "crown"}, errPoor.Code)
	bob.CallFails("buy", Order{"a wish of his", "moon"}, errItem.Code)
}

// A server that ends lets the matches finish, and begins no other.
func TestServerEndsAfterItsMatches(t *testing.T) {
	a := open(t)
	alice, carol := a.joined("alice"), a.as("carol")
	begun, ended := make(chan bool), make(chan error, 1)
	a.OnDrain(func(context.Context) { close(begun) })
	go func() { ended <- a.Drain(context.Background()) }()
	<-begun
	carol.CallFails("join", "new", message.CodeShuttingDown)
	carol.Call("join", "arena")
	a.world(func(w *world) { w.tick = ticks - 1 })
	a.tick()
	if st := expect[State](t, alice, "over"); st.Tick != ticks || len(st.Players) != 2 {
		t.Errorf("it ended with %+v", st)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// When the last player has left, the match is over.
func TestEmptyMatchEnds(t *testing.T) {
	a := open(t)
	alice, spectator := a.joined("alice"), a.as("spectator")
	spectator.Call("watch", "arena")
	spectator.Expect("state", smartsockettest.Any)
	alice.Disconnect()
	wantPlayer(t, spectator, Player{ID: "alice", Away: true})
	spectator.Expect("left", "alice")
	spectator.Expect("over", smartsockettest.Any)
	spectator.CallFails("watch", "arena", errNoMatch.Code)
	a.joined("bob")
	spectator.ExpectNothing()
}

// When its time is over, players may join the next one.
func TestMatchEnds(t *testing.T) {
	a := open(t)
	alice := a.joined("alice")
	alice.Expect("state", smartsockettest.Any)
	a.world(func(w *world) { w.tick = ticks - 1 })
	a.tick()
	alice.Expect("over", smartsockettest.Any)
	alice.CallFails("buy", Order{"an order", "top hat"}, errNoSeat.Code)
	alice.Call("join", "arena")
	if st := expect[State](t, alice, "state"); st.Tick != 0 {
		t.Errorf("the next match begins with %+v", st)
	}
}

// once is what world.go has of the purchases that happen once, in lines: the field and four in buy.
const once = 5

// What is not rules, rooms and ticks is short. Empty lines, comments and imports do not count.
func TestPlumbingIsShort(t *testing.T) {
	lines := once
	for _, name := range []string{"main.go", "server.go"} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		imports := false
		for s := bufio.NewScanner(f); s.Scan(); {
			line := strings.TrimSpace(s.Text())
			switch {
			case line == "", strings.HasPrefix(line, "//"), strings.HasPrefix(line, "package "):
			case line == "import (":
				imports = true
			case imports:
				imports = line != ")"
			default:
				lines++
			}
		}
	}
	if t.Logf("%d lines", lines); lines > 60 || lines < 40 {
		t.Errorf("%d lines of plumbing; the guide says at most 60", lines)
	}
}
