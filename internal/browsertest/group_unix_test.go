//go:build unix

package browsertest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A browser and its profile do not outlive the process that has started it, even if that is killed,
// as go test does with a run that hangs.
func TestBrowserDiesWithItsParent(t *testing.T) {
	if dir := os.Getenv("BROWSERTEST_ORPHAN"); dir != "" {
		// A browser of two processes. Both and the guard keep the pipe open to which this one
		// writes.
		cmd := exec.Command("/bin/sh", "-c", "sleep 1000 & wait")
		cmd.Stdout = os.Stderr
		if _, err := start(cmd, dir); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(os.Stderr, "started")
		time.Sleep(time.Hour) // select {} would be a deadlock in a program without cgo
	}
	dir := filepath.Join(t.TempDir(), "profile of a browser")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestBrowserDiesWithItsParent$")
	cmd.Env = append(os.Environ(), "BROWSERTEST_ORPHAN="+dir)
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	out := bufio.NewReader(r)
	if line, err := out.ReadString('\n'); line != "started\n" {
		t.Errorf("it said %q (%v)", line, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if rest, err := io.ReadAll(out); err != nil || len(rest) > 0 { // ends with the last of them
		t.Errorf("%q, %v", rest, err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the profile is still there: %v", err)
	}
}

// What has ended by itself is ended without harm, and the profile is gone all the same.
func TestEndOfWhatHasEnded(t *testing.T) {
	dir := t.TempDir()
	profile := filepath.Join(dir, "p")
	cmd := exec.Command("/bin/sh", "-c", fmt.Sprintf("mkdir %q && exit 3", profile))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	end, err := start(cmd, profile)
	if err != nil {
		t.Fatal(err)
	}
	io.ReadAll(out)
	end()
	if _, err := os.Stat(profile); !os.IsNotExist(err) {
		t.Errorf("the profile is still there: %v", err)
	}
}
