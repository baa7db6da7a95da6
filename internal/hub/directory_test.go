package hub

import (
	"strconv"
	"sync"
	"testing"

	"github.com/smartsocket/smartsocket/internal/race"
)

// A hub addresses its own members alone, while the Directory finds those of all hubs.
func TestMembersOfOtherHubs(t *testing.T) {
	w := newWorld(2)
	mine, other := newMember("id1"), newMember("id2")
	other.home = 1
	for i, m := range []*member{mine, other} {
		w.hubs[i].Add(m)
		if got, ok := w.all.Find(m.place.ID); !ok || got != m {
			t.Errorf("%s is not found", m.place.ID)
		}
		if w.hubs[1-i].ByID(m.place.ID) != nil || w.hubs[1-i].Named(m.place.ID) != nil ||
			w.hubs[1-i].Present(m.place.ID) != nil {
			t.Errorf("%s is in the other hub, too", m.place.ID)
		}
		if w.hubs[1-i].Remove(m) {
			t.Errorf("%s leaves a hub that it is not in", m.place.ID)
		}
	}
	got := w.hubs[0].Selection(nil, []string{"id1", "id2"}, nil, nil, "")
	if len(got) != 1 || got[0] != mine {
		t.Errorf("%d are addressed, want 1", len(got))
	}
	w.hubs[1].Remove(other)
	if _, ok := w.all.Find("id2"); ok {
		t.Error("who has left is found")
	}
	if w.hubs[0].ByID("id1") != mine {
		t.Error("who has not left is not found")
	}
}

// A stranger who has the id of a member is not taken for it.
func TestSameIDIsAnotherMember(t *testing.T) {
	h, all := crowd(1)
	double := newMember(all[0].place.ID)
	if _, err := h.Join(double, []string{"r"}); err != ErrAbsent || h.Remove(double) {
		t.Errorf("the double counts as a member: %v", err)
	}
}

func TestFindAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	h, _ := crowd(10)
	if n := testing.AllocsPerRun(100, func() { h.members.Find("id3") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDirectoryOfManyGoroutines(t *testing.T) {
	w := newWorld(4)
	var all sync.WaitGroup
	for i := range w.hubs {
		all.Go(func() {
			for n := range 300 {
				m := newMember("id" + strconv.Itoa(n*len(w.hubs)+i))
				m.home = i
				w.hubs[i].Add(m)
				if got, ok := w.all.Find(m.place.ID); !ok || got != m {
					t.Error("who was added is not found")
				}
				w.all.Find("id" + strconv.Itoa(n))
				if n%2 == 0 {
					w.hubs[i].Remove(m)
				}
			}
		})
	}
	all.Wait()
	found := 0
	for n := range 1200 {
		if _, ok := w.all.Find("id" + strconv.Itoa(n)); ok {
			found++
		}
	}
	if found != 600 {
		t.Errorf("%d are found, want 600", found)
	}
}
