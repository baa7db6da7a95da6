//go:build !unix

package browsertest

import "os/exec"

// start starts cmd. end kills it.
func start(cmd *exec.Cmd, _ string) (end func(), err error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() {
		cmd.Process.Kill()
		cmd.Wait()
	}, nil
}
