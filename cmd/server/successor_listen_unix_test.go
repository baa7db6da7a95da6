//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Each of several addresses goes on in the new process, also those that are written alike.
func TestSuccessorOnSeveralAddresses(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	p := execute(t, nil, "-listen", "127.0.0.1:0,127.0.0.1:0,unix:"+socket)
	var addrs []string
	for range 3 {
		addrs = append(addrs, p.expect(`listening on (\S+)`))
	}
	p.signal(syscall.SIGUSR2)
	for i := range 3 {
		if got := p.expect(`listening on (\S+)`); got != addrs[i] {
			t.Errorf("the new process listens on %s, not on %s", got, addrs[i])
		}
	}
	p.succeeded()
	for _, addr := range addrs[:2] {
		answers(t, "tcp", addr, nil)
	}
	answers(t, "unix", socket, nil)
}

// The file of a Unix socket goes with the last process, and not with one that fails to succeed.
func TestUnixSocketGoesWithTheLast(t *testing.T) {
	dir := t.TempDir()
	stays, goes, file := filepath.Join(dir, "s"), filepath.Join(dir, "g"), filepath.Join(dir, "c")
	write := func(addresses ...string) {
		text := `{"listen": ["` + strings.Join(addresses, `", "`) + `"]}`
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	there := func(path string) bool {
		_, err := os.Lstat(path)
		return err == nil
	}
	write("unix:"+stays, "unix:"+goes)
	p := execute(t, nil, "-config", file)
	p.expect(`listening on (\S+)`)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	write("unix:"+stays, taken.Addr().String())
	p.signal(syscall.SIGUSR2)
	p.expect(`no other process has taken over`)
	if !there(stays) || !there(goes) {
		t.Error("a process that did not serve has removed the files of its predecessor")
	}
	answers(t, "unix", stays, nil)
	write("unix:" + stays)
	p.signal(syscall.SIGUSR2)
	pid := p.succeeded()
	if !there(stays) || there(goes) {
		t.Errorf("after the hand-over: %t, %t", there(stays), there(goes))
	}
	answers(t, "unix", stays, nil)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.expect("stopped")
	p.over()
	if there(stays) {
		t.Error("the file is still there")
	}
}

// over waits until no process has the log any more.
func (p *process) over() {
	p.t.Helper()
	late := time.After(patience)
	for open := true; open; {
		select {
		case _, open = <-p.lines:
		case <-late:
			p.t.Fatal("another process lives on")
		}
	}
}

// succeeded waits until another process has taken over and this one has ended. It returns the
// other's id.
func (p *process) succeeded() (pid int) {
	p.t.Helper()
	pid, err := strconv.Atoi(p.expect(`taken over pid=(\d+)`))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	if err := p.end(); err != nil {
		p.t.Error(err)
	}
	return pid
}

// An address that the new process does not have refuses clients. They do not wait there for nobody.
func TestSuccessorWithoutAnAddress(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"listen": ["127.0.0.1:0", "localhost:0"]}`)
	p := execute(t, nil, "-config", file)
	stays, goes := p.expect(`listening on (\S+)`), p.expect(`listening on (\S+)`)
	write(`{"listen": ["127.0.0.1:0"]}`)
	p.signal(syscall.SIGUSR2)
	p.succeeded()
	answers(t, "tcp", stays, nil)
	if nc, err := net.Dial("tcp", goes); err == nil {
		nc.Close()
		t.Error("somebody may connect to an address on which nobody accepts")
	}
}

// A process that is to end while another one starts takes that along.
func TestEndsWhileASuccessorStarts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Skip("no named pipes here: ", err)
	}
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(file, []byte(`{"host": "127.0.0.1", "port": 0}`), 0) }()
	p := execute(t, nil, "-config", file)
	c, _ := stay(t, p.expect(`listening on (\S+)`))
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGUSR2)
	p.expect("starting another process") // which waits for somebody to write
	p.signal(syscall.SIGUSR2)
	echoed(t, c)
	p.signal(syscall.SIGTERM)
	p.expect("no other process has taken over.*this one ends")
	p.expect("stopped")
	if err := p.end(); err != nil {
		t.Error(err)
	}
	p.over() // also the one that was started
}
