// Package handover lets a new process take over from an old one that serves, without a refused
// connection: the listening sockets go to the new process, which accepts from then on, and the old
// one drains into it. The two have a connection of their own, over which the sessions of clients
// move. Nobody else can have it: it has no name and is inherited, and on Linux the new process
// checks that the old one, under the same user, has made it.
//
//	sockets, err := handover.Inherited("game")
//	l, err := sockets.Listen("game", "tcp", ":3000") // inherited, or bound now
//	server.TakeSessions(sockets.Predecessor())
//	err = server.Serve(l)
//	sockets.CloseRest()
//	handover.Ready()
//	succeeded, stop := handover.Follow(sockets, log)
//	select {
//	case <-ctx.Done(): // SIGTERM
//	case <-succeeded: // SIGUSR2, and the new process serves
//	}
//	stop()
//	select {
//	case <-succeeded: // perhaps just now
//		handed = true
//		sockets.Close(handed)
//		server.GiveSessions(sockets.Successor())
//		err = server.HandOver(drainContext)
//	default:
//		err = server.Drain(drainContext)
//	}
//	err = errors.Join(err, server.Shutdown(shutdownContext))
//	sockets.Close(handed)
//
// The first process may get its sockets from systemd (LISTEN_FDS), and tells systemd what happens
// if it asks for that (NOTIFY_SOCKET, as with Type=notify): READY and, when a successor serves,
// MAINPID. In a container the first process must not end, so nothing can succeed it there.
//
// Sockets.mu is a leaf, but for what Follow does to start a process. Read sockets.go, then
// successor_unix.go.
package handover

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/smartsocket/smartsocket/reactor"
)

// firstInherited is the first descriptor that a service manager hands over (sd_listen_fds(3)).
const firstInherited = 3

// Sockets are the listening sockets of this process: those that it has inherited, by systemd's
// protocol or from the process that it succeeds, and those that it has bound. Its methods may be
// called concurrently.
type Sockets struct {
	mu        sync.Mutex
	inherited map[string][]bequest // by name, until Listen takes them, the first one first
	open      []socket

	predecessor, successor net.Conn // until they are taken
}

// bequest is an inherited socket.
type bequest struct {
	file  *os.File
	owned bool // a Unix socket whose file was bound by a process that this one succeeds
}

// serves says that this process has told that it serves, see Ready. Until then the files of what it
// has inherited are its predecessor's.
var serves atomic.Bool

// socket is a listening socket that a successor can have.
type socket struct {
	name string
	file *os.File // a descriptor of our own
	path string   // of a Unix socket whose file goes with the last process, else ""
	lent bool     // the file is the predecessor's until this process serves
}

// Inherited returns the sockets that were handed over to this process, if any. name is that of the
// one which systemd may hand over. An error says that there are some which cannot be used.
func Inherited(name string) (*Sockets, error) {
	survive()
	s, err := inherited(os.Getenv, firstInherited, name)
	if c := predecessor(); err == nil {
		s.predecessor = c
	} else if c != nil {
		_ = c.Close()
	}
	return s, err
}

// Predecessor returns the connection to the process that this one succeeds, for
// Server.TakeSessions. It is the caller's. It is nil if there is no such process, and at the next
// call.
func (s *Sockets) Predecessor() net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.predecessor
	s.predecessor = nil
	return c
}

// Successor returns the connection to the process that has taken over, for Server.GiveSessions. It
// is the caller's. It is nil if none has, and at the next call.
func (s *Sockets) Successor() net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.successor
	s.successor = nil
	return c
}

func (s *Sockets) setSuccessor(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.successor = c
}

