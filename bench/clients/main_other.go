//go:build !linux

// Command clients measures what Go clients cost, only on Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "clients: it reads /proc and the CPU clock of Linux: run it there")
	os.Exit(1)
}
