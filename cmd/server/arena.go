package main

import (
	crand "crypto/rand"
	"math"
	"math/rand/v2"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/room"
	"github.com/smartsocket/smartsocket/room/state"
)

// The rules of the arena, in its own units, in seconds and in ticks.
const (
	arenaWidth, arenaHeight = 1600.0, 900.0
	playerR, gemR           = 17.0, 9.0
	walkSpeed, dashSpeed    = 280.0, 840.0
	ticksPerSec             = 60
	// A dash takes up to three gems from another player. No two hits follow within safeTicks.
	dashGems, dashTicks, dashPause, safeTicks = 3, 10, 72, 90
	gemCount, botCount, maxPlayers            = 28, 5, 100
)

// rules are those that the page needs to predict its own player.
var rules = map[string]float64{"width": arenaWidth, "height": arenaHeight, "playerR": playerR,
	"gemR": gemR, "walk": walkSpeed, "dash": dashSpeed, "dashTicks": dashTicks,
	"dashPause": dashPause, "ticks": ticksPerSec}

type (
	// arena is what the pages see of one room. It is a simulation without clients and a clock.
	arena struct {
		Players state.Map[uint32, player] `state:"players"`
		Gems    state.Map[uint8, gem]     `state:"gems"`
		Lines   state.List[arenaLine]     `state:"lines"` // the end of the conversation

		random           *rand.Rand
		lastID, lastLine uint32
	}
	player struct {
		Name  string  `state:"name"`
		Hue   int     `state:"hue"`
		Bot   bool    `state:"bot"`
		Away  bool    `state:"away"` // its client is gone and may come back
		X     float64 `state:"x,min=0,max=1600,step=0.125"`
		Y     float64 `state:"y,min=0,max=1600,step=0.125"`
		AX    int8    `state:"ax"` // where it wants to go, each from -127 to 127
		AY    int8    `state:"ay"`
		Dash  bool    `state:"dash"`
		Safe  bool    `state:"safe"` // nobody can take its gems
		Score int     `state:"score"`
		RTT   float64 `state:"rtt,min=0,max=60000,step=0.1"` // in ms, as its client has measured

		dashUntil, dashFrom, safeUntil uint64 // ticks; no dash before dashFrom
	}
	gem struct {
		X int `state:"x"`
		Y int `state:"y"`
	}
	arenaLine struct {
		ID   uint32 `state:"id,key"`
		Name string `state:"name"`
		Hue  int    `state:"hue"`
		Text string `state:"text"`
	}
	hit          [3]uint32 // a dash: who took, from whom, how many gems
	enterRequest struct {
		Name  string `json:"name"`
		Token string `json:"token"` // from an earlier enter; "" means none
	}
	enterReply struct {
		ID    uint32             `json:"id"`
		Token string             `json:"token"`
		Rules map[string]float64 `json:"rules" ts:"notnull"`
	}
)

