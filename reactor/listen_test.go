package reactor

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestListenAddresses(t *testing.T) {
	r := start(t, Options{Loops: 2})
	newEcho := func(*Conn) Handler { return echo }
	for _, tc := range []struct{ network, addr string }{
		{"tcp", "127.0.0.1:0"}, {"tcp4", "127.0.0.2:0"}, {"tcp6", "[::1]:0"},
		{"tcp", "localhost:0"},
	} {
		ln, err := r.Listen(tc.network, tc.addr, newEcho)
		if err != nil {
			if strings.Contains(tc.addr, "::1") {
				t.Logf("no IPv6 here: %v", err)
				continue
			}
			t.Fatal(err)
		}
		if ln.Addr().(*net.TCPAddr).Port == 0 {
			t.Errorf("%s: Addr has no port", tc.addr)
		}
		nc := dialNet(t, ln)
		nc.Write([]byte("x"))
		if _, err := io.ReadFull(nc, make([]byte, 1)); err != nil {
			t.Errorf("%s: %v", tc.addr, err)
		}
		if _, err := r.Listen(tc.network, ln.Addr().String(), newEcho); err == nil {
			t.Errorf("%s was bound twice", ln.Addr())
		}
		ln.Close()
		ln.Close()
		if nc.Write([]byte("y")); true {
			if _, err := io.ReadFull(nc, make([]byte, 1)); err != nil {
				t.Errorf("a connection did not outlive its listener: %v", err)
			}
		}
		again, err := r.Listen(tc.network, ln.Addr().String(), newEcho)
		if err != nil {
			t.Errorf("cannot bind again after Close: %v", err)
		} else {
			again.Close()
		}
	}
	for _, tc := range []struct{ network, addr string }{{"udp", ":0"}, {"unixgram", "/tmp/x"},
		{"tcp", "127.0.0.1:x"}, {"tcp", "nohost.invalid:0"}} {
		if _, err := r.Listen(tc.network, tc.addr, newEcho); err == nil {
			t.Errorf("Listen(%q, %q) succeeded", tc.network, tc.addr)
		}
	}
	if _, err := r.Listen("tcp", "127.0.0.1:0", nil); err != ErrNoHandler {
		t.Errorf("nil newHandler: %v", err)
	}
}

