//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/client"
)

// process is the program in a process of its own, with its log.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string
	ended chan error
}

// execute runs the program. env is added to the environment.
func execute(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(self, args...), lines: make(chan string, 1000),
		ended: make(chan error, 1)}
	p.cmd.Env = append(append(os.Environ(), "RUN_AS_SERVER=and successors"), env...)
	r, w, err := os.Pipe() // which a successor has too, so the log goes on
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go func() {
		for s := bufio.NewScanner(r); s.Scan(); {
			p.lines <- s.Text()
		}
		r.Close()
		close(p.lines)
	}()
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

// expect waits for a line of the log, and returns what the group of the pattern matches.
func (p *process) expect(pattern string) string {
	p.t.Helper()
	re, late := regexp.MustCompile(pattern), time.After(patience)
	var log []string
	for {
		select {
		case line, ok := <-p.lines:
			log = append(log, line)
			if m := re.FindStringSubmatch(line); m != nil {
				return m[len(m)-1]
			}
			if ok {
				continue
			}
		case <-late:
		}
		p.t.Fatalf("the log does not say %q:\n%s", pattern, strings.Join(log, "\n"))
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Error(err)
	}
}

// end waits for the end of the process.
func (p *process) end() error {
	p.t.Helper()
	select {
	case err := <-p.ended:
		return err
	case <-time.After(patience):
		p.t.Fatal("the process does not end")
		return nil
	}
}

// stay connects a client that tells when it has another connection.
func stay(t *testing.T, addr string) (c *client.Client, moved chan string) {
	t.Helper()
	c, err := client.New("ws://"+addr, client.Options{MaxReconnectAttempts: client.Forever})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Disconnect)
	moved = make(chan string, 9)
	c.On("reconnected", func(d client.Data, _ client.Ack) { moved <- string(d.Bytes()) })
	c.OnDisconnected(func(r client.Reason) { moved <- r.String() })
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, moved
}

// echoed checks that a question is answered.
func echoed(t *testing.T, c *client.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if got, err := client.Request[int](ctx, c, "echo", 7); err != nil || got != 7 {
		t.Errorf("echo: %d, %v", got, err)
	}
}

// A new process takes the socket over at SIGUSR2. Nobody is refused, who is connected moves, the
// old process ends, and the service manager hears of it.
func TestSuccessor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	p := execute(t, []string{"NOTIFY_SOCKET=" + path}, "-host", "127.0.0.1", "-port", "0",
		"-profile-addr", "127.0.0.1:0")
	profiles := p.expect(`serving profiles.*address=(\S+)`)
	addr := p.expect(`listening on (\S+)`)
	told(t, manager, "READY=1")
	c, moved := stay(t, addr)
	echoed(t, c)
	newcomers, stop := newcomersAt(addr)

	p.signal(syscall.SIGUSR2)
	if got := p.expect(`serving profiles.*address=(\S+)`); got != profiles {
		t.Errorf("profiles are at %s, not at %s", got, profiles)
	}
	pid, err := strconv.Atoi(p.expect(`taken over pid=(\d+)`))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	told(t, manager, "READY=1") // by the new process
	told(t, manager, fmt.Sprint("MAINPID=", pid))
	if s := <-moved; s != `{"recovered":false,"moved":true}` {
		t.Errorf("the client is told %s", s)
	}
	echoed(t, c)
	if err := p.end(); err != nil {
		t.Errorf("the old process: %v", err)
	}
	n := newcomers.Load()
	for end := time.Now().Add(patience); newcomers.Load() < n+3 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if err := stop(); err != nil {
		t.Errorf("a newcomer: %v", err)
	}
	echoed(t, c)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if s := <-moved; !strings.Contains(s, "1001") {
		t.Errorf("the client is told %s", s)
	}
	p.expect("stopped")
}

// told reads what the service manager is told next.
func told(t *testing.T, manager *net.UnixConn, want string) {
	t.Helper()
	buf := make([]byte, 100)
	_ = manager.SetReadDeadline(time.Now().Add(patience))
	n, err := manager.Read(buf)
	if err != nil || string(buf[:n]) != want {
		t.Errorf("the service manager is told %q, %v, want %q", buf[:n], err, want)
	}
}

// newcomersAt connects one client after the other, until stop, which returns the first failure.
func newcomersAt(addr string) (count *atomic.Int64, stop func() error) {
	count = new(atomic.Int64)
	quit, failed := make(chan bool), make(chan error, 1)
	go func() {
		for {
			select {
			case <-quit:
				failed <- nil
				return
			default:
			}
			c, err := client.New("ws://"+addr, client.Options{
				MaxReconnectAttempts: client.Never})
			if err == nil {
				err = c.Connect(context.Background())
			}
			if err != nil {
				failed <- err
				return
			}
			c.Disconnect()
			count.Add(1)
		}
	}()
	return count, func() error { close(quit); return <-failed }
}

// If the new process does not start, the old one goes on and says why.
func TestSuccessorThatDoesNotStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"host": "127.0.0.1", "port": 0}`)
	p := execute(t, nil, "-config", file)
	addr := p.expect(`listening on (\S+)`)
	c, moved := stay(t, addr)
	for range 2 {
		write(`{"host": "127.0.0.1", "port": -7}`)
		p.signal(syscall.SIGUSR2)
		p.expect(`no other process has taken over.*ended before it served: exit status 2`)
		echoed(t, c)
	}
	write(`{"host": "127.0.0.1", "port": 0}`)
	p.signal(syscall.SIGUSR2) // and it may be asked again
	pid, _ := strconv.Atoi(p.expect(`taken over pid=(\d+)`))
	defer syscall.Kill(pid, syscall.SIGKILL)
	<-moved
	echoed(t, c)
	if err := p.end(); err != nil {
		t.Error(err)
	}
}

// A second signal to end does so at once, whatever the process waits for.
func TestSecondSignalForces(t *testing.T) {
	p := execute(t, nil, "-host", "127.0.0.1", "-port", "0", "-drain-timeout", "1h",
		"-drain-delay", "1h")
	c, moved := stay(t, p.expect(`listening on (\S+)`))
	p.signal(syscall.SIGTERM)
	p.expect("draining")
	p.signal(syscall.SIGUSR2) // is too late, and not the end
	echoed(t, c)
	p.signal(syscall.SIGTERM)
	var exit *exec.ExitError
	if err := p.end(); !errors.As(err, &exit) ||
		exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("it ends with %v", err)
	}
	<-moved // it is gone
}
