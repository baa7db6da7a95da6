package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
)

// firstInherited is the first descriptor that a service manager hands over (sd_listen_fds(3)).
const firstInherited = 3

// inherited is the socket that systemd has opened for this process, nil if there is none. host and
// port are not used then.
func (c *settings) inherited() (net.Listener, error) {
	return inherit(os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), firstInherited)
}

// inherit reads LISTEN_PID and LISTEN_FDS. The descriptor is fd.
func inherit(pid, count string, fd uintptr) (net.Listener, error) {
	if pid == "" || count == "" || pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n != 1 {
		return nil, fmt.Errorf("LISTEN_FDS is %q: hand over exactly one socket", count)
	}
	f := os.NewFile(fd, "LISTEN_FDS")
	defer f.Close() // FileListener duplicates it
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("the socket of LISTEN_FDS cannot be listened on: %w", err)
	}
	return l, nil
}
