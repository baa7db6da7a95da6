package reactor

import (
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"github.com/cloudwego/netpoll"

	"github.com/smartsocket/smartsocket/internal/race"
)

// connectRaw opens blocking connections that cost the Go heap nothing.
func connectRaw(t *testing.T, addr net.Addr, n int) []int {
	t.Helper()
	sa, family := fromAddr(addr.(*net.TCPAddr))
	fds := make([]int, 0, n)
	t.Cleanup(func() {
		for _, fd := range fds {
			syscall.Close(fd)
		}
	})
	for range n {
		fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
		if err := syscall.Connect(fd, sa); err != nil {
			t.Fatal(err)
		}
	}
	return fds
}

func TestIdleConnectionCostsLittleAndNoGoroutine(t *testing.T) {
	const methodValues = 3 * 16
	if n := unsafe.Sizeof(Conn{}) + unsafe.Sizeof(netpoll.FDOperator{}) + methodValues; n > 320 {
		t.Errorf("a connection has %d bytes: Conn %d, operator %d", n, unsafe.Sizeof(Conn{}),
			unsafe.Sizeof(netpoll.FDOperator{}))
	}
	const conns = 2000
	r := start(t, Options{Loops: 2})
	var opened atomic.Int64
	all := make(chan struct{})
	ln := listen(t, r, &hooks{open: func(*Conn) {
		if opened.Add(1) == conns {
			close(all)
		}
	}})
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	goroutines, before := runtime.NumGoroutine(), heap()
	connectRaw(t, ln.Addr(), conns)
	await(t, all, "2000 connections")
	if per := (heap() - before) / conns; per > 450 && !race.Enabled {
		t.Errorf("%d bytes of heap per idle connection, want at most 450", per)
	} else {
		t.Logf("%d bytes of heap per idle connection", per)
	}
	if n := runtime.NumGoroutine(); n > goroutines+2 {
		t.Errorf("%d goroutines with %d connections, %d before", n, conns, goroutines)
	}
}

func TestEchoAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	r := start(t, Options{Loops: 1})
	ln := listen(t, r, &hooks{
		open: func(c *Conn) { c.SetTimer(1e9) },
		data: func(c *Conn, p []byte) {
			c.SetTimer(1e9)
			c.Write2(p[:1], p[1:])
		},
	})
	fd := connectRaw(t, ln.Addr(), 1)[0]
	buf := make([]byte, 100)
	echo := func(n int) {
		for range n {
			if _, err := syscall.Write(fd, buf); err != nil {
				t.Fatal(err)
			}
			for got := 0; got < len(buf); {
				n, err := syscall.Read(fd, buf)
				if err != nil || n == 0 {
					t.Fatal(n, err)
				}
				got += n
			}
		}
	}
	echo(100)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const n = 10_000
	echo(n)
	runtime.ReadMemStats(&after)
	if m := after.Mallocs - before.Mallocs; m > n/100 { // the runtime allocates some
		t.Errorf("%d allocations in %d echoes", m, n)
	}
}

// BenchmarkEcho measures one connection's round trip of 20 bytes, including the client.
func BenchmarkEcho(b *testing.B) {
	r := start(b, Options{Loops: 1})
	nc := dialNet(b, listen(b, r, echo))
	p := make([]byte, 20)
	b.ReportAllocs()
	for b.Loop() {
		nc.Write(p)
		if _, err := nc.Read(p); err != nil {
			b.Fatal(err)
		}
	}
}
