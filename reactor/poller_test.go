package reactor

import (
	"os"
	"regexp"
	"testing"
)

func TestNetpollIsTheVersionWhoseInternalsAreUsed(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(
		`(?m)^\s*(?:require\s+)?github\.com/cloudwego/netpoll (\S+)`).FindSubmatch(mod)
	if m == nil {
		t.Fatal("go.mod does not name netpoll")
	}
	if got := string(m[1]); got != netpollVersion {
		t.Fatalf("go.mod has netpoll %s. The reactor links to netpoll's unexported openPoll and "+
			"wraps defaultPoll.Reset as read in %s: read poll_default*.go and fd_operator*.go "+
			"of the new version, then change netpollVersion", got, netpollVersion)
	}
}
