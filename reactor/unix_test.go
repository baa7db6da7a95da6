package reactor

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// A Unix socket is bound, listened on and removed. One that nobody listens on is replaced, and
// nothing else is.
func TestUnixSockets(t *testing.T) {
	r := start(t, Options{Loops: 1})
	path := filepath.Join(t.TempDir(), "s")
	addrs := make(chan [2]net.Addr, 10) // with those of probes
	newHandler := func(*Conn) Handler {
		return &hooks{
			open: func(c *Conn) { addrs <- [2]net.Addr{c.LocalAddr(), c.RemoteAddr()} },
			data: func(c *Conn, p []byte) { c.Write(p) },
		}
	}
	for round := range 2 { // the second finds what the first has left
		nl, err := BindUnix(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.ListenOn(nl, nil); err != ErrNoHandler {
			t.Errorf("nil newHandler: %v", err)
		}
		ln, err := r.ListenOn(nl, newHandler)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nl.Accept(); err == nil {
			t.Error("what ListenOn took still accepts")
		}
		if ln.Addr().String() != path || ln.Addr().Network() != "unix" {
			t.Errorf("bound to %v", ln.Addr())
		}
		nc, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		mustEcho(t, nc, []byte("hello"))
		if a := await(t, addrs, "OnOpen"); a[0].String() != path || a[0].Network() != "unix" ||
			a[1].Network() != "unix" {
			t.Errorf("from %v to %v", a[1], a[0])
		}
		nc.Close()
		if other, err := BindUnix(path); err == nil {
			t.Error("a socket in use was replaced")
			other.Close()
		}
		if round == 1 {
			ln.RemoveOnClose(path)
		}
		ln.Close()
		if _, err := os.Lstat(path); (err == nil) != (round == 0) {
			t.Errorf("round %d: after Close the file has %v", round, err)
		}
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if nl, err := BindUnix(path); err == nil {
		t.Error("a file was replaced by a socket")
		nl.Close()
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "x" {
		t.Errorf("the file has %q, %v", text, err)
	}
	if _, err := r.ListenOn(foreign{}, newHandler); err != ErrNotSupported {
		t.Errorf("a listener of another kind: %v", err)
	}
}

// foreign is a listener that has no descriptor.
type foreign struct{ net.Listener }
