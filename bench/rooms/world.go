package rooms

import (
	"iter"
	"math"
	"math/rand/v2"

	"github.com/smartsocket/smartsocket/room/state"
)

// Arena is the state of one room.
type Arena struct {
	Phase   string                    `state:"phase,enum=lobby|play|over"`
	Left    int                       `state:"left,min=0,max=3600"` // seconds
	Players state.Map[string, Player] `state:"players"`
}

// Plain is the same, as people write it for JSON.
type Plain struct {
	Phase   string             `json:"phase"`
	Left    int                `json:"left"`
	Players map[string]*Player `json:"players"`
}

// Player is one of 16. A field is 1000 units wide.
type Player struct {
	Name   string  `state:"name" json:"name"`
	X      float64 `state:"x,min=0,max=1000,step=0.1" json:"x"`
	Y      float64 `state:"y,min=0,max=1000,step=0.1" json:"y"`
	Angle  float64 `state:"angle,min=0,max=6.3,step=0.01" json:"angle"`
	Health int     `state:"health,min=0,max=100" json:"health"`
	Score  int     `state:"score" json:"score"`
	Weapon string  `state:"weapon,enum=sword|bow|staff" json:"weapon"`
	Alive  bool    `state:"alive" json:"alive"`
}

// Steer is what a player wants: where to.
type Steer struct {
	Angle float64 `json:"angle"`
}

const speed = 120 // units a second

// newPlayer is somebody somewhere.
func newPlayer(key string, random *rand.Rand) Player {
	return Player{Name: "Player " + key, X: 1000 * random.Float64(), Y: 1000 * random.Float64(),
		Health: 100, Weapon: "bow", Alive: true}
}

// steer turns a player.
func (p *Player) steer(s Steer) { p.Angle = math.Mod(math.Abs(s.Angle), 2*math.Pi) }

// step moves everybody on by dt seconds. Three of four players move, the others stand. Now and then
// somebody is hit.
func step(players iter.Seq[*Player], tick uint64, dt float64) {
	i := uint64(0)
	for p := range players {
		i++
		if i%4 != 0 {
			p.X = bounce(p.X+speed*dt*math.Cos(p.Angle), &p.Angle)
			p.Y = bounce(p.Y+speed*dt*math.Sin(p.Angle), &p.Angle)
		}
		if (tick+i)%45 == 0 {
			p.Health = (p.Health + 93) % 101
			p.Score++
		}
	}
}

// left is how many seconds a game still has.
func left(tick uint64, dt float64) int { return 3600 - int(float64(tick)*dt)%3600 }

// bounce keeps a coordinate in the field and turns who has hit its edge.
func bounce(v float64, angle *float64) float64 {
	if v >= 0 && v <= 1000 {
		return v
	}
	*angle = math.Mod(*angle+math.Pi*0.7, 2*math.Pi)
	return min(max(v, 0), 1000)
}
