package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The units are read by systemd itself, with the program where this test has it.
func TestUnits(t *testing.T) {
	analyze := find(t, "systemd-analyze")
	dir := t.TempDir()
	var files []string
	for _, name := range []string{"smartsocket.service", "smartsocket.socket"} {
		text := strings.ReplaceAll(read(t, "systemd/"+name), "/usr/local/bin/smartsocket-server",
			program)
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	out, err := exec.Command(analyze, append([]string{"verify", "--man=no"}, files...)...).
		CombinedOutput()
	for line := range strings.Lines(string(out)) { // it tells of other units on this machine too
		if strings.Contains(line, "smartsocket") {
			t.Error(strings.TrimSpace(line))
		}
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	// 0 is fully shut in, 10 wide open; most services have more than 9.
	out, err = exec.Command(analyze, "security", "--offline=true", "--threshold=20", "--no-pager",
		files[0]).CombinedOutput()
	if strings.Contains(string(out), "unrecognized option") {
		t.Skip("this systemd does not judge the hardening of a file")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The settings of the unit are settings.
func TestUnitSettings(t *testing.T) {
	var env []string
	for _, m := range regexp.MustCompile(`(?m)^Environment=(.*)$`).FindAllStringSubmatch(
		read(t, "systemd/smartsocket.service"), -1) {
		env = append(env, strings.Fields(m[1])...)
	}
	if len(env) < 3 {
		t.Errorf("too few: %q", env)
	}
	checkConfig(t, env)
}

// Each key of the sysctl file is one of Linux, and has a reason above it.
func TestSysctl(t *testing.T) {
	reason := false
	keys := 0
	for line := range strings.Lines(read(t, "sysctl/90-smartsocket.conf")) {
		key, value, set := strings.Cut(strings.TrimSpace(line), "=")
		switch {
		case strings.HasPrefix(line, "#"):
			reason = true
		case !set:
			reason = false
		default:
			keys++
			if !reason || strings.TrimSpace(value) == "" {
				t.Errorf("%s has no reason or no value", key)
			}
			may := strings.HasPrefix(key, "-")
			key = strings.TrimSpace(strings.TrimPrefix(key, "-"))
			path := "/proc/sys/" + strings.ReplaceAll(key, ".", "/")
			if _, err := os.Stat("/proc/sys/net/ipv4/tcp_rmem"); err != nil || may {
				continue // a machine, or a container, that shows none of them
			}
			if _, err := os.Stat(path); err != nil && !strings.HasPrefix(key, "net.core.") {
				t.Errorf("%s is no setting of this kernel: %v", key, err)
			}
		}
	}
	if keys < 10 {
		t.Errorf("only %d keys", keys)
	}
}
