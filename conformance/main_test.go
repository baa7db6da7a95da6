package conformance

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/reactor"
	"github.com/smartsocket/smartsocket/websocket"
)

var flagAddr = flag.String("addr", os.Getenv("CONFORMANCE_ADDR"),
	"echo server to test; empty = one inside the test")

// endpoint is the server under test.
type endpoint struct {
	addr string
	r    *reactor.Reactor // nil if the server is another process
}

var target endpoint

// maxMessage is the limit of the server inside the test, which is the default.
const maxMessage = 16 << 20

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(crowdEnv) != "" {
		os.Exit(crowdClient())
	}
	baseline := runtime.NumGoroutine()
	target.addr = *flagAddr
	if target.addr == "" {
		e, err := start(websocket.Options{Deflate: true})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		target = e
	}
	code := m.Run()
	if target.r != nil {
		if !settles(func() bool { return target.r.Stats().Open == 0 }) {
			fmt.Fprintf(os.Stderr, "%d connections are still open\n", target.r.Stats().Open)
			code = 1
		}
		target.r.Close()
	}
	if !settles(func() bool { return runtime.NumGoroutine() <= baseline }) {
		buf := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "%d goroutines, %d at the start:\n%s", runtime.NumGoroutine(),
			baseline, buf[:runtime.Stack(buf, true)])
		code = 1
	}
	os.Exit(code)
}

// start runs an echo server inside the test.
func start(o websocket.Options) (endpoint, error) {
	r, err := reactor.New(reactor.Options{Loops: 2, MaxOutboxBytes: 64 << 20})
	if err != nil {
		return endpoint{}, err
	}
	s := websocket.NewServer(r, o, websocket.Echo)
	if err := s.Listen("tcp", "127.0.0.1:0"); err != nil {
		r.Close()
		return endpoint{}, err
	}
	return endpoint{addr: s.Addr().String(), r: r}, nil
}

// settles waits for cond, which something else brings about.
func settles(cond func() bool) bool {
	for end := time.Now().Add(hang); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if cond() {
			return true
		}
	}
	return false
}

// inside skips a test that must look into the server.
func inside(t testing.TB) {
	t.Helper()
	if target.r == nil {
		t.Skip("needs the server inside the test")
	}
}

// unharmed starts a well-behaved connection. Run check after each attack: it checks that the
// connection still echoes. The test fails at its end unless all other connections are gone and no
// goroutine was left behind.
func unharmed(t *testing.T) (check func()) {
	t.Helper()
	goroutines := runtime.NumGoroutine()
	good := upgrade(t, "")
	n := 0
	check = func() {
		t.Helper()
		n++
		if err := good.echo(fmt.Sprintf("still here %d", n)); err != nil {
			t.Fatalf("the well-behaved connection: %v", err)
		}
	}
	check()
	t.Cleanup(func() {
		check()
		good.close()
		if target.r == nil {
			return
		}
		if !settles(func() bool { return target.r.Stats().Open == 0 }) {
			t.Errorf("%d connections are still open", target.r.Stats().Open)
		}
		if !settles(func() bool { return runtime.NumGoroutine() <= goroutines }) {
			t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
		}
	})
	return check
}
