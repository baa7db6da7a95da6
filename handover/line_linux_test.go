//go:build linux

package handover

import (
	"io"
	"os"
	"strconv"
	"testing"
)

// A process takes a connection for that to its predecessor only if its parent has made it.
func TestPredecessorMustBeTheParent(t *testing.T) {
	ours, theirs, err := line()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	t.Setenv("LISTEN_PPID", strconv.Itoa(os.Getppid()))
	t.Setenv("HANDOVER_FD", strconv.Itoa(int(theirs.Fd())))
	if c := predecessor(); c != nil {
		t.Error("it takes one that this process has made")
		c.Close()
	}
	if os.Getenv("HANDOVER_FD") != "" {
		t.Error("its own children would inherit the number of the descriptor")
	}
	if n, err := ours.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		t.Errorf("the connection is still open: %v", err)
	}
	t.Setenv("LISTEN_PPID", "1")
	t.Setenv("HANDOVER_FD", "7")
	if os.Getppid() != 1 && predecessor() != nil {
		t.Error("it takes one of a process that is gone")
	}
}

// Each of the two connections is handed out once.
func TestConnectionsAreHandedOutOnce(t *testing.T) {
	ours, theirs, err := line()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	defer ours.Close()
	s := new(Sockets)
	if s.Predecessor() != nil || s.Successor() != nil {
		t.Error("there is one")
	}
	s.setSuccessor(ours)
	if s.Successor() != ours || s.Successor() != nil {
		t.Error("it is not handed out once")
	}
}
