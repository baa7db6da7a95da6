// Package freeport chooses ports for programs of tests that cannot bind port 0, or tell which they
// got. It has no state and no locks.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"testing"
)

// The range from which Linux takes ports unless it is told otherwise.
const (
	firstTaken = 32768
	first      = 10240 // below are those of well-known programs
	tries      = 100
)

// Of returns a TCP port of 127.0.0.1 that nobody listens on. It is none of those that the system
// gives to connections and to who binds port 0, so that no other test gets it before the program
// does.
func Of(t testing.TB) int {
	t.Helper()
	end := below()
	for range tries {
		port := first + rand.IntN(end-first)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatalf("of %d ports from %d to %d none is free", tries, first, end)
	return 0
}

// Several returns n of them, all different.
func Several(t testing.TB, n int) []int {
	t.Helper()
	taken := make(map[int]bool)
	var ports []int
	for len(ports) < n {
		if port := Of(t); !taken[port] {
			taken[port] = true
			ports = append(ports, port)
		}
	}
	return ports
}

// below returns the first port of those that the system gives.
func below() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	var begin int
	if err == nil {
		_, err = fmt.Sscan(string(text), &begin)
	}
	if err != nil || begin < first+1000 { // another system, or one that gives nearly all
		return firstTaken
	}
	return begin
}