func TestAcceptedSocketOptions(t *testing.T) {
	r := start(t, Options{Loops: 1, SendBuffer: 40_000})
	type opts struct{ noDelay, sndbuf int }
	got := make(chan opts, 1)
	ln := listen(t, r, &hooks{open: func(c *Conn) {
		n, _ := syscall.GetsockoptInt(int(c.fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
		s, _ := syscall.GetsockoptInt(int(c.fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF)
		got <- opts{n, s}
	}})
	dialNet(t, ln)
	o := await(t, got, "OnOpen")
	if o.noDelay == 0 || o.sndbuf < 40_000 || o.sndbuf > 100_000 {
		t.Errorf("TCP_NODELAY %d, SO_SNDBUF %d", o.noDelay, o.sndbuf)
	}
}

func TestNilHandlerClosesAndNewHandlerMayWrite(t *testing.T) {
	r := start(t, Options{Loops: 2})
	n := 0 // belongs to the accepting loop
	ln, err := r.Listen("tcp", "127.0.0.1:0", func(c *Conn) Handler {
		if n++; n == 1 {
			return nil
		}
		c.Write([]byte("early "))
		ran := c.Post(func() { c.Write([]byte("posted")) })
		if !ran {
			t.Error("Post before OnOpen was refused")
		}
		return &hooks{open: func(c *Conn) { c.Write([]byte("open ")) }}
	})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := io.ReadAll(dialNet(t, ln)); len(p) != 0 || err != nil &&
		!strings.Contains(err.Error(), "reset") {
		t.Errorf("refused connection: %q, %v", p, err)
	}
	got := make([]byte, 17)
	if _, err := io.ReadFull(dialNet(t, ln), got); err != nil ||
		string(got) != "early open posted" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestConnectionsAreSpreadOverLoops(t *testing.T) {
	r := start(t, Options{Loops: 4})
	loops := make(chan int, 40)
	ln := listen(t, r, &hooks{open: func(c *Conn) { loops <- c.Loop() }})
	for range 40 {
		dialNet(t, ln)
	}
	count := make([]int, r.Loops())
	for range 40 {
		count[await(t, loops, "OnOpen")]++
	}
	for i, n := range count {
		if n < 9 || n > 11 {
			t.Errorf("loop %d has %d of 40 connections", i, n)
		}
	}
}

// The test runs in its own process with a lowered limit. Accepting must pause without spinning or
// flooding the log, and resume when descriptors are freed.
func TestAcceptPausesWithoutDescriptors(t *testing.T) {
	if os.Getenv("REACTOR_TEST_CHILD") == "1" {
		serveWithFewDescriptors(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestAcceptPausesWithoutDescriptors$", "-test.v")
	cmd.Env = append(os.Environ(), "REACTOR_TEST_CHILD=1")
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	addr := scanFor(t, lines, "ADDR ")
	var conns []net.Conn
	for range 60 {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(patience))
		conns = append(conns, nc)
	}
	fmt.Fprintln(in, "wait for a pause")
	scanFor(t, lines, "PAUSED")
	for _, nc := range conns[:40] {
		nc.Close()
	}
	var wg sync.WaitGroup
	for _, nc := range conns[40:] { // they waited in the backlog
		wg.Go(func() {
			nc.Write([]byte("x"))
			if _, err := io.ReadFull(nc, make([]byte, 1)); err != nil {
				t.Errorf("a connection was not served after the pause: %v", err)
			}
		})
	}
	wg.Wait()
	fmt.Fprintln(in, "end")
	for lines.Scan() {
		t.Log(lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("child: %v", err)
	}
}

func scanFor(t *testing.T, lines *bufio.Scanner, prefix string) string {
	t.Helper()
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			return rest
		}
		t.Log(lines.Text())
	}
	t.Fatalf("the child ended before %q", prefix)
	return ""
}

func serveWithFewDescriptors(t *testing.T) {
	log := new(countingLog)
	r := start(t, Options{Loops: 2, Logger: log.logger()})
	ln := listen(t, r, echo)
	limit := syscall.Rlimit{Cur: 40, Max: 40}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("ADDR %s\n", ln.Addr())
	in := bufio.NewScanner(os.Stdin)
	in.Scan()
	for r.Stats().AcceptPauses < 2 { // the second pause shows that it tried again
		time.Sleep(time.Millisecond)
	}
	fmt.Println("PAUSED")
	began := time.Now()
	in.Scan()
	if n, most := log.lines.Load(), 3+int64(time.Since(began)/time.Second); n == 0 || n > most {
		t.Errorf("%d lines logged, want 1 to %d", n, most)
	}
	if p := r.Stats().AcceptPauses; p > 500 {
		t.Errorf("accepting was paused %d times: it spins", p)
	}
}

// A descriptor that the poller does not take is closed, once: nobody else's is.
func TestListenerThatCannotBeWatched(t *testing.T) {
	r := start(t, Options{Loops: 1})
	file, err := os.Open(os.Args[0]) // epoll takes no regular files
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fd, err := syscall.Dup(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	ln := &Listener{r: r, loop: r.loops[0], fd: fd}
	if got, err := r.watch(ln); err == nil || got != nil {
		t.Skipf("the poller takes a regular file here: %v", err)
	}
	if err := syscall.Close(fd); err != syscall.EBADF {
		t.Errorf("the descriptor is still open: %v", err)
	}
	if ln.fd != -1 {
		t.Errorf("Close would close the descriptor %d of somebody else", ln.fd)
	}
	if _, err := r.watch(&Listener{r: r, loop: r.loops[0], fd: -1}); err != ErrClosed {
		t.Errorf("a listener that was closed before: %v", err)
	}
}

// A newHandler that panics costs its connection and nothing else.
func TestPanicInNewHandler(t *testing.T) {
	log := new(countingLog)
	r := start(t, Options{Loops: 1, Logger: log.logger()})
	first := true // belongs to the loop
	ln, err := r.Listen("tcp", "127.0.0.1:0", func(*Conn) Handler {
		if first {
			first = false
			panic("boom")
		}
		return echo
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dialNet(t, ln).Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("the connection goes on: %v", err)
	}
	mustEcho(t, dialNet(t, ln), []byte("hello"))
	if n := log.lines.Load(); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
}
