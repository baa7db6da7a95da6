//go:build unix

// Package serve is what the servers under test have in common: the line that says where they
// listen, and the signals of the benchmark.
package serve

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"syscall"
)

// Profiles is the name of the environment variable with the path prefix for profiles.
// PREFIX.cpu.pprof covers the time between two SIGUSR2, and PREFIX.heap.pprof is taken at the
// second one.
const Profiles = "BENCH_PROFILES"

// Main runs one server until SIGTERM. start listens on a free port of 127.0.0.1, serves in the
// background and returns the address. SIGUSR1 makes the server collect garbage and return memory to
// the system.
func Main(start func() (addr string, err error)) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTERM, os.Interrupt)
	addr, err := start()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		os.Exit(1)
	}
	fmt.Println("ready", addr)
	var cpu *os.File
	for s := range signals {
		switch s {
		case syscall.SIGUSR1:
			debug.FreeOSMemory()
		case syscall.SIGUSR2:
			if cpu, err = profile(cpu); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
			}
		default:
			return
		}
	}
}

// profile starts the CPU profile, or ends the one in f and adds the heap profile.
func profile(f *os.File) (*os.File, error) {
	prefix := os.Getenv(Profiles)
	if prefix == "" {
		return nil, nil
	}
	if f == nil {
		f, err := os.Create(prefix + ".cpu.pprof")
		if err != nil {
			return nil, err
		}
		return f, pprof.StartCPUProfile(f)
	}
	pprof.StopCPUProfile()
	if err := f.Close(); err != nil {
		return nil, err
	}
	heap, err := os.Create(prefix + ".heap.pprof")
	if err != nil {
		return nil, err
	}
	runtime.GC()
	if err := pprof.WriteHeapProfile(heap); err != nil {
		return nil, err
	}
	return nil, heap.Close()
}
