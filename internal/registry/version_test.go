package registry

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/internal/race"
)

var versionedNames = []struct {
	name, base string
	n          uint32
}{
	{"move@2", "move", 2}, {"move@1", "move", 1}, {"m@9", "m", 9}, {"a@b@12", "a@b", 12},
	{"a@1@2", "a@1", 2}, {"move@999999999", "move", 999999999}, {"é@3", "é", 3}, {"@@4", "@", 4},
	{"move", "move", 0}, {"", "", 0}, {"@", "@", 0}, {"@2", "@2", 0}, {"2", "2", 0},
	{"move@", "move@", 0}, {"move@0", "move@0", 0}, {"move@02", "move@02", 0},
	{"move@-1", "move@-1", 0}, {"move@+1", "move@+1", 0}, {"move@2a", "move@2a", 0},
	{"move@2 ", "move@2 ", 0}, {"move@2.0", "move@2.0", 0}, {"move2", "move2", 0},
	{"anna@example.com", "anna@example.com", 0}, {"move@1000000000", "move@1000000000", 0},
	{"move@٢", "move@٢", 0}, {"move@" + strings.Repeat("9", 100), "", 0},
}

func TestVersion(t *testing.T) {
	for _, tt := range versionedNames {
		want := tt.base
		if want == "" {
			want = tt.name
		}
		if base, n := Version(tt.name); base != want || n != tt.n {
			t.Errorf("%q is version %d of %q", tt.name, n, base)
		}
		if base, n := Version([]byte(tt.name)); string(base) != want || n != tt.n {
			t.Errorf("the bytes %q are version %d of %q", tt.name, n, base)
		}
	}
}

// What has a version is written as it is read, and what has none stays whole.
func FuzzVersion(f *testing.F) {
	for _, tt := range versionedNames {
		f.Add(tt.name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		base, n := Version(name)
		bytes, m := Version([]byte(name))
		if string(bytes) != base || m != n {
			t.Fatalf("%q: %q and %d, as bytes %q and %d", name, base, n, bytes, m)
		}
		if n == 0 {
			i := strings.LastIndexByte(name, '@')
			number, err := strconv.ParseUint(name[i+1:], 10, 32)
			if base != name || i > 0 && err == nil && number > 0 && number < 1e9 &&
				strconv.FormatUint(number, 10) == name[i+1:] {
				t.Fatalf("%q has no version: %q", name, base)
			}
			return
		}
		if again := fmt.Sprintf("%s@%d", base, n); base == "" || again != name {
			t.Fatalf("%q became %q", name, again)
		}
	})
}

// add registers a handler for a name.
func add(t *Table[Registered[int]], name string) { t.Add(name, Registered[int]{}) }

// lookup is what a server does: it finds a name, and else falls back.
func lookup(name string, many, own *Table[Registered[int]]) (p Pair[int]) {
	p.Many = many.FindString(name)
	if own != nil {
		p.Own = own.FindString(name)
	}
	if p.None() {
		p = Fallback([]byte(name), many, own)
	}
	return p
}

// eventOf says which handlers a pair has.
func eventOf(e *Entry[Registered[int]]) string {
	if e == nil {
		return "-"
	}
	return e.Event()
}

func TestFallback(t *testing.T) {
	var many, own, empty Table[Registered[int]]
	for _, name := range []string{"move", "move@2", "move@5", "jump@3", "a@1", "turn", "a@1@3",
		"move@x"} {
		add(&many, name)
	}
	for _, name := range []string{"move@2", "move@4", "fly@2", "turn@7"} {
		add(&own, name)
	}
	for name, want := range map[string][2]string{
		"move": {"move", "-"}, "move@1": {"move", "-"}, "move@2": {"move@2", "move@2"},
		"move@3": {"move@2", "move@2"}, "move@4": {"-", "move@4"}, "move@5": {"move@5", "-"},
		"move@999999999": {"move@5", "-"}, "move@0": {"-", "-"}, "move@x": {"move@x", "-"},
		"move@y": {"-", "-"}, "move@03": {"-", "-"}, "move@1000000000": {"-", "-"},
		"jump": {"-", "-"}, "jump@2": {"-", "-"}, "jump@3": {"jump@3", "-"},
		"jump@4": {"jump@3", "-"}, "a": {"-", "-"}, "a@1@2": {"a@1", "-"}, "a@1@4": {"a@1@3", "-"},
		"fly@1": {"-", "-"}, "fly@3": {"-", "fly@2"}, "turn@6": {"turn", "-"},
		"turn@8": {"-", "turn@7"}, "none@3": {"-", "-"},
	} {
		p := lookup(name, &many, &own)
		if got := [2]string{eventOf(p.Many), eventOf(p.Own)}; got != want {
			t.Errorf("%s goes to %v, want %v", name, got, want)
		}
		if p := lookup(name, &empty, nil); !p.None() {
			t.Errorf("%s: handlers of an empty table", name)
		}
	}
	many.Remove("move@5")
	if p := lookup("move@9", &many, nil); eventOf(p.Many) != "move@2" {
		t.Errorf("a removed version is found: %s", eventOf(p.Many))
	}
	many.Once("move@6", Registered[int]{})
	for _, want := range []string{"move@6", "move@2"} {
		p := lookup("move@9", &many, nil)
		if p.Many.Take(0); eventOf(p.Many) != want || string(p.Many.Name()) != want {
			t.Errorf("got %s, want %s", eventOf(p.Many), want)
		}
	}
}

// A table in which names come and go always finds what a search through all of its names finds.
func TestFallbackAgainstSearch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var table Table[Registered[int]]
	has := make(map[string]bool)
	name := func() string {
		if n := r.IntN(7); n > 0 {
			return fmt.Sprintf("e%d@%d", r.IntN(3), n)
		}
		return fmt.Sprintf("e%d", r.IntN(3))
	}
	for range 3000 {
		if x := name(); has[x] {
			table.Remove(x)
			delete(has, x)
		} else if r.IntN(3) == 0 {
			add(&table, x)
			has[x] = true
		}
		asked := name()
		want := asked
		for base, n := Version(asked); n > 0 && !has[want]; {
			if n--; n == 0 {
				want = base
				break
			}
			want = fmt.Sprintf("%s@%d", base, n)
		}
		if !has[want] {
			want = "-"
		}
		if p := lookup(asked, &table, nil); eventOf(p.Many) != want {
			t.Fatalf("%s goes to %s, want %s of %v", asked, eventOf(p.Many), want, has)
		}
	}
}

// Neither a name nor a version that falls back costs an allocation.
func TestFallbackAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("allocations differ under the race detector")
	}
	var many, own Table[Registered[int]]
	for _, name := range []string{"move", "move@2", "move@5", "turn"} {
		add(&many, name)
		add(&own, name)
	}
	for _, name := range []string{"move", "move@2", "move@4", "move@999999999", "turn@3", "no@2",
		"no"} {
		b := []byte(name)
		if n := testing.AllocsPerRun(100, func() {
			p := Pair[int]{many.Find(b), own.Find(b)}
			if p.None() {
				p = Fallback(b, &many, &own)
			}
			if p.None() != (name[:2] == "no") {
				t.Errorf("%s: %v", name, p)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	var many Table[Registered[int]]
	for _, name := range []string{"move", "move@2", "move@5", "turn"} {
		add(&many, name)
	}
	for _, name := range []string{"move", "move@2", "move@4"} {
		n := []byte(name)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p := Pair[int]{Many: many.Find(n)}
				if p.None() {
					p = Fallback(n, &many, nil)
				}
				if p.None() {
					b.Fatal("nothing is found")
				}
			}
		})
	}
}
