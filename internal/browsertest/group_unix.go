//go:build unix

package browsertest

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// guard is a shell script. It waits until its standard input ends, then kills the process group $0
// and removes the folder $1. Whoever is being killed may still write there.
const guard = `read -r line; kill -s KILL -- "-$0"
rm -rf "$1" 2>/dev/null || { sleep 1; rm -rf "$1"; }`

// start starts cmd, which writes into dir, in a process group of its own. end kills the group and
// removes dir. A second process does both, because no cleanup runs when a test times out or is
// killed: its standard input is a pipe that ends with this process.
func start(cmd *exec.Cmd, dir string) (end func(), err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	// Its own group, too, because an interrupt from the keyboard goes to the whole group.
	guard := exec.Command("/bin/sh", "-c", guard, strconv.Itoa(cmd.Process.Pid), dir)
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	guard.Stderr = os.Stderr
	alive, err := guard.StdinPipe()
	if err == nil {
		err = guard.Start()
	}
	if err != nil {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		return nil, err
	}
	return func() {
		alive.Close()
		guard.Wait()
		cmd.Wait() // last: until then the number of the group belongs to nobody else
	}, nil
}
