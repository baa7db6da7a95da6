// Package goid tells goroutines apart. It is for rare questions alone, such as whether Close is
// called by one of the goroutines that it would wait for.
//
// It has no state and no locks.
package goid

import (
	"bytes"
	"runtime"
	"strconv"
)

// ID returns the number of the calling goroutine, which no other goroutine of the process ever
// has. It reads the number from a stack trace, which costs about a microsecond. It returns 0 if
// the trace cannot be read.
func ID() uint64 {
	var buf [64]byte
	head := buf[:runtime.Stack(buf[:], false)]
	fields := bytes.Fields(head)
	if len(fields) < 2 {
		return 0
	}
	id, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return id
}
