package hub

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/smartsocket/smartsocket/internal/race"
)

// crowd is a hub of n members, each in the same rooms.
func crowd(n int, rooms ...string) (*Hub[*member], []*member) {
	h := newHub()
	all := make([]*member, n)
	for i := range all {
		all[i] = newMember("id" + strconv.Itoa(i))
		h.Add(all[i])
		if _, err := h.Join(all[i], rooms); err != nil {
			panic(err)
		}
	}
	return h, all
}

func roomNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint("room ", i)
	}
	return names
}

func TestRoomsAreBounded(t *testing.T) {
	h, all := crowd(2)
	names := roomNames(MaxRooms + 1)
	refused, err := h.Join(all[0], names)
	if refused != names[MaxRooms] || !errors.Is(err, ErrFull) {
		t.Errorf("joined past the bound: %q, %v", refused, err)
	}
	if refused, err := h.Join(all[0], names[:MaxRooms]); err != nil {
		t.Errorf("rooms that the member is in do not count again: %q, %v", refused, err)
	}
	if _, rooms := h.Size(); rooms != MaxRooms || h.RoomSize(names[MaxRooms]) != 0 {
		t.Errorf("%d rooms; the refused one must not exist", rooms)
	}
	h.Leave(all[0], names[:1])
	if _, err := h.Join(all[0], names[MaxRooms:]); err != nil {
		t.Errorf("no room free after leaving one: %v", err)
	}
}

// The rooms before the one that is refused stay joined.
func TestJoinStopsWhereItIsRefused(t *testing.T) {
	h, all := crowd(1)
	refused, err := h.Join(all[0], []string{"a", "id7", "b"})
	if refused != "id7" || !errors.Is(err, ErrReserved) {
		t.Errorf("got %q, %v", refused, err)
	}
	if got := h.RoomsOf(all[0]); !slices.Equal(got, []string{"a"}) {
		t.Errorf("in %q, want only the one before the refused name", got)
	}
}

// A reader that appends to what it was lent must not reach the hub's memory.
func TestLentListHasNoRoom(t *testing.T) {
	h, all := crowd(5, "r")
	for _, name := range []string{"", "r"} {
		list := h.Named(name)
		_ = append(list, newMember("stranger"))
		late := newMember("id9")
		h.Add(late)
		h.Join(late, []string{"r"})
		_ = append(list, newMember("stranger"))
		if got := h.Named(name); len(got) != 6 || got[5] != late {
			t.Fatalf("%q: what a reader appended is in the hub", name)
		}
		h.Remove(late)
	}
	if n, _ := h.Size(); n != len(all) {
		t.Fatal(n)
	}
}

// Readers walk lent lists while members come, go, join and leave. The race
// detector finds a list that is written to; the counting finds one that changed.
func TestLentListsHoldStillWhileOthersWrite(t *testing.T) {
	h, all := crowd(64, "r")
	var writers, readers sync.WaitGroup
	quit := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				for _, name := range []string{"", "r"} {
					list := h.Named(name)
					kept := slices.Clone(list)
					h.Selection(nil, []string{"r"}, nil, nil, "")
					if !slices.Equal(list, kept) || slices.Contains(list, nil) {
						t.Errorf("a list of %q changed under its reader", name)
						return
					}
				}
				select {
				case <-quit:
					return
				default:
				}
			}
		})
	}
	for k := range 2 {
		writers.Go(func() {
			for i := range 3000 {
				m := all[(i*7+k*32)%32+k*32]
				switch i % 3 {
				case 0:
					h.Leave(m, []string{"r"})
				case 1:
					h.Remove(m)
					h.Add(m)
				}
				h.Join(m, []string{"r"})
			}
		})
	}
	writers.Wait()
	close(quit)
	readers.Wait()
	if n := h.RoomSize("r"); n != len(all) {
		t.Errorf("%d in the room at the end, want %d", n, len(all))
	}
}

func TestNothingIsKeptOfAMember(t *testing.T) {
	h, all := crowd(3, "r")
	for _, m := range all {
		h.Remove(m)
	}
	list := h.all.list[:cap(h.all.list)]
	if slices.ContainsFunc(list, func(m *member) bool { return m != nil }) {
		t.Error("the list of everybody keeps members alive that are gone")
	}
	if len(h.rooms) != 0 {
		t.Errorf("%d rooms are left", len(h.rooms))
	}
	for i := range h.members.shards {
		if n := len(h.members.shards[i].ids); n != 0 {
			t.Errorf("%d ids are left", n)
		}
	}
}

