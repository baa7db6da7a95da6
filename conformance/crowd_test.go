package conformance

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/websocket"
)

const (
	crowdEnv  = "CONFORMANCE_CROWD" // number of connections of the child process
	crowdSize = 15_000
)

// 15 000 connections are dialled by a child process, because both ends together would exceed the
// limit of descriptors. Each connection echoes, and the server has as many goroutines as without
// them.
func TestCrowd(t *testing.T) {
	inside(t)
	if testing.Short() {
		t.Skip("short mode")
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	n := crowdSize
	if limit.Cur < crowdSize+500 {
		t.Skipf("the limit of open files is %d, %d are needed: ulimit -n", limit.Cur, crowdSize+500)
	}
	e, err := start(websocket.Options{HandshakeTimeout: hang})
	if err != nil {
		t.Fatal(err)
	}
	defer e.r.Close()

	runtime.GC()
	goroutines, rss := runtime.NumGoroutine(), residentBytes()
	child := exec.Command(os.Args[0], "-addr", e.addr)
	child.Env = append(os.Environ(), crowdEnv+"="+strconv.Itoa(n))
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer in.Close() // ends the child
	said := bufio.NewScanner(out)
	if !said.Scan() || said.Text() != "ok" {
		t.Fatalf("child: %q", said.Text())
	}
	if open := e.r.Stats().Open; open != int64(n) {
		t.Errorf("%d connections are open, want %d", open, n)
	}
	if now := runtime.NumGoroutine(); now > goroutines+8 { // those of the pipes and the poller
		t.Errorf("%d goroutines with %d connections, %d without", now, n, goroutines)
	}
	runtime.GC()
	if now := residentBytes(); rss > 0 {
		t.Logf("%d connections after an echo each: %d bytes of RSS per connection (race detector "+
			"and test included)", n, (now-rss)/n)
	}
	in.Close()
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
	if !settles(func() bool { return e.r.Stats().Open == 0 }) {
		t.Errorf("%d connections are still open", e.r.Stats().Open)
	}
}

// residentBytes returns the RSS of this process, or 0 if /proc does not have it.
func residentBytes() int {
	b, _ := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return pages * os.Getpagesize()
}

// crowdClient is the child. It connects, echoes on every connection, twice, says ok and waits for
// the end of its input.
func crowdClient() int {
	target.addr = *flagAddr
	n, _ := strconv.Atoi(os.Getenv(crowdEnv))
	clients := make([]*client, n)
	each := func(f func(i int) error) error {
		var wg sync.WaitGroup
		errs := make(chan error, 32)
		for w := range 32 {
			wg.Go(func() {
				for i := w; i < n; i += 32 {
					if err := f(i); err != nil {
						errs <- fmt.Errorf("connection %d: %w", i, err)
						return
					}
				}
			})
		}
		wg.Wait()
		close(errs)
		return <-errs
	}
	err := each(func(i int) error {
		nc, err := net.DialTimeout("tcp", target.addr, hang)
		if err != nil {
			return err
		}
		nc.SetDeadline(time.Now().Add(2 * hang))
		key := newKey()
		nc.Write([]byte(request(key, "")))
		if clients[i], err = readUpgrade(nc, key); err != nil {
			return err
		}
		clients[i].br = bufio.NewReaderSize(nc, 64) // nothing is pipelined after the 101
		return clients[i].echo(fmt.Sprint("first of ", i))
	})
	if err == nil {
		err = each(func(i int) error { return clients[i].echo(fmt.Sprint("second of ", i)) })
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ok")
	os.Stdin.Read(make([]byte, 1))
	return 0
}
