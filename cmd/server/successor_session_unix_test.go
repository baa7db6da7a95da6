//go:build unix

package main

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/internal/nodetest"
)

// A session goes on in the new process, and nothing that was emitted or asked meanwhile is lost,
// comes twice, or in another order.
func TestSuccessorTakesSessionsOver(t *testing.T) {
	p, addr := keepsSessions(t)
	c, moved := stay(t, addr)
	var mu sync.Mutex
	var echoes []int
	client.On(c, "echo", func(n int, _ client.Ack) {
		mu.Lock()
		defer mu.Unlock()
		echoes = append(echoes, n)
	})
	id := c.ID()
	over, sent := make(chan bool), make(chan int)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-over:
				sent <- n
				return
			default:
			}
			if got, err := client.Request[int](t.Context(), c, "echo", n); err != nil || got != n {
				t.Errorf("echo %d: %d, %v", n, got, err)
			}
		}
	}()
	for range 2 { // also on to a third one
		pid := p.signalled()
		if s := <-moved; s != `{"recovered":true,"moved":true}` || c.ID() != id {
			t.Errorf("the client is told %s, its id is %s, was %s", s, c.ID(), id)
		}
		p.expect("sessions go on in the other process")
		p.expect("stopped")
		var err error
		if p.cmd.Process, err = os.FindProcess(pid); err != nil {
			t.Fatal(err)
		}
	}
	close(over)
	n, got := <-sent, 0
	for end := time.Now().Add(patience); got < n && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		mu.Lock()
		got = len(echoes)
		mu.Unlock()
	}
	mu.Lock()
	defer mu.Unlock()
	if len(echoes) != n {
		t.Errorf("%d echoes of %d", len(echoes), n)
	}
	for i, got := range echoes {
		if got != i {
			t.Fatalf("echo %d at place %d", got, i)
		}
	}
}

// keepsSessions starts the program so that it keeps sessions, and returns its address.
func keepsSessions(t *testing.T) (p *process, addr string) {
	t.Helper()
	p = execute(t, nil, "-host", "127.0.0.1", "-port", "0", "-enable-message-cache",
		"-enable-rate-limiting=false")
	return p, p.expect(`listening on (\S+)`)
}

// signalled lets another process take over, and returns its id.
func (p *process) signalled() int {
	p.t.Helper()
	p.signal(syscall.SIGUSR2)
	pid, err := strconv.Atoi(p.expect(`taken over pid=(\d+)`))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	return pid
}

// The same with the browser client, in Node.
func TestSuccessorTakesTheSessionOfABrowser(t *testing.T) {
	dir := nodetest.Project(t, "testdata/moves.mjs")
	p, addr := keepsSessions(t)
	cmd := exec.CommandContext(t.Context(), "node", "moves.mjs", "ws://"+addr)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "connected" {
		t.Fatalf("the browser client says %q", lines.Text())
	}
	p.signalled()
	const want = `{"lives":["reconnected true"],"same":true,"ordered":true,"wrong":0,"extra":0}`
	if !lines.Scan() || lines.Text() != want {
		t.Errorf("the browser client says %s", lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if err := p.end(); err != nil {
		t.Error(err)
	}
}
