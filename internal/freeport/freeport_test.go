package freeport

import (
	"fmt"
	"net"
	"testing"
)

// The ports are free, different, and none that the system gives.
func TestSeveral(t *testing.T) {
	seen := make(map[int]bool)
	for _, port := range Several(t, 50) {
		if seen[port] || port < first || port >= below() {
			t.Errorf("port %d, of those below %d", port, below())
		}
		seen[port] = true
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if port := l.Addr().(*net.TCPAddr).Port; port < below() && below() != firstTaken {
			t.Errorf("the system gives port %d too", port)
		}
	}
}
