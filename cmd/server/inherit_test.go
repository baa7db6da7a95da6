package main

import (
	"net"
	"os"
	"strconv"
	"testing"
)

func TestInheritedSocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	pid := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		pid, count string
		ok, fails  bool
	}{
		{pid, "1", true, false},
		{pid, "2", false, true},
		{pid, "x", false, true},
		{"1", "1", false, false}, // meant for another process
		{"", "", false, false},
	} {
		f, err := l.(*net.TCPListener).File() // inherit takes it
		if err != nil {
			t.Fatal(err)
		}
		got, err := inherit(c.pid, c.count, f.Fd())
		if (got != nil) != c.ok || (err != nil) != c.fails {
			t.Errorf("%q %q: %v, %v", c.pid, c.count, got, err)
		}
		if got != nil {
			if got.Addr().String() != l.Addr().String() {
				t.Errorf("address %v", got.Addr())
			}
			got.Close()
		}
	}
}
