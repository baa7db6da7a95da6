package reactor

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/smartsocket/smartsocket/internal/race"
)

// heap returns the size of the live heap, without garbage.
func heap() int64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// An idle connection has no goroutine and little memory. The client here forgets its session as
// soon as it is established, and only its socket stays open.
func TestTLSIdleCost(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector has memory of its own")
	}
	versions(t, func(t *testing.T, version uint16) {
		const conns, warm = 500, 20
		r := start(t, Options{Loops: 2})
		closing := make(chan error, conns+warm)
		ln := listenTLS(t, r, TLSOptions{}, &hooks{
			data: func(c *Conn, p []byte) { c.Write(p) }, close: func(_ *Conn, err error) {
				closing <- err
			},
		})
		sockets := make([]net.Conn, 0, conns+warm)
		t.Cleanup(func() {
			for _, nc := range sockets {
				nc.Close()
			}
		})
		open := func(n int) {
			for range n {
				nc, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				tc := tls.Client(nc, insecure(version))
				mustEcho(t, tc, noise(200))
				sockets = append(sockets, nc)
			}
		}
		open(warm)
		goroutines, before := runtime.NumGoroutine(), heap()
		open(conns)
		each := (heap() - before) / conns
		t.Logf("%d B of heap for each of %d idle connections, the client's socket included", each,
			conns)
		if each > 20<<10 {
			t.Errorf("%d B for an idle connection", each)
		}
		if n := handshaking(); n != 0 {
			t.Errorf("%d goroutines of handshakes are left", n)
		}
		if n := runtime.NumGoroutine(); n > goroutines+2 { // the runtime's own timers come and go
			t.Errorf("%d goroutines, %d before %d connections", n, goroutines, conns)
		}
		for _, nc := range sockets {
			nc.Close()
		}
		for range sockets {
			await(t, closing, "OnClose")
		}
		runtime.KeepAlive(r)
	})
}

// Echoing makes no allocations of ours. crypto/tls makes a small reader each time it asks for more,
// once here and once in its client.
func TestTLSEchoAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("allocations differ under the race detector")
	}
	versions(t, func(t *testing.T, version uint16) {
		r := start(t, Options{Loops: 1})
		tc := dialTLS(t, listenTLS(t, r, TLSOptions{}, echo), insecure(version))
		msg, got := noise(100), make([]byte, 100)
		roundTrip := func() {
			tc.Write(msg)
			if _, err := io.ReadFull(tc, got); err != nil {
				t.Fatal(err)
			}
		}
		for range 100 {
			roundTrip()
		}
		if n := testing.AllocsPerRun(500, roundTrip); n > 2 {
			t.Errorf("%v allocations for a round trip, both ends together, want crypto/tls's 2", n)
		}
	})
}

// BenchmarkTLSHandshake measures a full handshake, both ends of it in this process.
func BenchmarkTLSHandshake(b *testing.B) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, resumed := range []bool{false, true} {
			name := tls.VersionName(v) + "/full"
			cfg := insecure(v)
			if resumed {
				name = tls.VersionName(v) + "/resumed"
				cfg.ClientSessionCache, cfg.ServerName = tls.NewLRUClientSessionCache(1),
					"localhost"
			}
			b.Run(name, func(b *testing.B) {
				r := start(b, Options{Loops: 1})
				ln := listenTLS(b, r, TLSOptions{}, echo)
				for b.Loop() {
					nc, err := net.Dial("tcp", ln.Addr().String())
					if err != nil {
						b.Fatal(err)
					}
					tc := tls.Client(nc, cfg)
					mustEcho(b, tc, []byte("x"))
					nc.Close()
				}
			})
		}
	}
}

// BenchmarkTLSEcho compares a round trip with and without TLS.
func BenchmarkTLSEcho(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"100B", 100}, {"16KiB", 16 << 10}} {
		msg, got := noise(size.bytes), make([]byte, size.bytes)
		run := func(name string, connect func(b *testing.B, r *Reactor) net.Conn) {
			b.Run(size.name+"/"+name, func(b *testing.B) {
				r := start(b, Options{Loops: 1})
				nc := connect(b, r)
				b.ReportAllocs()
				b.SetBytes(int64(2 * len(msg)))
				for b.Loop() {
					nc.Write(msg)
					if _, err := io.ReadFull(nc, got); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("plain", func(b *testing.B, r *Reactor) net.Conn {
			return dialNet(b, listen(b, r, echo))
		})
		run("TLS1.3", func(b *testing.B, r *Reactor) net.Conn {
			return dialTLS(b, listenTLS(b, r, TLSOptions{}, echo), insecure(tls.VersionTLS13))
		})
	}
}
