package reactor

import (
	"os"
	"reflect"
	"regexp"
	"runtime"
	"testing"
)

func TestNetpollIsTheVersionWhoseInternalsAreUsed(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^\s*(?:require\s+)?github\.com/cloudwego/netpoll (\S+)`).FindSubmatch(mod)
	if m == nil {
		t.Fatal("go.mod does not name netpoll")
	}
	if got := string(m[1]); got != netpollVersion {
		t.Fatalf("go.mod has netpoll %s. The reactor links to netpoll's unexported openPoll and wraps defaultPoll.Reset as read in %s: "+
			"read poll_default*.go and fd_operator*.go of the new version, then change netpollVersion", got, netpollVersion)
	}
}

func TestEventArrayIsBounded(t *testing.T) {
	p, err := openPoll()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		p.Close()
		p.Wait() // returns at once, having closed the descriptors
	}()
	if !boundEvents(p) {
		t.Fatal("netpoll's poll has no settable field Reset func(size, caps int): a loop with many busy connections would hold 1.3 KB per event")
	}
	if runtime.GOOS != "linux" {
		return
	}
	v := reflect.ValueOf(p).Elem()
	reset := v.FieldByName("Reset").Interface().(func(size, caps int))
	for _, size := range []int{128, 256, 512, 1024, 2048, 131072} {
		reset(size, 32)
		if got := v.FieldByName("events").Len(); got != min(size, maxEvents) {
			t.Errorf("after Reset(%d) there are %d events", size, got)
		}
	}
	for _, name := range []string{"bs", "ivs"} {
		if n := v.FieldByName("barriers").Index(0).FieldByName(name).Cap(); n != 0 {
			t.Errorf("a barrier's %s has room for %d", name, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { reset(2048, 32) }); n != 0 {
		t.Errorf("a refused Reset allocates %v times", n)
	}
}