func TestNoAllocationPerBroadcast(t *testing.T) {
	h, all := crowd(100, "arena", "red")
	h.Join(all[3], []string{"muted"})
	names, except, out := []string{"red", "arena", "id5"}, []string{"muted", "id6"}, all[7:8]
	dst := make([]*member, 0, len(all))
	for what, f := range map[string]func(){
		"Named(room)":    func() { h.Named("arena") },
		"Named()":        func() { h.Named("") },
		"Selection":      func() { dst = h.Selection(dst[:0], names, except, out, "") },
		"Selection()":    func() { dst = h.Selection(dst[:0], nil, except, out, "") },
		"Select(names)":  func() { h.Return(h.Select(names, except, out, "id8")) },
		"Select(room)":   func() { h.Return(h.Select(names[1:2], nil, nil, "")) },
		"Select()":       func() { h.Return(h.Select(nil, nil, nil, "")) },
		"Leave, Join":    func() { h.Leave(all[1], names[:1]); h.Join(all[1], names[:1]) },
		"In, ByID, away": func() { h.In(all[1], "red"); h.ByID("id1"); h.SetAway(all[1], true) },
	} {
		h.Leave(all[0], names[:1]) // so that nothing is lent when the count begins
		h.Join(all[0], names[:1])
		if race.Enabled && strings.HasPrefix(what, "Select(names") {
			continue // under the race detector sync.Pool drops what it is given
		}
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", what, n)
		}
	}
	if len(dst) == 0 {
		t.Error("the selections were empty")
	}
}

func TestSelect(t *testing.T) {
	h, all := crowd(10, "arena")
	h.Join(all[3], []string{"red"})
	for what, c := range map[string]struct {
		names, except []string
		out           []*member
		self          string
		lent          bool
	}{
		"everybody":          {lent: true},
		"a room":             {names: []string{"arena"}, lent: true},
		"no room":            {names: []string{"blue"}, lent: true},
		"two rooms":          {names: []string{"red", "arena"}},
		"an id":              {names: []string{"id4"}},
		"all but a room":     {except: []string{"red"}},
		"all but a member":   {out: all[2:4]},
		"all but oneself":    {self: "id1"},
		"a room but oneself": {names: []string{"red"}, self: "id3"},
	} {
		list, buf := h.Select(c.names, c.except, c.out, c.self)
		want := h.Selection(nil, c.names, c.except, c.out, c.self)
		if !slices.Equal(list, want) || (buf == nil) != c.lent {
			t.Errorf("%s: %d members, lent %t; want %d", what, len(list), buf == nil, len(want))
		}
		h.Return(list, buf)
		if buf != nil && slices.ContainsFunc(list, func(m *member) bool { return m != nil }) {
			t.Errorf("%s: the buffer keeps members alive", what)
		}
	}
	if list, _ := h.Select([]string{""}, nil, nil, ""); list != nil {
		t.Errorf("the name that no room has selects %d members", len(list))
	}
}

func BenchmarkJoin(b *testing.B) {
	for _, in := range []int{1, 8, 64, 250} {
		b.Run("in"+strconv.Itoa(in), func(b *testing.B) {
			h, all := crowd(1000, roomNames(in)...)
			names := []string{"lobby"}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				m := all[i%len(all)]
				i += 7
				h.Join(m, names)
				h.Leave(m, names)
			}
		})
	}
}

func BenchmarkCrowdedJoin(b *testing.B) {
	h, all := crowd(1000, "arena", "red")
	names := []string{"red"}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		m := all[i%len(all)]
		i += 7
		h.Leave(m, names)
		h.Join(m, names)
	}
}

func BenchmarkAddRemove(b *testing.B) {
	for _, in := range []int{1, 8, 250} {
		b.Run("in"+strconv.Itoa(in), func(b *testing.B) {
			rooms := roomNames(in)
			h, all := crowd(1000, rooms...)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				m := all[i%len(all)]
				i += 7
				h.Remove(m)
				h.Add(m)
				h.Join(m, rooms)
			}
		})
	}
}

func BenchmarkNamed(b *testing.B) {
	h, _ := crowd(1000, "arena")
	b.ReportAllocs()
	for b.Loop() {
		h.Named("arena")
	}
}

func BenchmarkSelection(b *testing.B) {
	h, all := crowd(1000, "arena")
	for i, m := range all {
		if i%2 == 0 {
			h.Join(m, []string{"red"})
		}
		if i%10 == 0 {
			h.Join(m, []string{"muted"})
		}
	}
	dst := make([]*member, 0, len(all))
	names, except, out := []string{"red", "arena"}, []string{"muted"}, all[1:2]
	b.ReportAllocs()
	for b.Loop() {
		dst = h.Selection(dst[:0], names, except, out, "")
	}
	if len(dst) != 899 {
		b.Fatal(len(dst))
	}
}