// newArena registers the game on the namespace /arena, in rooms for 100 players.
func newArena(srv *smartsocket.Server) *room.Rooms[arena] {
	ns := srv.Namespace("/arena")
	srv.SetEventRateLimit("arena:input", smartsocket.Limit{Window: time.Second, MaxRequests: 120})
	srv.SetEventRateLimit("talk", smartsocket.Limit{Window: 10 * time.Second, MaxRequests: 10})
	srv.SetEventRateLimit("enter", smartsocket.Limit{Window: 10 * time.Second, MaxRequests: 10})
	away := func(is bool) func(*room.Room[arena], *room.Member) {
		return func(r *room.Room[arena], m *room.Member) {
			p := r.State.of(m)
			p.Away, p.AX, p.AY = is, 0, 0
		}
	}
	arenas := room.Register(ns, room.Options[arena]{
		Name: "arena", Rate: ticksPerSec, Capacity: maxPlayers,
		Seats: 30 * time.Second, Empty: time.Hour,
		Key: func(s *smartsocket.Socket) string { return smartsocket.Value[string](s, "token") },
		OnOpen: func(r *room.Room[arena]) error {
			r.State.open(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
			return nil
		},
		OnEnter: func(r *room.Room[arena], m *room.Member) error {
			m.Value = r.State.add(m.Value.(string))
			return nil
		},
		OnInput: func(r *room.Room[arena], m *room.Member, in room.Input) {
			var wish [3]int8 // direction, and 1 to dash
			if in.Decode(&wish) == nil {
				r.State.of(m).steer(wish[0], wish[1], wish[2] == 1, r.Tick())
			}
		},
		OnTick: func(r *room.Room[arena]) {
			for _, h := range r.State.step(r.Tick(), r.Delta()) {
				_, _ = r.Emit("hit", h)
			}
			if r.Tick()%ticksPerSec == 0 {
				_, _ = r.Emit("pulse", reportOf(srv.Stats()))
			}
		},
		OnAway: away(true), OnBack: away(false),
		OnLeave: func(r *room.Room[arena], m *room.Member, _ error) {
			r.State.Players.Delete(m.Value.(uint32))
		},
	})
	// enter gives a client the player of its token, or a new one, and that the name.
	smartsocket.Handle(ns, "enter", func(s *smartsocket.Socket, q enterRequest) (
		enterReply, error,
	) {
		name, err := cleanLine(q.Name, maxNameRunes, "name")
		if err != nil {
			return enterReply{}, err
		}
		if fresh := crand.Text(); len(q.Token) != len(fresh) {
			q.Token = fresh
		}
		s.Set("token", q.Token)
		r, m, err := arenas.Place(s, room.Wish[arena]{Value: name})
		if err != nil {
			return enterReply{}, err
		}
		r.Do(func(r *room.Room[arena]) {
			if p := r.State.of(m); p != nil {
				p.Name = name
			}
		})
		return enterReply{m.Value.(uint32), m.Key(), rules}, nil
	})
	room.Handle(arenas, "talk", talk)
	room.On(arenas, "rtt", func(r *room.Room[arena], m *room.Member, ms float64) {
		r.State.of(m).RTT = ms
	})
	ns.On("drop", dropped)
	return arenas
}

// talk shows a line to everyone.
func talk(r *room.Room[arena], m *room.Member, text string) (any, error) {
	text, err := cleanText(text)
	if err != nil {
		return nil, err
	}
	w, p := &r.State, r.State.of(m)
	w.lastLine++
	w.Lines.Append(arenaLine{w.lastLine, p.Name, p.Hue, text})
	w.Lines.DeleteFunc(func(l *arenaLine) bool { return l.ID+maxHistory <= w.lastLine })
	return nil, nil
}

func (w *arena) open(random *rand.Rand) {
	w.random = random
	for i := range uint8(gemCount) {
		w.place(w.Gems.Put(i, gem{}))
	}
	for i := range botCount {
		b := w.Players.Get(w.add("Bot " + string(rune('A'+i))))
		b.Bot, b.Hue = true, 0
	}
}

func (w *arena) place(g *gem) {
	g.X, g.Y = 40+w.random.IntN(arenaWidth-80), 40+w.random.IntN(arenaHeight-80)
}

// add puts a new player somewhere.
func (w *arena) add(name string) (id uint32) {
	w.lastID++
	w.Players.Put(w.lastID, player{Name: name, Hue: int(w.lastID) * 137 % 360,
		X: playerR + w.random.Float64()*(arenaWidth-2*playerR),
		Y: playerR + w.random.Float64()*(arenaHeight-2*playerR)})
	return w.lastID
}

// of is a member's player.
func (w *arena) of(m *room.Member) *player { return w.Players.Get(m.Value.(uint32)) }

// steer records what a client wants. A dash needs a direction.
func (p *player) steer(ax, ay int8, dash bool, tick uint64) {
	p.AX, p.AY = max(ax, -127), max(ay, -127)
	if dash && (p.AX != 0 || p.AY != 0) && tick >= p.dashFrom {
		p.dashUntil, p.dashFrom = tick+dashTicks, tick+dashPause
	}
}

// step moves everything by a tick of dt seconds and returns the hits.
func (w *arena) step(tick uint64, dt float64) (hits []hit) {
	for _, p := range w.Players.All() {
		if p.Bot && w.random.IntN(12) == 0 {
			w.think(p, tick)
		}
		if p.Dash, p.Safe = tick < p.dashUntil && !p.Away, tick < p.safeUntil; !p.Away {
			w.move(p, dt)
		}
	}
	for by, p := range w.Players.All() {
		for from, q := range w.Players.All() {
			if p.Dash && p != q && !q.Away && q.Score > 0 && tick >= q.safeUntil &&
				math.Hypot(p.X-q.X, p.Y-q.Y) < 2*playerR {
				n := min(q.Score, dashGems)
				p.Score, q.Score, q.safeUntil = p.Score+n, q.Score-n, tick+safeTicks
				hits = append(hits, hit{by, from, uint32(n)})
			}
		}
	}
	return hits
}

// move takes a player on, and lets it collect.
func (w *arena) move(p *player, dt float64) {
	way := walkSpeed * dt / max(127, math.Hypot(float64(p.AX), float64(p.AY)))
	if p.Dash {
		way *= dashSpeed / walkSpeed
	}
	p.X = min(max(p.X+float64(p.AX)*way, playerR), arenaWidth-playerR)
	p.Y = min(max(p.Y+float64(p.AY)*way, playerR), arenaHeight-playerR)
	for _, g := range w.Gems.All() {
		if math.Hypot(float64(g.X)-p.X, float64(g.Y)-p.Y) < playerR+gemR {
			p.Score++
			w.place(g)
		}
	}
}

// think steers a bot to the nearest gem, but not quite straight.
func (w *arena) think(p *player, tick uint64) {
	best, angle := math.MaxFloat64, 0.0
	for _, g := range w.Gems.All() {
		x, y := float64(g.X)-p.X, float64(g.Y)-p.Y
		if d := math.Hypot(x, y); d < best {
			best, angle = d, math.Atan2(y, x)
		}
	}
	angle += (w.random.Float64() - 0.5) * 0.7
	p.steer(int8(75*math.Cos(angle)), int8(75*math.Sin(angle)), w.random.IntN(60) == 0, tick)
}