// inherited reads LISTEN_PID and LISTEN_FDS of the environment. A predecessor, which cannot know
// our process id before we run, gives its own as LISTEN_PPID, names in LISTEN_FDNAMES, and in
// LISTEN_OWNED a 1 for each Unix socket whose file goes with the last process, otherwise a 0. The
// descriptors begin at first.
func inherited(env func(string) string, first uintptr, name string) (*Sockets, error) {
	s := &Sockets{inherited: make(map[string][]bequest)}
	count, succeeds := env("LISTEN_FDS"), env("LISTEN_PPID") == strconv.Itoa(os.Getppid())
	if count == "" || !succeeds && env("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return s, nil // none, or meant for another process
	}
	names, owned := []string{name}, []string(nil)
	if succeeds {
		names = strings.Split(env("LISTEN_FDNAMES"), ":")
		owned = strings.Split(env("LISTEN_OWNED"), ":")
	}
	if n, err := strconv.Atoi(count); err != nil || n != len(names) {
		return nil, fmt.Errorf("LISTEN_FDS is %q: hand over exactly one socket", count)
	}
	for i, name := range names {
		b := bequest{file: os.NewFile(first+uintptr(i), "socket "+name)}
		b.owned = i < len(owned) && owned[i] == "1"
		s.inherited[name] = append(s.inherited[name], b)
	}
	return s, nil
}

// Has tells whether a socket of this name was inherited, and nobody has asked for it yet.
func (s *Sockets) Has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.inherited[name]) > 0
}

// Listen returns the inherited socket of this name, or binds one at addr: network is tcp, tcp4,
// tcp6 or unix. Of several of one name it returns them in turn. The listener is the caller's;
// Sockets keeps a descriptor of its own, for a successor.
func (s *Sockets) Listen(name, network, addr string) (net.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if list := s.inherited[name]; len(list) > 0 {
		f := list[0].file
		s.inherited[name] = list[1:]
		l, err := net.FileListener(f) // duplicates it
		if err != nil {
			return nil, fmt.Errorf("the socket of LISTEN_FDS cannot be listened on: %w",
				errors.Join(err, f.Close()))
		}
		opened := socket{name: name, file: f, lent: true}
		if list[0].owned {
			opened.path = l.Addr().String()
		}
		s.open = append(s.open, opened)
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

// CloseRest closes the inherited sockets that Listen has not returned, as of an address that the
// settings do not name any more, and removes the files of Unix sockets among them. Call it when the
// process listens: a client that connects to a socket on which nobody accepts waits in vain.
func (s *Sockets) CloseRest() { s.closeRest(true) }

func (s *Sockets) closeRest(remove bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, list := range s.inherited {
		for _, b := range list { // nobody has asked for it
			x := socket{file: b.file}
			if l, err := net.FileListener(b.file); err == nil {
				if keepFile(l); remove && b.owned {
					x.path = l.Addr().String()
				}
				_ = l.Close()
			}
			x.close()
		}
	}
	clear(s.inherited)
}

// Close closes the descriptors of Sockets. handed says that another process has taken over:
// otherwise the file of a Unix socket is removed, unless it is systemd's, or that of a predecessor
// which goes on because this process has not come to Ready.
func (s *Sockets) Close(handed bool) {
	s.closeRest(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.open {
		if handed || x.lent && !serves.Load() {
			x.path = ""
		}
		x.close()
	}
	s.open = nil
}

func (x *socket) close() {
	_ = x.file.Close()
	if x.path != "" {
		_ = os.Remove(x.path)
	}
}

// lend calls f with the open sockets, which are borrowed: their names, whether their files go with
// the last process, and their descriptors, in the same order.
func (s *Sockets) lend(f func(names, owned []string, files []*os.File) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names, owned []string
	var files []*os.File
	for _, x := range s.open {
		goes := "0"
		if x.path != "" {
			goes = "1"
		}
		names, owned = append(names, x.name), append(owned, goes)
		files = append(files, x.file)
	}
	return f(names, owned, files)
}

// Notify tells the service manager something, if it has asked for that, as in "STOPPING=1"
// (sd_notify(3)).
func Notify(state string) {
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
