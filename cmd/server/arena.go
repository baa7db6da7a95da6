package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"math"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket"
)

// arena is the demo's game: one world, with 60 ticks a second while anyone plays. Positions are
// sent as states, so that a client that lags behind gets the newest one and costs the others
// nothing. Chat lines and the list of players are reliable.
type arena struct {
	ns   *smartsocket.Namespace
	wake chan struct{} // signals that somebody came

	// mu is never held while code of the user runs. Emit does not block, so it may be called under
	// it.
	mu      sync.Mutex
	world   *world
	history []arenaLine
	lastID  uint64
}

const (
	arenaRoom  = "arena"
	awayTime   = 30 * time.Second // how long a player waits for its client to come back
	arenaToken = "arena token"
)

// The messages of the arena, as they are on the wire.
type (
	enterRequest struct {
		Name  string `json:"name"`
		Token string `json:"token"` // from an earlier enter; "" means none
	}
	enterReply struct {
		ID     uint16      `json:"id"`
		Token  string      `json:"token"`
		Rules  arenaRules  `json:"rules"`
		Lines  []arenaLine `json:"lines" ts:"notnull"`
		Roster []rosterRow `json:"roster" ts:"notnull"`
	}
	arenaRules struct {
		Width     float64 `json:"width"`
		Height    float64 `json:"height"`
		PlayerR   float64 `json:"playerR"`
		GemR      float64 `json:"gemR"`
		Walk      float64 `json:"walk"`
		Dash      float64 `json:"dash"`
		DashTime  int64   `json:"dashTime"`  // ms
		DashPause int64   `json:"dashPause"` // ms
		Ticks     int     `json:"ticks"`     // per second
	}
	rosterRow struct {
		ID   uint16 `json:"id"`
		Name string `json:"name"`
		Hue  int    `json:"hue"`
		Bot  bool   `json:"bot"`
	}
	arenaLine struct {
		ID   uint64 `json:"id"`
		From uint16 `json:"from"`
		Name string `json:"name"`
		Hue  int    `json:"hue"`
		Text string `json:"text"`
	}
	pulse struct {
		RTT    map[uint16]float64 `json:"rtt" ts:"notnull"` // ms, by player
		Server statsReport        `json:"server"`
		// Replaced counts the states that were replaced by a newer one, since the start.
		Replaced int64 `json:"replaced"`
	}
)

var rules = arenaRules{
	Width: arenaWidth, Height: arenaHeight, PlayerR: playerR, GemR: gemR, Walk: walkSpeed,
	Dash:     dashSpeed,
	DashTime: dashTime.Milliseconds(), DashPause: dashPause.Milliseconds(), Ticks: ticksPerSec,
}

// newArena registers the game on the namespace /arena. run makes it move.
func newArena(srv *smartsocket.Server) *arena {
	ns := srv.Namespace("/arena")
	a := &arena{ns: ns, wake: make(chan struct{}, 1),
		world: newWorld(mathrand.New(mathrand.NewPCG(uint64(time.Now().UnixNano()), 1)))}
	srv.SetEventRateLimit("i", smartsocket.Limit{Window: time.Second, MaxRequests: 120})
	srv.SetEventRateLimit("talk", smartsocket.Limit{Window: 10 * time.Second, MaxRequests: 10})
	srv.SetEventRateLimit("enter", smartsocket.Limit{Window: 10 * time.Second, MaxRequests: 10})
	ns.SetEmitOptions("s", smartsocket.State(""))
	ns.OnConnected(a.back)
	ns.OnDisconnected(func(s *smartsocket.Socket, _ smartsocket.Reason) { a.left(s) })
	smartsocket.Handle(ns, "enter", a.enter)
	smartsocket.Handle(ns, "talk", a.talk)
	//smartsocket:ts Uint8Array
	ns.On("i", a.input, smartsocket.Inline)
	smartsocket.On(ns, "rtt", func(s *smartsocket.Socket, ms float64, ack smartsocket.Ack) {
		a.measured(s, ms)
		ack.Reply(nil)
	}, smartsocket.Inline)
	ns.On("drop", func(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) {
		s.DisconnectWith(closeDropped, "dropped on request")
	})
	return a
}

// run moves the world until ctx ends, and sends the statistics once a second.
func (a *arena) run(ctx context.Context, srv *smartsocket.Server) {
	ticker := time.NewTicker(time.Second / ticksPerSec)
	defer ticker.Stop()
	last := time.Now()
	for {
		if a.ns.RoomLen(arenaRoom) == 0 {
			select {
			case <-ctx.Done():
				return
			case <-a.wake:
				last = time.Now()
			}
		}
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			// A late tick moves as far as necessary, but not so far that a player passes through
			// another.
			a.tick(now, min(now.Sub(last).Seconds(), 0.05))
			if now.Unix() != last.Unix() {
				a.report(srv, now)
			}
			last = now
		}
	}
}

// tick moves the world once and tells everyone.
func (a *arena) tick(now time.Time, dt float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	hits := a.world.step(now, dt)
	var buf [4096]byte
	room := a.room()
	_, _ = room.Emit("s", a.world.appendSnapshot(buf[:0], now))
	for _, h := range hits {
		_, _ = room.Emit("hit", h)
	}
}

