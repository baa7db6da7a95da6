//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"
)

// freeAddr returns an address that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// startNode starts a node and waits until it takes clients.
func startNode(
	ctx context.Context, addr string, ticks float64, limited, keeps bool,
) (*exec.Cmd, error) {
	rate := *pace
	if ticks == slow {
		rate = 1000
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "-role", "node", "-addr", addr,
		fmt.Sprint("-hz=", ticks), fmt.Sprint("-rate=", rate),
		fmt.Sprint("-limits=", limited), fmt.Sprint("-keeps=", keeps),
		fmt.Sprint("-v=", *verbose))
	path, err := os.Executable() // a successor finds it by this name
	if err != nil {
		return nil, err
	}
	cmd.Args[0] = path
	cmd.Stderr = os.Stderr
	if cmd.Stdin, err = life(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd, awaitReady(ctx, "http://"+addr+"/readyz")
}

// alive is a pipe that ends with this process. All nodes read it, also those that others start.
var alive struct{ r, w *os.File }

// life returns the end that nodes read.
func life() (_ *os.File, err error) {
	if alive.r == nil {
		alive.r, alive.w, err = os.Pipe()
	}
	return alive.r, err
}

// endNodes ends all nodes that still run.
func endNodes() {
	if alive.r != nil {
		alive.w.Close()
		alive.r.Close()
		alive.r, alive.w = nil, nil
	}
}

// awaitReady waits until url is answered with 200.
func awaitReady(ctx context.Context, url string) error {
	for {
		r, err := http.Get(url)
		if err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return errors.Join(err, fmt.Errorf("%s does not get ready", url))
		}
	}
}

// pause waits for d.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// terminate asks a process to end, and waits until it has.
func terminate(cmd *exec.Cmd) error {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return cmd.Wait()
}

// crowd are the processes with the clients.
type crowd struct{ members []member }

type member struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// perProcess is how many clients one process has.
const perProcess = 5000

// gather starts n clients of url, and returns when all are connected.
func gather(ctx context.Context, url string, n int) (*crowd, error) {
	c := new(crowd)
	for n > 0 {
		some := min(n, perProcess)
		n -= some
		cmd := exec.CommandContext(ctx, "/proc/self/exe", "-role", "players", url,
			fmt.Sprint(some))
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			return c, err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return c, err
		}
		if err := cmd.Start(); err != nil {
			return c, err
		}
		c.members = append(c.members, member{cmd, in, bufio.NewReader(out)})
	}
	return c, c.hear("connected\n")
}

// hear reads a line of every member.
func (c *crowd) hear(want string) error {
	for _, m := range c.members {
		if line, err := m.out.ReadString('\n'); err != nil || line != want {
			return fmt.Errorf("clients said %q, not %q: %v", line, want, err)
		}
	}
	return nil
}

func (c *crowd) say(word string) error {
	var err error
	for _, m := range c.members {
		_, e := io.WriteString(m.in, word+"\n")
		err = errors.Join(err, e)
	}
	return err
}

// mark forgets what the clients have noticed.
func (c *crowd) mark() error { return errors.Join(c.say("mark"), c.hear("marked\n")) }

// report asks what they have noticed.
func (c *crowd) report() (all report, err error) {
	if err := c.say("report"); err != nil {
		return all, err
	}
	for _, m := range c.members {
		line, err := m.out.ReadBytes('\n')
		if err != nil {
			return all, err
		}
		var r report
		if err := json.Unmarshal(line, &r); err != nil {
			return all, err
		}
		all.add(r)
	}
	return all, nil
}

// awaitAll waits until all n clients are connected, and then for another moment.
func (c *crowd) awaitAll(ctx context.Context, n int) (report, error) {
	for {
		r, err := c.report()
		if err != nil {
			return r, err
		}
		if r.Connected == n {
			if err := pause(ctx, 2*time.Second); err != nil {
				return r, err
			}
			return c.report()
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return r, fmt.Errorf("%d of %d clients are connected: %w", r.Connected, n, err)
		}
	}
}

// end ends the clients.
func (c *crowd) end() {
	_ = c.say("end")
	for _, m := range c.members {
		m.in.Close()
		_ = m.cmd.Wait()
	}
}

// checkEvery is how often HAProxy asks whether a node is ready, in milliseconds.
const checkEvery = 200

var config = template.Must(template.New("haproxy").Parse(`global
	maxconn {{.Most}}
	nbthread 1
defaults
	mode http
	option forwardfor
	option redispatch
	timeout connect 2s
	timeout client 60s
	timeout server 60s
	timeout tunnel 1h
frontend clients
	bind {{.Addr}} backlog 4096
	default_backend nodes
backend nodes
	balance leastconn
	option httpchk GET /readyz
	http-check expect status 200
	timeout check 5s
	default-server check inter {{.Every}} fall 1 rise 1
{{range $i, $a := .Nodes}}	server node{{$i}} {{$a}}
{{end}}`))

// startBalancer starts HAProxy in front of nodes, and waits until it passes requests on.
func startBalancer(ctx context.Context, addr string, nodes []string) (*exec.Cmd, error) {
	program, err := exec.LookPath("haproxy")
	if err != nil {
		return nil, errors.New("HAProxy is missing: install it, as with apt-get install haproxy")
	}
	dir, err := os.MkdirTemp("", "restart-demo-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var text strings.Builder
	if err := config.Execute(&text, map[string]any{"Addr": addr, "Nodes": nodes,
		"Most": 9900, "Every": checkEvery}); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, "-db", "-q", "-f", file)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd, awaitReady(ctx, "http://"+addr+"/readyz")
}
