package rooms

import (
	"bufio"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/room"
	"github.com/smartsocket/smartsocket/room/state"
)

const (
	rate = 30 // ticks a second
	// Ways to send the state.
	deltas    = "deltas"
	snapshots = "snapshots" // one per tick and room, as JSON, by hand
)

// figures are what a server says about itself.
type figures struct {
	CPU      time.Duration // since it was started
	Ticks    int64
	Lateness room.Times
	Busy     room.Times
}

// serve runs one server until its standard input ends. For each line of it it prints its figures.
func serve(way string, perRoom int) error {
	s, err := smartsocket.New(smartsocket.Options{
		Host: "127.0.0.1", Port: -1, MaxConnections: 1 << 16,
		EnableRateLimiting: smartsocket.Disabled, EnableMessageCache: true,
		ConnectionTimeout: 10 * time.Minute, // the players answer no pings
		Logger:            slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	var read func(*figures)
	switch way {
	case deltas:
		read = playRooms(s, perRoom)
	case snapshots:
		read = playByHand(s, perRoom)
	default:
		return fmt.Errorf("there is no way %q to send states", way)
	}
	if err := s.Start(); err != nil {
		return err
	}
	defer s.Close()
	fmt.Println(s.Addr())
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	for in.Scan() {
		f, err := own()
		if err != nil {
			return err
		}
		read(&f)
		if err := out.Encode(f); err != nil {
			return err
		}
	}
	return in.Err()
}

// own reads what every server can say.
func own() (f figures, err error) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return f, err
	}
	f.CPU = time.Duration(used.Utime.Nano() + used.Stime.Nano())
	return f, nil
}

// heap is how much memory is in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// playRooms plays in package room.
func playRooms(s *smartsocket.Server, perRoom int) func(*figures) {
	random := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex // guards random, which all rooms use
	arenas := room.Register(s.Namespace("/"), room.Options[Arena]{
		Name: "arena", Rate: rate, Capacity: perRoom,
		OnEnter: func(r *room.Room[Arena], m *room.Member) error {
			mu.Lock()
			defer mu.Unlock()
			r.State.Phase = "play"
			r.State.Players.Put(m.Key(), newPlayer(m.Key(), random))
			return nil
		},
		OnInput: func(r *room.Room[Arena], m *room.Member, in room.Input) {
			var want Steer
			if in.Decode(&want) == nil {
				r.State.Players.Get(m.Key()).steer(want)
			}
		},
		OnTick: func(r *room.Room[Arena]) {
			step(everybody(&r.State.Players), r.Tick(), r.Delta())
			r.State.Left = left(r.Tick(), r.Delta())
		},
		OnLeave: func(r *room.Room[Arena], m *room.Member, _ error) {
			r.State.Players.Delete(m.Key())
		},
	})
	smartsocket.Handle(s, "play", func(s *smartsocket.Socket, name string) (string, error) {
		_, m, err := arenas.Place(s, room.Wish[Arena]{Label: name})
		if err != nil {
			return "", err
		}
		return m.Key(), nil
	})
	return func(f *figures) {
		stats := arenas.Stats()
		f.Ticks, f.Lateness, f.Busy = stats.Ticks, stats.Lateness, stats.Busy
	}
}

// everybody yields the players of a room.
func everybody(players *state.Map[string, Player]) iter.Seq[*Player] {
	return func(yield func(*Player) bool) {
		for _, p := range players.All() {
			if !yield(p) {
				return
			}
		}
	}
}

// byHand is one room as people write it: a lock, and a snapshot to everybody in each tick.
type byHand struct {
	mu    sync.Mutex
	state Plain
	room  *smartsocket.Target
	tick  uint64
}

// playByHand plays without package room.
func playByHand(s *smartsocket.Server, _ int) func(*figures) {
	var mu sync.Mutex
	rooms, list := make(map[string]*byHand), []*byHand(nil)
	random := rand.New(rand.NewPCG(1, 2))
	smartsocket.Handle(s, "play", func(s *smartsocket.Socket, name string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		r := rooms[name]
		if r == nil {
			r = &byHand{room: s.Namespace().To(name),
				state: Plain{Phase: "play", Players: make(map[string]*Player)}}
			rooms[name], list = r, append(list, r)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		p := newPlayer(s.ID(), random)
		r.state.Players[s.ID()] = &p
		s.Set("room", r)
		return s.ID(), s.Join(name)
	})
	smartsocket.On(s, "arena:input", func(s *smartsocket.Socket, in struct {
		Data Steer `json:"data"`
	}, _ smartsocket.Ack) {
		if r := smartsocket.Value[*byHand](s, "room"); r != nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.state.Players[s.ID()].steer(in.Data)
		}
	})
	var late, busy spans
	go func() {
		const period = time.Second / rate
		for due := time.Now(); ; due = due.Add(period) {
			time.Sleep(time.Until(due))
			mu.Lock()
			now := slices.Clone(list)
			mu.Unlock()
			for _, r := range now {
				began := time.Now()
				late.add(began.Sub(due))
				r.mu.Lock()
				r.tick++
				step(maps.Values(r.state.Players), r.tick, 1.0/rate)
				r.state.Left = left(r.tick, 1.0/rate)
				_, _ = r.room.Emit("arena", &r.state, smartsocket.State(""))
				r.mu.Unlock()
				busy.add(time.Since(began))
			}
		}
	}()
	return func(f *figures) {
		f.Lateness, f.Busy = late.read(), busy.read()
		f.Ticks = f.Lateness.Samples
	}
}

// spans keeps durations, as many as a run has.
type spans struct {
	mu   sync.Mutex
	list []time.Duration
}

func (s *spans) add(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, max(d, 0))
}

func (s *spans) read() room.Times {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == 0 {
		return room.Times{}
	}
	sorted := slices.Sorted(slices.Values(s.list))
	n := len(sorted)
	return room.Times{P50: sorted[n/2], P99: sorted[n*99/100], Max: sorted[n-1], Samples: int64(n)}
}

// idle makes n rooms in which nothing happens, and prints what each costs.
func idle(n int) error {
	s, err := smartsocket.New(smartsocket.Options{Host: "127.0.0.1", Port: -1,
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	arenas := room.Register(s.Namespace("/"), room.Options[Arena]{Name: "arena", Rate: rate,
		Capacity: 16, Empty: room.Forever})
	if err := s.Start(); err != nil {
		return err
	}
	defer s.Close()
	before := heap()
	for i := range n {
		if _, err := arenas.Create(strconv.Itoa(i), nil); err != nil {
			return err
		}
	}
	after := heap()
	const watched = 2 * time.Second
	began, err := own()
	if err != nil {
		return err
	}
	time.Sleep(watched)
	ended, err := own()
	if err != nil {
		return err
	}
	runtime.KeepAlive(arenas)
	return json.NewEncoder(os.Stdout).Encode(idleFigures{
		Bytes: float64(after-before) / float64(n),
		CPU:   float64(ended.CPU-began.CPU) / float64(watched),
	})
}

// idleFigures are what a room in which nothing happens costs.
type idleFigures struct {
	Bytes float64 // each
	CPU   float64 // share of a core, all together
}
