package reactor

import (
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

// hold makes a loop do nothing until release, which waits until it runs again. It returns once the
// loop is held.
func hold(t *testing.T, r *Reactor, loop int) (release func()) {
	t.Helper()
	held, free := make(chan struct{}), make(chan struct{})
	r.RunOn(loop, func() { close(held); <-free })
	<-held
	over := false
	release = func() {
		if over {
			return
		}
		over = true
		close(free)
		ran := make(chan struct{})
		r.RunOn(loop, func() { close(ran) })
		<-ran
	}
	t.Cleanup(release)
	return release
}

func dialAt(t *testing.T, ln *Listener) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return nc
}

// echoes checks that nc is served.
func echoes(t *testing.T, nc net.Conn) {
	t.Helper()
	var b [1]byte
	if _, err := nc.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(nc, b[:]); err != nil {
		t.Fatal(err)
	}
}

const busy = "busy"

// isTurnedAway checks that nc gets the answer, and its end.
func isTurnedAway(t *testing.T, nc net.Conn) {
	t.Helper()
	if text, err := io.ReadAll(nc); err != nil || string(text) != busy {
		t.Errorf("got %q, %v", text, err)
	}
}

// Who waits for a loop that is avoided is turned away, and all others come to another one.
func TestAvoid(t *testing.T) {
	r := start(t, Options{Loops: 2})
	closed := make(chan error, 1)
	h := &hooks{data: echo.data, close: func(_ *Conn, err error) {
		if errors.Is(err, ErrAvoided) {
			closed <- err
		}
	}}
	ln := listen(t, r, h)
	accepts := 0
	if ln.loop != r.loops[0] {
		accepts = 1
	}
	release := hold(t, r, 1-accepts)
	first, second := dialAt(t, ln), dialAt(t, ln)
	echoes(t, second) // it was accepted behind the first
	if n := r.Avoid(1-accepts, []byte(busy)); n != 1 {
		t.Errorf("%d connections were closed, want 1", n)
	}
	isTurnedAway(t, first)
	for range 4 {
		echoes(t, dialAt(t, ln))
	}
	release()
	<-closed
	r.Welcome(1 - accepts)
	for range 4 {
		echoes(t, dialAt(t, ln))
	}
	if got := r.Refuse(nil, false); got != 0 {
		t.Errorf("%d in the lobby, where nobody came", got)
	}
}

// When the loop that accepts is held, another one does so, also if all were held before.
func TestAvoidTheAcceptingLoop(t *testing.T) {
	for _, order := range [][2]int{{0, 1}, {1, 0}} {
		avoidBoth(t, order)
	}
}

// avoidBoth holds and avoids both loops. They come back in an order.
func avoidBoth(t *testing.T, order [2]int) {
	r := start(t, Options{Loops: 2})
	ln := listen(t, r, echo)
	releases := []func(){hold(t, r, 0), hold(t, r, 1)}
	for i := range 2 {
		r.Avoid(i, []byte(busy))
	}
	early, late := dialAt(t, ln), dialAt(t, ln)
	if _, err := early.Write([]byte("GET")); err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{})
	go func() { defer close(told); isTurnedAway(t, early) }()
	for open := true; open; { // the request may take its time
		r.Refuse([]byte(busy), true)
		select {
		case <-told:
			open = false
		default:
		}
	}
	// Who has said nothing is not answered yet, because that would be lost.
	if n := r.Refuse([]byte(busy), true); n == 0 {
		t.Error("who has said nothing is gone")
	}
	if _, err := late.Write([]byte("GET")); err != nil {
		t.Fatal(err)
	}
	told = make(chan struct{})
	go func() { defer close(told); isTurnedAway(t, late) }()
	for open := true; open; {
		r.Refuse([]byte(busy), false)
		select {
		case <-told:
			open = false
		default:
		}
	}
	for _, i := range order {
		releases[i]()
		r.Welcome(i)
		for range 3 {
			echoes(t, dialAt(t, ln))
		}
	}
	early.Close()
	late.Close()
	for r.Refuse(nil, false) > 0 {
		runtime.Gosched()
	}
}

// TLS has no word that could be said without a handshake, so these are closed.
func TestRefuseTLS(t *testing.T) {
	r := start(t, Options{Loops: 1})
	ln := listenTLS(t, r, TLSOptions{}, echo)
	hold(t, r, 0)
	r.Avoid(0, []byte(busy))
	nc := dialAt(t, ln)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if text, err := io.ReadAll(nc); len(text) > 0 || isTimeout(err) {
			t.Errorf("%q %v", text, err)
		}
	}()
	for open := true; open; {
		if r.Refuse([]byte(busy), true) > 0 {
			t.Fatal("it was let in")
		}
		select {
		case <-ended:
			open = false
		default:
		}
	}
}

// Close closes those whom Refuse has let in.
func TestCloseEmptiesTheLobby(t *testing.T) {
	r := start(t, Options{Loops: 1})
	ln := listen(t, r, echo)
	release := hold(t, r, 0)
	r.Avoid(0, []byte(busy))
	nc := dialAt(t, ln)
	for r.Refuse([]byte(busy), true) == 0 {
		runtime.Gosched()
	}
	release()
	r.Close()
	if text, err := io.ReadAll(nc); len(text) > 0 || isTimeout(err) {
		t.Errorf("%q %v", text, err)
	}
	if n := r.Refuse([]byte(busy), true); n != 0 {
		t.Errorf("%d were let in after the end", n)
	}
}
