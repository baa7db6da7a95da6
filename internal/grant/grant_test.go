package grant

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

const second = 1_000_000 // in µs

// made is a grant of these terms at 1000 s, with a margin of 10 s.
func made(t *testing.T, terms Terms) *Grant {
	t.Helper()
	g, err := New(&terms, 1000*second, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return Of(g)
}

func at(s int64) time.Time { return time.UnixMicro(s * second) }

func TestNames(t *testing.T) {
	g := made(t, Terms{
		Rooms:      []string{"team:7", "match:*"},
		Namespaces: []string{"game", "/arena/*", "/hall*", "/lobby/"},
	})
	for room, want := range map[string]bool{
		"team:7": true, "team:": false, "team:77": false, "match:": true, "match:a*b": true,
		"match": false, "": false,
	} {
		if (g.Joins([]string{room}) == nil) != want || (g.Refused([]string{room}) == nil) != want {
			t.Errorf("room %q: want %v", room, want)
		}
	}
	for path, want := range map[string]bool{
		"/game": true, "/game/1": false, "/": false, "/arena": false, "/arena/1": true,
		"/hall": true, "/hallway": true, "/lobby": true,
	} {
		if g.Enters(path) != want || (g.Stays(path) == nil) != want {
			t.Errorf("namespace %s: want %v", path, want)
		}
	}
	if got := g.Refused([]string{"a", "match:1", "b"}); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("refused %q", got)
	}
	err := g.Joins([]string{"team:7", "secret"})
	if !errors.Is(err, message.ErrRejected) || !strings.Contains(err.Error(), `"secret"`) {
		t.Errorf("Joins: %v", err)
	}
	if err := g.Stays("/x"); !errors.Is(err, message.ErrInvalidNamespace) {
		t.Errorf("Stays: %v", err)
	}
}

// No list is no limit, an empty one allows nothing, and * all.
func TestLimits(t *testing.T) {
	rooms := []string{"r"}
	for what, c := range map[string]struct {
		g    *Grant
		want bool
	}{
		"no grant": {nil, true}, "no lists": {made(t, Terms{}), true},
		"empty lists": {made(t, Terms{Rooms: []string{}, Namespaces: []string{}}), false},
		"all":         {made(t, Terms{Rooms: []string{"*"}, Namespaces: []string{"*"}}), true},
	} {
		if got := c.g.Refused(rooms) == nil; got != c.want || c.g.Enters("/") != c.want {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
	}
}

// The lists are copied.
func TestListsAreCopied(t *testing.T) {
	rooms, spaces := []string{"a"}, []string{"x"}
	g := made(t, Terms{Rooms: rooms, Namespaces: spaces})
	if spaces[0] != "x" {
		t.Error("the list of the caller was changed")
	}
	rooms[0], spaces[0] = "b", "y"
	if g.Refused([]string{"a"}) != nil || !g.Enters("/x") {
		t.Error("the lists are those of the caller")
	}
}

func TestUnusable(t *testing.T) {
	for _, bad := range []string{"", "a*b", "**", "*a", strings.Repeat("n", 129)} {
		for field, terms := range map[string]Terms{
			"Rooms": {Rooms: []string{"good", bad}}, "Namespaces": {Namespaces: []string{bad}},
		} {
			_, err := New(&terms, 0, 0)
			if !errors.Is(err, message.ErrHandlerFailed) ||
				!strings.Contains(err.Error(), "Grant."+field) {
				t.Errorf("%q in %s: %v", bad, field, err)
			}
		}
	}
	if _, err := New(nil, 0, 0); !errors.Is(err, message.ErrHandlerFailed) {
		t.Errorf("nil: %v", err)
	}
	made(t, Terms{Rooms: []string{strings.Repeat("n", 128)}})
}

func TestWho(t *testing.T) {
	g := made(t, Terms{Identity: "ann", Values: map[string]any{"level": 3}})
	if Who(g) != "ann" || Who("bob") != "bob" || Who(nil) != nil || Of("bob") != nil {
		t.Error("the identity is wrong")
	}
	if g.Values()["level"] != 3 || Of(nil).Values() != nil {
		t.Error("the values are wrong")
	}
}

func TestSame(t *testing.T) {
	outcome := func(identity any) *any {
		var v any = made(t, Terms{Identity: identity})
		return &v
	}
	var alone any = "ann"
	type user struct{ claims any }
	u := &user{}
	for what, c := range map[string]struct {
		a, b *any
		want bool
	}{
		"equal":        {outcome("ann"), outcome("ann"), true},
		"others":       {outcome("ann"), outcome("bob"), false},
		"other types":  {outcome(1), outcome("1"), false},
		"one pointer":  {outcome(u), outcome(u), true},
		"two pointers": {outcome(u), outcome(&user{}), false},
		"structs":      {outcome(user{7}), outcome(user{7}), true},
		"slices":       {outcome(user{[]int{1}}), outcome(user{[]int{1}}), false},
		"mixed":        {outcome(user{1}), outcome(user{[]int{1}}), false},
		"nobody":       {outcome(nil), outcome(nil), false},
		"none":         {nil, outcome("ann"), false},
		"no grants":    {&alone, &alone, false},
		"one grant":    {outcome("ann"), &alone, false},
	} {
		if Same(c.a, c.b) != c.want || Same(c.b, c.a) != c.want {
			t.Errorf("%s: want %v", what, c.want)
		}
	}
}

// A grant is kept, then the client is warned once a connection, and then it ends.
func TestLook(t *testing.T) {
	type look struct {
		at   int64 // in seconds
		on   uint64
		do   Step
		next time.Duration
	}
	for what, c := range map[string]struct {
		expires time.Time
		looks   []look
	}{
		"an hour": {at(4600), []look{
			{1000, 1, Keep, 3590 * time.Second}, {4589, 1, Keep, time.Second},
			{4590, 1, Warn, 10 * time.Second}, {4591, 1, Keep, 9 * time.Second},
			{4592, 2, Warn, 8 * time.Second}, {4599, 2, Keep, time.Second},
			{4600, 2, End, 0}, {4601, 2, End, 0},
		}},
		"8 s": {at(1008), []look{
			{1000, 1, Keep, 6 * time.Second}, {1006, 1, Warn, 2 * time.Second},
			{1008, 1, End, 0},
		}},
		"without end": {time.Time{}, []look{{math.MaxInt64 / second, 1, Keep, 0}}},
		"thousands of years": {time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), []look{
			{1000, 1, Keep, 24 * time.Hour},
		}},
	} {
		g := made(t, Terms{Expires: c.expires})
		for _, l := range c.looks {
			do, next := g.Look(l.at*second, l.on)
			if do != l.do || next != l.next || g.Over(l.at*second) != (l.do == End) {
				t.Errorf("%s: at %d: %d, %v, %v", what, l.at, do, next, g.Over(l.at*second))
			}
		}
	}
	var none *Grant
	if do, next := none.Look(0, 1); do != Keep || next != 0 || none.Over(0) {
		t.Error("no grant ends")
	}
	for _, late := range []time.Time{at(1000), at(0)} {
		if _, err := New(&Terms{Expires: late}, 1000*second, 0); err != error(ErrExpired) {
			t.Errorf("%v: %v", late, err)
		}
	}
}

func TestChecksAllocateNothing(t *testing.T) {
	g := made(t, Terms{Rooms: []string{"team:7", "match:*"}, Expires: at(4600)})
	rooms := []string{"match:1", "team:7"}
	if n := testing.AllocsPerRun(100, func() {
		if g.Joins(rooms) != nil {
			t.Error("refused")
		}
		g.Look(1000*second, 1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
