package reactor

import (
	"net"
	"syscall"
	"testing"
)

// A dial from an address of its own lets connect choose the port, which then must be unique only
// per destination. From a port of its own it may use that again at once.
func TestSocketOptionsOfALocalAddress(t *testing.T) {
	const bindAddressNoPort, sendBuffer = 24, 40_000 // linux/in.h
	r := start(t, Options{Loops: 1, SendBuffer: sendBuffer})
	ln := listen(t, r, echo)
	option := func(c *Conn, level, name int) int {
		n, err := syscall.GetsockoptInt(int(c.fd), level, name)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	free, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)})
	if err != nil {
		t.Fatal(err)
	}
	fixed := free.Addr().(*net.TCPAddr)
	free.Close()
	for _, local := range []*net.TCPAddr{{IP: net.IPv4(127, 0, 0, 9)}, fixed} {
		type options struct{ late, reuse, user, noDelay, buffer int }
		got := make(chan options, 1)
		h := &hooks{open: func(c *Conn) {
			got <- options{option(c, syscall.IPPROTO_IP, bindAddressNoPort),
				option(c, syscall.SOL_SOCKET, syscall.SO_REUSEADDR),
				option(c, syscall.IPPROTO_TCP, 18), // TCP_USER_TIMEOUT
				option(c, syscall.IPPROTO_TCP, syscall.TCP_NODELAY),
				option(c, syscall.SOL_SOCKET, syscall.SO_SNDBUF)}
		}}
		if err := r.Dial(t.Context(), "tcp", ln.Addr().String(), local, h); err != nil {
			t.Fatal(err)
		}
		want := options{1, 0, 30_000, 1, 2 * sendBuffer} // the kernel doubles it, socket(7)
		if local.Port != 0 {
			want.late, want.reuse = 0, 1
		}
		if o := await(t, got, "OnOpen"); o != want {
			t.Errorf("from %v: %+v, want %+v", local, o, want)
		}
	}
}
