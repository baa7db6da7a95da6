package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/smartsocket/smartsocket/reactor"
)

// firstInherited is the first descriptor that a service manager hands over (sd_listen_fds(3)).
const firstInherited = 3

// Names of listening sockets, by which a successor finds them.
const (
	serviceSocket  = "service"
	profilesSocket = "profiles"
	opsSocket      = "operations"
)

// sockets are the listening sockets of this process: those that it has inherited, by systemd's
// protocol or from the process that it succeeds, and those that it has bound. Its methods may be
// called concurrently.
type sockets struct {
	mu        sync.Mutex
	inherited map[string]*os.File
	open      []socket
}

// socket is a listening socket that a successor can have.
type socket struct {
	name string
	file *os.File // a descriptor of our own
	path string   // of a Unix socket that we have bound, else ""
}

// inheritedSockets reads LISTEN_PID and LISTEN_FDS of the environment. A predecessor, which cannot
// know our process id before we run, gives its own as LISTEN_PPID, and names in LISTEN_FDNAMES.
// Without names there is one socket, the service's. The descriptors begin at first.
func inheritedSockets(env func(string) string, first uintptr) (*sockets, error) {
	s := &sockets{inherited: make(map[string]*os.File)}
	count, names := env("LISTEN_FDS"), []string{serviceSocket}
	switch {
	case count == "":
		return s, nil
	case env("LISTEN_PPID") == strconv.Itoa(os.Getppid()):
		names = strings.Split(env("LISTEN_FDNAMES"), ":")
	case env("LISTEN_PID") != strconv.Itoa(os.Getpid()):
		return s, nil // meant for another process
	}
	n, err := strconv.Atoi(count)
	if err != nil || n != len(names) {
		return nil, fmt.Errorf("LISTEN_FDS is %q: hand over exactly one socket", count)
	}
	for i, name := range names {
		s.inherited[name] = os.NewFile(first+uintptr(i), "LISTEN_FDS "+name)
	}
	return s, nil
}

// listen returns the inherited socket of this name, or binds one at addr.
func (s *sockets) listen(name, network, addr string) (net.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.inherited[name]; f != nil {
		delete(s.inherited, name)
		l, err := net.FileListener(f) // duplicates it
		if err != nil {
			return nil, fmt.Errorf("the socket of LISTEN_FDS cannot be listened on: %w",
				errors.Join(err, f.Close()))
		}
		s.open = append(s.open, socket{name: name, file: f})
		keepFile(l)
		return l, nil
	}
	l, err := bind(network, addr)
	if err != nil {
		return nil, err
	}
	f, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	opened := socket{name: name, file: f}
	if network == "unix" {
		opened.path = addr
	}
	s.open = append(s.open, opened)
	keepFile(l)
	return l, nil
}

// inherits reports whether there is an inherited socket of this name that nobody has asked for.
func (s *sockets) inherits(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inherited[name] != nil
}

// keepFile lets the file of a Unix socket stay when l is closed, because a successor may have it.
func keepFile(l net.Listener) {
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
}

// bind binds addr as the library would.
func bind(network, addr string) (net.Listener, error) {
	if network == "unix" {
		return reactor.BindUnix(addr)
	}
	return net.Listen(network, addr)
}

// close closes all of them. Another process may still have them: then handed is true.
func (s *sockets) close(handed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.open {
		if handed {
			x.path = ""
		}
		x.close()
	}
	s.open = nil
	for _, f := range s.inherited {
		_ = f.Close() // nobody has asked for it
	}
	clear(s.inherited)
}

func (x *socket) close() {
	_ = x.file.Close()
	if x.path != "" {
		_ = os.Remove(x.path)
	}
}

// lend calls f with the open sockets and their names, in the same order. They are borrowed.
func (s *sockets) lend(f func(names []string, files []*os.File) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	var files []*os.File
	for _, x := range s.open {
		names = append(names, x.name)
		files = append(files, x.file)
	}
	return f(names, files)
}

// notify tells the service manager something, if it has asked for that (sd_notify(3)).
func notify(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if strings.HasPrefix(path, "@") {
		path = "\x00" + path[1:]
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return // it is gone, and nobody else wants to know
	}
	defer c.Close()
	_, _ = c.Write([]byte(state))
}