// report sends the statistics, and forgets the players whose clients stayed away.
func (a *arena) report(srv *smartsocket.Server, now time.Time) {
	p := pulse{RTT: make(map[uint16]float64), Server: reportOf(srv.Stats()),
		Replaced: srv.ConnectionStats().StateReplaced}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.forget(now) {
		a.sendRoster()
	}
	for _, q := range a.world.players {
		if !q.bot && !q.away {
			p.RTT[q.id] = q.rtt
		}
	}
	_, _ = a.room().Emit("pulse", p)
}

// forget removes the players whose clients stayed away, and reports whether there were any. mu is
// held.
func (a *arena) forget(now time.Time) bool {
	n := len(a.world.players)
	a.world.players = slices.DeleteFunc(a.world.players, func(p *player) bool {
		return p.away && now.Sub(p.leftAt) > awayTime
	})
	return len(a.world.players) != n
}

// sendRoster tells everyone who is here. mu is held.
//
//smartsocket:ts rosterRow[]
func (a *arena) sendRoster() { _, _ = a.room().Emit("roster", a.roster()) }

// room is everyone who plays on this server. Each of several servers has an arena of its own.
func (a *arena) room() *smartsocket.Target { return a.ns.Local().To(arenaRoom) }

func (a *arena) roster() []rosterRow {
	rows := make([]rosterRow, 0, len(a.world.players))
	for _, p := range a.world.players {
		rows = append(rows, rosterRow{p.id, p.name, p.hue, p.bot})
	}
	return rows
}

// enter gives a client a player: the one that its token names if that is still here, otherwise a
// new one.
func (a *arena) enter(s *smartsocket.Socket, req enterRequest) (enterReply, error) {
	name, err := cleanLine(req.Name, maxNameRunes, "name")
	if err != nil {
		return enterReply{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	p, _ := s.Get(arenaToken).(*player)
	if p == nil || a.world.byID(p.id) != p {
		if p, err = a.claim(req.Token); err != nil {
			return enterReply{}, err
		}
		s.Set(arenaToken, p)
	}
	p.name, p.away, p.owner = name, false, s.ID()
	if err := s.Join(arenaRoom); err != nil {
		return enterReply{}, err
	}
	a.sendRoster()
	select {
	case a.wake <- struct{}{}:
	default:
	}
	return enterReply{ID: p.id, Token: p.token, Rules: rules,
		Lines: append([]arenaLine{}, a.history...), Roster: a.roster()}, nil
}

// claim finds the player of a token, or makes one. mu is held.
func (a *arena) claim(token string) (*player, error) {
	for _, p := range a.world.players {
		if !p.bot && subtle.ConstantTimeCompare([]byte(p.token), []byte(token)) == 1 {
			return p, nil
		}
	}
	if len(a.world.players) >= maxPlayers {
		a.forget(time.Now()) // nobody reports while nobody plays
	}
	if len(a.world.players) >= maxPlayers {
		return nil, rejected("the arena is full: try again in a minute")
	}
	p := a.world.add("")
	var raw [16]byte
	rand.Read(raw[:])
	p.token = base64.RawURLEncoding.EncodeToString(raw[:])
	return p, nil
}

func (a *arena) playerOf(s *smartsocket.Socket) *player {
	p, _ := s.Get(arenaToken).(*player)
	return p
}

// back runs for every connection. A client whose session continued still has its player.
func (a *arena) back(s *smartsocket.Socket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.playerOf(s); p != nil {
		p.away = false
	}
}

func (a *arena) left(s *smartsocket.Socket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.playerOf(s); p != nil && p.owner == s.ID() {
		p.away, p.leftAt, p.ax, p.ay = true, time.Now(), 0, 0
	}
}

// input is 3 bytes: flags (1 means dash) and the direction.
func (a *arena) input(s *smartsocket.Socket, d smartsocket.Data, _ smartsocket.Ack) {
	b := d.Bytes()
	p := a.playerOf(s)
	if p == nil || !d.Binary() || len(b) != 3 {
		return
	}
	a.mu.Lock()
	p.steer(int8(b[1]), int8(b[2]), b[0]&1 != 0, time.Now())
	a.mu.Unlock()
}

// measured keeps the round-trip time that a client measured, to show it to the others.
func (a *arena) measured(s *smartsocket.Socket, ms float64) {
	p := a.playerOf(s)
	if p == nil || math.IsNaN(ms) {
		return
	}
	a.mu.Lock()
	p.rtt = math.Round(min(max(ms, 0), 60_000)*10) / 10
	a.mu.Unlock()
}

// talk sends a line to everyone.
func (a *arena) talk(s *smartsocket.Socket, text string) (uint64, error) {
	text, err := cleanText(text)
	if err != nil {
		return 0, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.playerOf(s)
	if p == nil {
		return 0, rejected("you are not in the arena: send enter first")
	}
	a.lastID++
	line := arenaLine{a.lastID, p.id, p.name, p.hue, text}
	if len(a.history) == maxHistory {
		a.history = slices.Delete(a.history, 0, 1)
	}
	a.history = append(a.history, line)
	_, err = a.room().Emit("said", line)
	return line.ID, err
}
