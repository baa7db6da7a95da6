// Package leaktest finds goroutines of this module that outlive the tests of a package. It has no
// mutex.
package leaktest

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long goroutines that are about to end may take. Their end gives no signal.
const patience = 5 * time.Second

// Main runs the tests of a package and fails the run if goroutines of ours are left behind. It is
// all that a TestMain needs, and does not return.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if left := Left(); left != "" {
			os.Stderr.WriteString("goroutines were left behind:\n" + left)
			code = 1
		}
	}
	os.Exit(code)
}

// Left waits until the goroutines that run code of this module, or of netpoll, have ended. It
// returns the stacks of those that do not end, or "" if there are none. The goroutine of the caller
// does not count.
func Left() string {
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		left := ours(Stacks())
		if left == "" || time.Now().After(end) {
			return left
		}
	}
}

// Stacks returns the stacks of all goroutines, that of the caller first.
func Stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

func ours(stacks string) string {
	var left strings.Builder
	_, others, _ := strings.Cut(stacks, "\n\n")
	for _, g := range strings.Split(others, "\n\n") {
		if strings.Contains(g, "smartsocket/smartsocket") || strings.Contains(g, "netpoll.") {
			left.WriteString(g + "\n\n")
		}
	}
	return left.String()
}
