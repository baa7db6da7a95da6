package main

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// The rules of the arena, in its own units and in seconds. The page is told those that it needs to
// predict its own player.
const (
	arenaWidth  = 1600.0
	arenaHeight = 900.0
	playerR     = 17.0
	gemR        = 9.0
	walkSpeed   = 280.0
	dashSpeed   = 840.0
	dashTime    = 160 * time.Millisecond
	dashPause   = 1200 * time.Millisecond
	safeTime    = 1500 * time.Millisecond
	gemCount    = 28
	botCount    = 5
	maxPlayers  = 200
	ticksPerSec = 60
	dashGem     = 3 // the most that a dash into another player takes from it
)

// player is one circle. All of it is guarded by the arena's lock.
type player struct {
	id        uint16
	name      string
	hue       int
	bot       bool
	away      bool // its client is gone and may come back
	leftAt    time.Time
	token     string // with it another connection takes over the player
	owner     string // id of the socket that steers the player
	x, y      float64
	ax, ay    int8 // direction that it wants to take, each from -127 to 127
	dashUntil time.Time
	dashFrom  time.Time // no dash before this time
	safeUntil time.Time // nobody can take its gems before this time
	score     int
	rtt       float64 // as its client measured it, in ms
}

// world is the simulation, without clients and without a clock.
type world struct {
	players []*player
	gems    [gemCount]struct{ x, y float64 }
	tick    uint32
	lastID  uint16
	random  *rand.Rand
}

// hit is a dash that took something.
type hit struct {
	By   uint16 `json:"by"`
	From uint16 `json:"from"`
	Gems int    `json:"gems"`
}

func newWorld(random *rand.Rand) *world {
	w := &world{random: random}
	for i := range w.gems {
		w.placeGem(i)
	}
	for i := range botCount {
		b := w.add("Bot " + string(rune('A'+i)))
		b.bot = true
		b.hue = 0
	}
	return w
}

func (w *world) placeGem(i int) {
	w.gems[i].x = math.Round(40 + w.random.Float64()*(arenaWidth-80))
	w.gems[i].y = math.Round(40 + w.random.Float64()*(arenaHeight-80))
}

// add puts a new player somewhere.
func (w *world) add(name string) *player {
	for {
		w.lastID++
		if w.lastID != 0 && w.byID(w.lastID) == nil {
			break
		}
	}
	p := &player{id: w.lastID, name: name, hue: int(w.lastID) * 137 % 360}
	p.x = playerR + w.random.Float64()*(arenaWidth-2*playerR)
	p.y = playerR + w.random.Float64()*(arenaHeight-2*playerR)
	w.players = append(w.players, p)
	return p
}

func (w *world) byID(id uint16) *player {
	if i := slices.IndexFunc(w.players, func(p *player) bool { return p.id == id }); i >= 0 {
		return w.players[i]
	}
	return nil
}

// steer records what a client wants. A dash needs a direction.
func (p *player) steer(ax, ay int8, dash bool, now time.Time) {
	p.ax, p.ay = max(ax, -127), max(ay, -127)
	if dash && (p.ax != 0 || p.ay != 0) && !now.Before(p.dashFrom) {
		p.dashUntil = now.Add(dashTime)
		p.dashFrom = now.Add(dashPause)
	}
}

// step advances the world by dt and returns the hits.
func (w *world) step(now time.Time, dt float64) (hits []hit) {
	w.tick++
	for _, p := range w.players {
		if p.bot {
			w.think(p, now)
		}
		if !p.away {
			p.move(now, dt)
			w.collect(p)
		}
	}
	for _, p := range w.players {
		if p.away || !now.Before(p.dashUntil) {
			continue
		}
		for _, q := range w.players {
			if h, ok := strike(p, q, now); ok {
				hits = append(hits, h)
			}
		}
	}
	return hits
}

func (p *player) move(now time.Time, dt float64) {
	ax, ay := float64(p.ax)/127, float64(p.ay)/127
	if length := math.Hypot(ax, ay); length > 1 {
		ax, ay = ax/length, ay/length
	}
	speed := walkSpeed
	if now.Before(p.dashUntil) {
		speed = dashSpeed
	}
	p.x = min(max(p.x+ax*speed*dt, playerR), arenaWidth-playerR)
	p.y = min(max(p.y+ay*speed*dt, playerR), arenaHeight-playerR)
}

func (w *world) collect(p *player) {
	for i, g := range w.gems {
		if math.Hypot(g.x-p.x, g.y-p.y) < playerR+gemR {
			p.score = min(p.score+1, math.MaxUint16)
			w.placeGem(i)
		}
	}
}

// strike lets p, which dashes, take gems from q if they touch.
func strike(p, q *player, now time.Time) (hit, bool) {
	if p == q || q.away || q.score == 0 || now.Before(q.safeUntil) ||
		math.Hypot(p.x-q.x, p.y-q.y) > 2*playerR {
		return hit{}, false
	}
	n := min(q.score, dashGem)
	q.score -= n
	p.score = min(p.score+n, math.MaxUint16)
	q.safeUntil = now.Add(safeTime)
	return hit{By: p.id, From: q.id, Gems: n}, true
}

// think steers a bot to the nearest gem, but not quite straight.
func (w *world) think(p *player, now time.Time) {
	if w.random.IntN(12) > 0 {
		return
	}
	best, at := math.MaxFloat64, 0
	for i, g := range w.gems {
		if d := math.Hypot(g.x-p.x, g.y-p.y); d < best {
			best, at = d, i
		}
	}
	angle := math.Atan2(w.gems[at].y-p.y, w.gems[at].x-p.x) + (w.random.Float64()-0.5)*0.7
	p.steer(int8(75*math.Cos(angle)), int8(75*math.Sin(angle)), w.random.IntN(60) == 0, now)
}

// The flags of a player in a snapshot.
const (
	flagDash = 1 << iota
	flagSafe
	flagBot
	flagAway
)

// appendSnapshot appends everything that moves, little endian:
//
//	tick u32 | time in ms since 1970 f64 | players u8 | gems u8
//	each player: id u16 | x*32 u16 | y*32 u16 | ax i8 | ay i8 | flags u8 | score u16
//	each gem: x u16 | y u16
func (w *world) appendSnapshot(b []byte, now time.Time) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, w.tick)
	b = le.AppendUint64(b, math.Float64bits(float64(now.UnixMicro())/1000))
	b = append(b, byte(len(w.players)), gemCount)
	for _, p := range w.players {
		b = le.AppendUint16(b, p.id)
		b = le.AppendUint16(b, uint16(p.x*32))
		b = le.AppendUint16(b, uint16(p.y*32))
		b = append(b, byte(p.ax), byte(p.ay), p.flags(now))
		b = le.AppendUint16(b, uint16(p.score))
	}
	for _, g := range w.gems {
		b = le.AppendUint16(b, uint16(g.x))
		b = le.AppendUint16(b, uint16(g.y))
	}
	return b
}

func (p *player) flags(now time.Time) (f byte) {
	if now.Before(p.dashUntil) {
		f |= flagDash
	}
	if now.Before(p.safeUntil) {
		f |= flagSafe
	}
	if p.bot {
		f |= flagBot
	}
	if p.away {
		f |= flagAway
	}
	return f
}
