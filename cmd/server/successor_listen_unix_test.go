//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
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

// succeeded waits until another process has taken over and this one has ended.
func (p *process) succeeded() {
	p.t.Helper()
	pid, err := strconv.Atoi(p.expect(`taken over pid=(\d+)`))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	if err := p.end(); err != nil {
		p.t.Error(err)
	}
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
	late := time.After(patience)
	for open := true; open; { // the log ends with the last process that has it
		select {
		case _, open = <-p.lines:
		case <-late:
			t.Fatal("the other process lives on")
		}
	}
}
