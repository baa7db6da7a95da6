//go:build !linux

// Command restart needs Linux: it reads what Linux tells of processes, and hands sockets on.
package main

import "log"

func main() { log.Fatal("restart: this measurement needs Linux") }
