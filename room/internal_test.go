//go:build linux || darwin

package room

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/race"
	"github.com/smartsocket/smartsocket/internal/testclock"
	"github.com/smartsocket/smartsocket/room/state"
)

// server is one without a network.
func server(t testing.TB) *smartsocket.Server {
	t.Helper()
	v, err := smartsocket.New(smartsocket.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// An idle room costs memory alone, and little of it.
func TestIdleRoomsCostLittle(t *testing.T) {
	const n = 10_000
	type arena struct {
		Phase string
		Left  int
		Ships map[string]int
	}
	k := Register(server(t).Namespace("/"), Options[arena]{
		Name: "arena", Rate: 30, Empty: Forever, Seats: time.Minute,
		OnTick: func(*Room[arena]) { t.Error("an empty room has ticked") },
	})
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint("room ", i)
	}
	goroutines, before := runtime.NumGoroutine(), heap()
	for _, name := range names {
		if _, err := k.Create(name, "duel"); err != nil {
			t.Fatal(err)
		}
	}
	each := (heap() - before) / n
	t.Logf("an idle room takes %d bytes", each)
	if each > 1024 && !race.Enabled {
		t.Errorf("an idle room takes %d bytes, more than 1024", each)
	}
	if len(k.schedule.heap) != 0 || k.schedule.set != 0 {
		t.Errorf("%d idle rooms are in the schedule", len(k.schedule.heap))
	}
	if now := runtime.NumGoroutine(); now > goroutines {
		t.Errorf("%d goroutines, before there were %d", now, goroutines)
	}
	runtime.KeepAlive(k)
}

// A tick costs no allocation, whoever is in the room and whatever he sees.
func TestTicksDoNotAllocate(t *testing.T) {
	const players = 16
	var clock testclock.Clock
	v := server(t)
	v.UseClock(&clock)
	ns := v.Namespace("/")
	type ship struct {
		X    float64 `state:"x,min=0,max=1000,step=0.1"`
		Y    float64 `state:"y,min=0,max=1000,step=0.1"`
		Gold int     `state:"gold,owner"`
	}
	type sea struct {
		Wind  int                     `state:"wind"`
		Ships state.Map[string, ship] `state:"ships"`
	}
	ticks, inputs := 0, 0
	ships := func(s *sea) *state.Map[string, ship] { return &s.Ships }
	k := Register(ns, Options[sea]{
		Name: "sea", Rate: 30,
		Interest: SeeNear(Grid{Cell: 500, Reach: 1}, ships,
			func(s *ship) (x, y float64) { return s.X, s.Y },
			func(r *Room[sea], m *Member) (x, y float64, limited bool) {
				s := r.State.Ships.Get(m.Key())
				return s.X, s.Y, true
			}),
		OnEnter: func(r *Room[sea], m *Member) error {
			r.State.Ships.Put(m.Key(), ship{X: float64(50 * len(r.seats))})
			return nil
		},
		OnInput: func(r *Room[sea], m *Member, in Input) {
			inputs += len(in.Bytes())
			r.State.Ships.Get(m.Key()).X++
		},
		OnTick: func(r *Room[sea]) {
			ticks++
			r.State.Wind++
			_, _ = r.Emit("gust", &r.out.message, volatile...)
		},
	})
	r, err := k.Create("", nil)
	if err != nil {
		t.Fatal(err)
	}
	received := 0
	for range players {
		s := ns.Captive(func(frame.Opcode, []byte) { received++ })
		if _, err := r.Enter(s, nil); err != nil {
			t.Fatal(err)
		}
	}
	seq := uint64(0)
	data := []byte("turn left")
	tick := func() {
		seq++
		for _, m := range r.seats {
			r.queued(&waiting{m: m, seq: seq}, data)
		}
		r.next = k.schedule.now() // the clock stands still
		r.wake()
	}
	for range 100 {
		tick()
	}
	allocs := testing.AllocsPerRun(300, tick)
	t.Logf("%d ticks, %d bytes of input, %d messages", ticks, inputs, received)
	if ticks != 401 || inputs != ticks*players*len(data) || received < 2*ticks*players {
		t.Errorf("%d ticks had %d bytes of input and %d messages", ticks, inputs, received)
	}
	if allocs != 0 && !race.Enabled {
		t.Errorf("a tick allocates %v times", allocs)
	}
}

// The schedule calls whoever is due, in any order of planning.
func TestScheduleIsAHeap(t *testing.T) {
	s := newSchedule(server(t))
	defer s.alarm.Stop()
	random := rand.New(rand.NewPCG(1, 2))
	const hour = time.Hour
	entries := make([]*entry, 200)
	for i := range entries {
		entries[i] = &entry{owner: new(turns)}
	}
	for range 5000 {
		e := entries[random.IntN(len(entries))]
		at := hour + time.Duration(random.IntN(1000))*time.Second
		if random.IntN(4) == 0 {
			at = 0
		}
		s.plan(e, at)
	}
	var want []time.Duration
	for _, e := range entries {
		if e.at != 0 {
			want = append(want, e.at)
		}
	}
	slices.Sort(want)
	var got []time.Duration
	for len(s.heap) > 0 {
		got = append(got, s.heap[0].due)
		s.remove(s.heap[0])
	}
	if !slices.Equal(got, want) {
		t.Errorf("the schedule has %d times, want %d, in order", len(got), len(want))
	}
}

// Turns never overlap, and all that is posted is done, whatever ends its goroutine.
func TestTurnsNeverOverlap(t *testing.T) {
	k := Register(server(t).Namespace("/"), Options[int]{Name: "counter"})
	r, err := k.Create("", nil)
	if err != nil {
		t.Fatal(err)
	}
	const workers, each = 8, 500
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range each {
				r.Do(func(r *Room[int]) { r.State++ })
				_ = r.Call(func(r *Room[int]) error { r.State++; return nil })
			}
		})
	}
	all.Wait()
	_ = r.Call(func(r *Room[int]) error {
		if r.State != 2*workers*each {
			t.Errorf("%d of %d were done", r.State, 2*workers*each)
		}
		return nil
	})
	all.Go(func() {
		_ = r.Call(func(*Room[int]) error { runtime.Goexit(); return nil })
	})
	all.Wait()
	if err := r.Call(func(*Room[int]) error { return nil }); err != error(ErrFailed) {
		t.Errorf("after the end of a goroutine: %v", err)
	}
}

