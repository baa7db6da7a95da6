//go:build !linux

// Command bench measures SmartSocket, only on Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: the generator uses epoll and /proc: run it on Linux")
	os.Exit(1)
}
