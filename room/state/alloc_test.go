package state

import (
	"fmt"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/race"
)

type mover struct {
	Name  string  `state:"name"`
	X     float64 `state:"x,min=0,max=1000,step=0.1"`
	Y     float64 `state:"y,min=0,max=1000,step=0.1"`
	Angle float32 `state:"angle"`
	Score int     `state:"score"`
	Alive bool    `state:"alive"`
	Kind  string  `state:"kind,enum=red|blue"`
	Cards []int   `state:"cards,owner"`
}

type crowd struct {
	Left    int                `state:"left"`
	Movers  Map[string, mover] `state:"movers"`
	Bullets List[bullet]       `state:"bullets"`
}

type bullet struct {
	ID int     `state:"id,key"`
	X  float64 `state:"x,step=0.5"`
}

func newCrowd(t testing.TB, n int) (*crowd, *Encoder) {
	a := &crowd{}
	e, err := NewEncoder(a, time.Second/30)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		a.Movers.Put(fmt.Sprint("player", i), mover{
			Name: fmt.Sprint("Player ", i), X: float64(i), Alive: true, Kind: "red",
		})
		a.Bullets.Append(bullet{ID: i})
	}
	return a, e
}

// move changes the crowd as a tick of a game does.
func (a *crowd) move(tick int) {
	a.Left = tick
	for _, m := range a.Movers.All() {
		m.X = float64((tick*7 + int(m.X)) % 1000)
		m.Y = float64(tick % 997)
		m.Angle = float32(tick)
		if tick%8 == 0 {
			m.Kind = "blue"
			for i := range m.Cards {
				m.Cards[i]++
			}
		}
	}
	for _, b := range a.Bullets.All() {
		b.X += 0.5
	}
	if a.Bullets.Len() > 1 {
		a.Bullets.Move(0, a.Bullets.Len()-1)
	}
}

// TestTicksDoNotAllocate: neither finding the changes nor encoding them for clients with and
// without interest and ownership, nor a checksum, nor a snapshot into a buffer that has room.
func TestTicksDoNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for _, n := range []int{1, 16, 1000} {
		a, e := newCrowd(t, n)
		for _, m := range a.Movers.All() {
			m.Cards = []int{1, 2}
		}
		views := []*View{e.View(), e.View(), e.View(), e.View()}
		a.Movers.Own(views[1], "player0")
		a.Movers.Own(views[2], "player0")
		buf := make([]byte, 0, 1<<20)
		tick := 0
		at := time.UnixMicro(0)
		do := func() {
			tick++
			a.move(tick)
			if err := e.Commit(uint64(tick), at); err != nil {
				t.Fatal(err)
			}
			a.Movers.Filter(views[2], func(_ string, m *mover) bool { return int(m.X)%3 != tick%3 })
			a.Bullets.Filter(views[2], func(b *bullet) bool { return b.ID%3 != tick%3 })
			for i, v := range views {
				if i == 3 && tick%4 != 0 {
					continue // it is slow
				}
				if _, any := v.AppendDelta(buf, tick%2 == 0); !any {
					t.Fatal("nothing changed")
				}
			}
			views[0].AppendSnapshot(buf)
		}
		for range 64 {
			do() // until the buffers are as large as they get
		}
		if allocs := testing.AllocsPerRun(64, do); allocs != 0 {
			t.Errorf("%d entries: %v allocations in a tick", n, allocs)
		}
	}
}

// TestBulletsReuseRecords: entries that come and go cost only what the application's Append does.
func TestBulletsReuseRecords(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	a, e := newCrowd(t, 16)
	v, buf, tick := e.View(), make([]byte, 0, 1<<16), 0
	do := func() {
		tick++
		a.Bullets.Delete(0)
		a.Bullets.Append(bullet{ID: 100 + tick})
		if err := e.Commit(uint64(tick), time.UnixMicro(0)); err != nil {
			t.Fatal(err)
		}
		v.AppendDelta(buf, false)
	}
	for range 64 {
		do()
	}
	if allocs := testing.AllocsPerRun(64, do); allocs > 1 {
		t.Errorf("%v allocations for a bullet, Append makes one", allocs)
	}
}
