package tail

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// drained returns what waits for l.
func drained(l *Listener) (list []Event) {
	for {
		select {
		case e := <-l.Events:
			list = append(list, e)
		default:
			return list
		}
	}
}

func listen(t *testing.T, of *Tail, f Filter) *Listener {
	t.Helper()
	l, err := of.Listen(f)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestFilters(t *testing.T) {
	all := []Event{
		{Kind: In, Namespace: "/", Event: "move", Socket: "a"},
		{Kind: In, Namespace: "/x", Event: "move@2", Socket: "b"},
		{Kind: Out, Namespace: "/", Event: "moved", Socket: "a"},
		{Kind: Connected, Namespace: "/", Socket: "a"},
	}
	for _, c := range []struct {
		f    Filter
		want string // positions
	}{
		{Filter{}, "[0 1 2 3]"},
		{Filter{Namespace: "/"}, "[0 2 3]"},
		{Filter{Event: "move"}, "[0]"},
		{Filter{Event: "move*"}, "[0 1 2]"},
		{Filter{Event: "*"}, "[0 1 2 3]"},
		{Filter{Socket: "b"}, "[1]"},
		{Filter{Kinds: []Kind{Connected, Out}}, "[2 3]"},
		{Filter{Kinds: []Kind{In}, Namespace: "/x", Event: "m*"}, "[1]"},
		{Filter{Event: "nothing"}, "[]"},
	} {
		got := []int{}
		for i := range all {
			if c.f.shows(&all[i]) {
				got = append(got, i)
			}
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%+v shows %v, want %s", c.f, got, c.want)
		}
	}
}

// Data is asked for once, only if somebody wants it, and only they get it.
func TestDataIsForWhoAsks(t *testing.T) {
	var of Tail
	names := listen(t, &of, Filter{})
	asked := 0
	data := func() ([]byte, bool) { asked++; return []byte(`{"a":1}`), false }
	of.Tell(Event{Event: "e"}, data)
	if asked > 0 {
		t.Error("data was made for nobody")
	}
	drained(names)
	one, two := listen(t, &of, Filter{Data: true}), listen(t, &of, Filter{Data: true})
	of.Tell(Event{Event: "e"}, data)
	for i, l := range []*Listener{names, one, two} {
		list := drained(l)
		if len(list) != 1 || (list[0].Data == `{"a":1}`) != (i > 0) || list[0].Time.IsZero() {
			t.Errorf("listener %d got %+v", i, list)
		}
	}
	if asked != 1 {
		t.Errorf("data was made %d times", asked)
	}
}

func TestShow(t *testing.T) {
	long := strings.Repeat("é", MaxData)
	for _, c := range []struct {
		event, p string
		binary   bool
		want     Event
	}{
		{"e", "1", false, Event{Data: "1"}},
		{"e", "\x01\x02", true, Event{Data: "AQI=", Binary: true}},
		{"e", "\xff", false, Event{Data: "/w==", Binary: true}},
		{"auth", `"secret"`, false, Event{Data: "(hidden)"}},
		{"e", long, false, Event{Data: long[:MaxData], Cut: true}},
		{"e", "x" + long, false, Event{Data: ("x" + long)[:MaxData-1], Cut: true}}, // a whole é
	} {
		got := Event{Event: c.event}
		got.show([]byte(c.p), c.binary)
		c.want.Event = c.event
		if got != c.want {
			t.Errorf("%s %.10q: %+v", c.event, c.p, got)
		}
	}
}

// Who does not keep up misses some and is told. Nobody else notices.
func TestSlowListener(t *testing.T) {
	var of Tail
	slow := listen(t, &of, Filter{})
	for range waiting + 7 {
		of.Tell(Event{}, nil)
	}
	if n := slow.Missed(); n != 7 {
		t.Errorf("%d missed, want 7", n)
	}
	if n := slow.Missed(); n != 0 {
		t.Errorf("%d missed since", n)
	}
}

func TestSampling(t *testing.T) {
	var of Tail
	l := listen(t, &of, Filter{Every: 10})
	for range 2000 {
		of.Tell(Event{}, nil)
	}
	if n := len(drained(l)); n < 100 || n > 350 { // 200, and 13 is one standard deviation
		t.Errorf("%d of 2000", n)
	}
}

func TestListenersComeAndGo(t *testing.T) {
	var of Tail
	if of.On() {
		t.Error("somebody looks on before anybody came")
	}
	var list []*Listener
	for range MaxListeners {
		list = append(list, listen(t, &of, Filter{}))
	}
	if _, err := of.Listen(Filter{}); !errors.Is(err, ErrTooMany) {
		t.Errorf("one too many: %v", err)
	}
	list[3].Close()
	list[3].Close()
	of.Tell(Event{}, nil)
	if len(drained(list[3])) != 0 || len(drained(list[4])) != 1 {
		t.Error("the wrong one was closed")
	}
	for _, l := range list {
		l.Close()
	}
	if of.On() {
		t.Error("somebody still looks on")
	}
	if n := testing.AllocsPerRun(100, func() {
		if of.On() {
			t.Error("on")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
