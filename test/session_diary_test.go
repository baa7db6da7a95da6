package test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
)

// diary writes down what an application is told of its sockets, each on a page of its own. It also
// keeps a list of players by id, as the simplest application would: connected adds to it, and
// disconnected removes.
type diary struct {
	t testing.TB

	mu      sync.Mutex
	pages   map[*Socket][]string
	byID    map[string]*Socket
	players map[string]bool
	reasons map[*Socket][]smartsocket.Reason // of disconnected and ended
	rooms   map[*Socket][]string             // at the end
}

// stage is where lifecycle handlers are registered: a Server or a Namespace.
type stage interface {
	OnConnected(h func(*Socket), opts ...smartsocket.HandlerOption)
	OnDisconnected(h func(*Socket, smartsocket.Reason), opts ...smartsocket.HandlerOption)
	OnEnded(h func(*Socket, smartsocket.Reason), opts ...smartsocket.HandlerOption)
}

func newDiary(t testing.TB) *diary {
	return &diary{
		t: t, pages: make(map[*Socket][]string), byID: make(map[string]*Socket),
		players: make(map[string]bool), reasons: make(map[*Socket][]smartsocket.Reason),
		rooms: make(map[*Socket][]string),
	}
}

// keep registers the diary's handlers.
func (d *diary) keep(on stage, opts ...smartsocket.HandlerOption) {
	on.OnConnected(func(s *Socket) {
		what := "connected"
		if s.Recovered() {
			what = "recovered"
		}
		d.note(s, what, func() { d.players[s.ID()] = true })
	}, opts...)
	on.OnDisconnected(func(s *Socket, r smartsocket.Reason) {
		d.note(s, fmt.Sprint("disconnected ", r.Code), func() {
			delete(d.players, s.ID())
			d.reasons[s] = append(d.reasons[s], r)
		})
	}, opts...)
	on.OnEnded(func(s *Socket, r smartsocket.Reason) {
		rooms := s.Rooms()
		d.note(s, "ended", func() {
			d.reasons[s] = append(d.reasons[s], r)
			d.rooms[s] = rooms
		})
	}, opts...)
}

// note adds a line to the page of s and does more under the same lock. One id has one *Socket.
func (d *diary) note(s *Socket, line string, more func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if other := d.byID[s.ID()]; other != nil && other != s {
		d.t.Errorf("%s: %q came with another *Socket than before", s.ID(), line)
	}
	d.byID[s.ID()] = s
	d.pages[s] = append(d.pages[s], line)
	if more != nil {
		more()
	}
}

// page is what was noted about s.
func (d *diary) page(s *Socket) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.pages[s], ", ")
}

// want waits until the page of s says this, and nothing else on the way.
func (d *diary) want(s *Socket, page string) {
	d.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		got := d.page(s)
		if got == page {
			return
		}
		if !strings.HasPrefix(page, got) || time.Now().After(end) {
			d.t.Fatalf("the diary says\n%s\nwant\n%s", got, page)
		}
	}
}

// plays reports whether the application believes that the client of s is there.
func (d *diary) plays(s *Socket) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.players[s.ID()]
}

// told is the reason of the n-th disconnected or ended handler of s.
func (d *diary) told(s *Socket, n int) smartsocket.Reason {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n >= len(d.reasons[s]) {
		d.t.Errorf("%s: %d reasons were told, not %d", s.ID(), len(d.reasons[s]), n+1)
		return smartsocket.Reason{}
	}
	return d.reasons[s][n]
}

// inOrder checks a complete page: connected → disconnected → recovered → … → disconnected → ended.
// The events of connection n, noted as "event n", lie between the handlers of that connection.
func inOrder(page []string) error {
	n, here, ended := 0, false, false
	for i, line := range page {
		ok := false
		switch what, _, _ := strings.Cut(line, " "); what {
		case "connected":
			ok = i == 0
			here, n = true, 1
		case "recovered":
			ok = i > 0 && !here
			here, n = true, n+1
		case "disconnected":
			ok = here
			here = false
		case "event":
			ok = here && line == fmt.Sprint("event ", n)
		case "ended":
			ok = !here && i == len(page)-1
			ended = true
		}
		if !ok {
			return fmt.Errorf("line %d, %q, is out of order", i, line)
		}
	}
	if !ended {
		return errors.New("it has no end")
	}
	return nil
}

// complete waits until every socket of the diary has ended, and checks all pages.
func (d *diary) complete() {
	d.t.Helper()
	eventually(d.t, "all sockets to end", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, page := range d.pages {
			if !slices.Contains(page, "ended") {
				return false
			}
		}
		return true
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	for s, page := range d.pages {
		if err := inOrder(page); err != nil {
			d.t.Errorf("%s: %v in\n%s", s.ID(), err, strings.Join(page, ", "))
		}
	}
	if len(d.players) > 0 {
		d.t.Errorf("%d players are left that nobody plays", len(d.players))
	}
}