func TestDueTicks(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		late      time.Duration
		run, skip int
	}{
		{0, 1, 0}, {9 * ms, 1, 0}, {10 * ms, 2, 0}, {29 * ms, 3, 0}, {30 * ms, 3, 1},
		{999 * ms, 3, 97},
	} {
		if run, skip := dueTicks(c.late, 10*ms, 3); run != c.run || skip != c.skip {
			t.Errorf("late by %v: %d run and %d are left out", c.late, run, skip)
		}
	}
}

// Rooms of one rate spread over the milliseconds of their step.
func TestPhasesSpread(t *testing.T) {
	const step = time.Second / 30
	count := make(map[int64]int)
	for serial := range uint64(330) {
		count[phase(serial, step)]++
	}
	for at, n := range count {
		if n > 15 || at%int64(time.Millisecond) != 0 || at < 0 || at >= int64(step) {
			t.Errorf("%d rooms tick at %v", n, time.Duration(at))
		}
	}
	if len(count) < 33 {
		t.Errorf("%d phases", len(count))
	}
	for _, now := range []time.Duration{1, step - 1, step, step + 1, 7*step + 5e6, 1e15} {
		at := firstTick(now, step, 5e6)
		if at <= now || at > now+step || (at-5e6)%step != 0 {
			t.Errorf("the first tick after %v is at %v", now, at)
		}
	}
}

// Who asks twice at once gets one seat, and no error.
func TestPlacedTwiceAtOnce(t *testing.T) {
	opened, release := make(chan *Room[int], 1), make(chan struct{})
	k := Register(server(t).Namespace("/"), Options[int]{
		Name: "arena", Capacity: 1,
		OnOpen: func(r *Room[int]) error { opened <- r; <-release; return nil },
	})
	s := k.ns.Captive(func(frame.Opcode, []byte) {})
	got := make(chan *Member, 2)
	place := func() {
		_, m, err := k.Place(s, Wish[int]{})
		if err != nil {
			t.Error(err)
		}
		got <- m
	}
	go place()
	r := <-opened
	go place()
	for waiting := 0; waiting == 0; runtime.Gosched() {
		r.mu.Lock()
		waiting = len(r.jobs)
		r.mu.Unlock()
	}
	close(release)
	if a, b := <-got, <-got; a == nil || a != b || r.Len() != 1 {
		t.Errorf("members %p and %p, %d seats", a, b, r.Len())
	}
	r.Leave(s)
	if r.Len() != 0 || len(k.holders) != 0 {
		t.Errorf("%d seats are left, %d holders", r.Len(), len(k.holders))
	}
}
