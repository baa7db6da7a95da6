package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/ops"
)

// patience limits waits that end this way only if something hangs.
const patience = 60 * time.Second

// program is the server, as the image has it: static.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "deploy")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "smartsocket-server")
	build := exec.Command("go", "build", "-o", program, "./cmd/server")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %s", err, out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// checkConfig fails the test if the server does not take these settings.
func checkConfig(t *testing.T, env []string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, append([]string{"checkconfig"}, args...)...)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%q: %v\n%s", env, err, out)
	}
}

// process is a program that runs until the test ends.
type process struct {
	*exec.Cmd
	log   *output
	ended chan struct{} // closed at its end
}

// output is what a program writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write keeps p.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// String is what was written.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start starts cmd. It is killed when the test ends.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd, new(output), make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = true // its own processes end with it
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // its end is in ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(cmd.Path), p.log)
		}
	})
	return p
}

// hasEnded reports whether the program has ended.
func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// terminate sends SIGTERM.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// until waits until done, which is asked again and again.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never came to this: " + what)
		}
	}
}

// node is a server behind a proxy.
type node struct {
	*process
	port int
	ops  http.Client
}

// startNode starts a server on port, with an operations address that its node.sockets asks.
func startNode(t *testing.T, port int, args ...string) *node {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "ops")
	args = append(args, "-host", "127.0.0.1", "-port", fmt.Sprint(port), "-ops-addr",
		"unix:"+socket)
	cmd := exec.Command(program, args...)
	cmd.Env = []string{}
	n := &node{process: start(t, cmd), port: port}
	n.ops.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (
		net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(n.ops.CloseIdleConnections)
	until(t, "the node is ready", func() bool {
		r, err := n.ops.Get("http://localhost/readyz")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	return n
}

// addresses are those of the clients that the node has, as it knows them.
func (n *node) addresses(t *testing.T) (list []string) {
	t.Helper()
	r, err := n.ops.Get("http://localhost/api/sockets")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var answer struct {
		Sockets []ops.SocketInfo `json:"sockets"`
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	for _, s := range answer.Sockets {
		host, _, err := net.SplitHostPort(s.Address)
		if err != nil {
			host = s.Address
		}
		list = append(list, host)
	}
	return list
}

// find returns the path of a program, or skips the test.
func find(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	of := strings.TrimSuffix(name, "d")
	if name == "promtool" {
		of = "prometheus"
	}
	t.Skipf("%s is not on this machine: apt-get install %s", name, of)
	return ""
}

// read returns a file of this folder.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
