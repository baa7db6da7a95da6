//go:build unix

package handover

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/smartsocket/smartsocket/internal/socketpair"
)

// startTime is how long a successor may take until it serves.
const startTime = 30 * time.Second

// readyLine is what a successor writes when it serves.
const readyLine = "ready\n"

// asked gets each SIGUSR2, from survive on.
var asked = make(chan os.Signal, 1)

// survive catches a SIGUSR2 also while nobody follows, when the system would end the process with
// it. One that comes before the process serves waits for Follow.
var survive = sync.OnceFunc(func() { signal.Notify(asked, syscall.SIGUSR2) })

// Follow starts the program anew at each SIGUSR2, and hands the listening sockets on. The
// channel is closed when the new process serves. If it does not start, the log says why, and this
// process goes on. stop ends the waiting, and a new process that does not serve yet. A SIGUSR2
// after that has no effect. Follow is for one caller in a process.
func Follow(s *Sockets, log *slog.Logger) (succeeded <-chan struct{}, stop func()) {
	survive()
	quit, done, served := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-asked:
			}
			pid, err := succeed(s, quit, log)
			if err == nil {
				log.Info("another process has taken over", "pid", pid)
				Notify("MAINPID=" + strconv.Itoa(pid))
				close(served)
				return
			}
			log.Error("no other process has taken over, this one goes on", "error", err)
		}
	}()
	return served, func() {
		close(quit)
		<-done
	}
}

// succeed starts the program anew, and returns once it serves, or with the reason why not.
func succeed(s *Sockets, quit <-chan struct{}, log *slog.Logger) (pid int, err error) {
	path, err := exec.LookPath(os.Args[0])
	if err != nil {
		return 0, fmt.Errorf("the program is not there any more: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	ours, theirs, err := line()
	if err != nil {
		w.Close()
		return 0, err
	}
	defer theirs.Close()
	next := exec.Command(path, os.Args[1:]...)
	next.Stdin, next.Stdout, next.Stderr = os.Stdin, os.Stdout, os.Stderr
	log.Info("starting another process", "program", path)
	err = s.lend(func(names, owned []string, files []*os.File) error {
		next.Env = successorEnv(os.Environ(), names, owned)
		next.ExtraFiles = append(append(next.ExtraFiles, files...), w, theirs)
		return next.Start()
	})
	w.Close()
	if err != nil {
		ours.Close()
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- next.Wait() }()
	if err := awaitReady(r, quit, ended); err != nil {
		_ = next.Process.Kill() // if it still runs
		ours.Close()
		return 0, err
	}
	s.setSuccessor(ours)
	return next.Process.Pid, nil
}

// line makes the connection between this process and the next one. Nobody else can have it: it has
// no name, and its other end is inherited.
func line() (ours net.Conn, theirs *os.File, err error) {
	a, b, err := socketpair.New()
	if err != nil {
		return nil, nil, err
	}
	defer b.Close() // File duplicates it
	if theirs, err = b.File(); err != nil {
		a.Close()
		return nil, nil, err
	}
	return a, theirs, nil
}

// predecessor returns the connection to the process that has started this one to succeed it, nil
// if there is none.
func predecessor() net.Conn {
	fd, err := strconv.Atoi(os.Getenv("HANDOVER_FD"))
	if err != nil || os.Getenv("LISTEN_PPID") != strconv.Itoa(os.Getppid()) {
		return nil
	}
	os.Unsetenv("HANDOVER_FD")
	f := os.NewFile(uintptr(fd), "HANDOVER_FD")
	defer f.Close() // FileConn duplicates it
	c, err := net.FileConn(f)
	if err != nil {
		return nil
	}
	u, ok := c.(*net.UnixConn)
	if !ok || !ofParent(u) {
		c.Close()
		return nil
	}
	return u
}

// awaitReady waits until the process at the other end of r has said that it serves.
func awaitReady(r *os.File, quit <-chan struct{}, ended <-chan error) error {
	said := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(io.LimitReader(r, 16)).ReadString('\n')
		said <- line
	}()
	timer := time.NewTimer(startTime)
	defer timer.Stop()
	for {
		select {
		case line := <-said:
			if line == readyLine {
				return nil
			}
			select { // it has ended, or closed the pipe
			case err := <-ended:
				return fmt.Errorf("it ended before it served: %v", err)
			case <-timer.C:
			case <-quit:
			}
			return errors.New("it did not say that it serves: is it another program?")
		case <-timer.C:
			return fmt.Errorf("it did not serve within %v", startTime)
		case <-quit:
			return errors.New("this one ends")
		}
	}
}

// successorEnv is env for a process that gets sockets of these names, the files of some of which it
// owns, and then the pipe by which it says that it serves, and the line.
func successorEnv(env, names, owned []string) []string {
	var kept []string
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "LISTEN_") && name != "READY_FD" && name != "HANDOVER_FD" {
			kept = append(kept, v)
		}
	}
	return append(kept, "LISTEN_PPID="+strconv.Itoa(os.Getpid()),
		"LISTEN_FDS="+strconv.Itoa(len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"),
		"LISTEN_OWNED="+strings.Join(owned, ":"),
		"READY_FD="+strconv.Itoa(firstInherited+len(names)),
		"HANDOVER_FD="+strconv.Itoa(firstInherited+len(names)+1))
}

// Ready tells the process that this one succeeds, and the service manager, that this one
// serves.
func Ready() {
	serves.Store(true)
	Notify("READY=1")
	fd, err := strconv.Atoi(os.Getenv("READY_FD"))
	if err != nil || os.Getenv("LISTEN_PPID") != strconv.Itoa(os.Getppid()) {
		return
	}
	os.Unsetenv("READY_FD")
	f := os.NewFile(uintptr(fd), "READY_FD")
	_, _ = f.WriteString(readyLine) // if nobody reads it, nobody waits
	_ = f.Close()
}
