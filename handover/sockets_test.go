package handover

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

func TestInheritedSocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	pid, parent := strconv.Itoa(os.Getpid()), strconv.Itoa(os.Getppid())
	for name, c := range map[string]struct {
		env       map[string]string
		ok, fails bool
	}{
		"systemd": {map[string]string{"LISTEN_PID": pid, "LISTEN_FDS": "1",
			"LISTEN_FDNAMES": "game.socket"}, true, false},
		"two":           {map[string]string{"LISTEN_PID": pid, "LISTEN_FDS": "2"}, false, true},
		"no number":     {map[string]string{"LISTEN_PID": pid, "LISTEN_FDS": "x"}, false, true},
		"another's":     {map[string]string{"LISTEN_PID": "1", "LISTEN_FDS": "1"}, false, false},
		"nothing":       {nil, false, false},
		"a predecessor": {succession(parent, "1", "service"), true, false},
		"one of another name": {succession(parent, "1", "profiles"),
			false, false},
		"more than names":         {succession(parent, "2", "service"), false, true},
		"a predecessor that died": {succession("1", "1", "service"), parent == "1", false},
	} {
		f, err := l.(*net.TCPListener).File() // the sockets take it
		if err != nil {
			t.Fatal(err)
		}
		fd := f.Fd()
		s, err := inherited(func(name string) string { return c.env[name] }, fd, "service")
		if (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			f.Close()
			continue
		}
		took := len(s.inherited) > 0
		got, err := s.Listen("service", "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if same := got.Addr().String() == l.Addr().String(); same != c.ok {
			t.Errorf("%s: it listens on %v", name, got.Addr())
		}
		got.Close()
		s.Close(false)
		if took { // closed by s, and no longer f's
			if err := syscall.Close(int(fd)); err == nil {
				t.Errorf("%s: the descriptor is still open", name)
			}
		}
		f.Close()
	}
}

func succession(parent, count, names string) map[string]string {
	return map[string]string{"LISTEN_PPID": parent, "LISTEN_FDS": count, "LISTEN_FDNAMES": names}
}

// The file of a Unix socket goes with the process, unless another one has the socket.
func TestUnixSocketStaysForTheSuccessor(t *testing.T) {
	for _, handed := range []bool{false, true} {
		s, err := inherited(func(string) string { return "" }, firstInherited, "service")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "s")
		l, err := s.Listen("service", "unix", path)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if _, err := os.Stat(path); err != nil {
			t.Error("the file went with the listener")
		}
		s.Close(handed)
		if _, err := os.Stat(path); (err == nil) != handed {
			t.Errorf("handed over: %v, and then: %v", handed, err)
		}
	}
}
