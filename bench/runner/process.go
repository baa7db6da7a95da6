//go:build linux

package runner

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/smartsocket/smartsocket/bench/floor"
	"github.com/smartsocket/smartsocket/bench/load"
	"github.com/smartsocket/smartsocket/bench/serve"
)

// pinned calls f, which starts processes, on a thread that is bound to one CPU. cpu < 0 means any
// CPU.
func pinned(cpu int, f func() error) error {
	if cpu < 0 {
		return f()
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its goroutine
		var set [16]uint64
		set[cpu/64] = 1 << (cpu % 64)
		if _, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(set),
			uintptr(unsafe.Pointer(&set))); e != 0 {
			done <- fmt.Errorf("sched_setaffinity: CPU %d: %w", cpu, e)
			return
		}
		done <- f()
	}()
	return <-done
}

// twoCPUs returns the first and the last CPU that this process may use, or -1 for both if there is
// only one.
func twoCPUs() (server, generator int) {
	var set [16]uint64
	n, _, e := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(set),
		uintptr(unsafe.Pointer(&set)))
	server, generator = -1, -1
	for cpu := range int(n) * 8 {
		if e == 0 && set[cpu/64]>>(cpu%64)&1 == 1 {
			if server < 0 {
				server = cpu
			}
			generator = cpu
		}
	}
	if server == generator {
		return -1, -1
	}
	return server, generator
}

// process is a running server.
type process struct {
	cmd    *exec.Cmd
	addr   string
	stderr bytes.Buffer
}

// readyIn is how long a server may take to listen.
const readyIn = 10 * time.Second

// start runs bin on a CPU and waits for its "ready ADDRESS".
func start(bin string, args []string, cpu int, profiles string) (*process, error) {
	p := &process{cmd: exec.Command(bin, args...)}
	p.cmd.Env = append(os.Environ(), "GOMAXPROCS=1", serve.Profiles+"="+profiles)
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := pinned(cpu, p.cmd.Start); err != nil {
		return nil, err
	}
	late := time.AfterFunc(readyIn, func() { _ = p.cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	late.Stop()
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !ok {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		return nil, fmt.Errorf("%s did not start within %v: %s", filepath.Base(bin), readyIn,
			p.stderr.String())
	}
	p.addr = addr
	return p, nil
}

// stop ends the server and waits until it has ended.
func (p *process) stop() error {
	late := time.AfterFunc(readyIn, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	err := p.cmd.Wait()
	if s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signaled() &&
		s.Signal() == syscall.SIGTERM {
		return nil // the floor has no handler
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(p.cmd.Path), err, p.stderr.String())
	}
	return nil
}

// Generate is the first argument that turns a benchmark program into the load generator. It then
// reads parameters from standard input and writes the result to standard output.
const Generate = "generate"

// generate is the main function of the generator's process.
func generate() error {
	var p load.Params
	if err := json.NewDecoder(os.Stdin).Decode(&p); err != nil {
		return fmt.Errorf("parameters: %w", err)
	}
	r, err := load.Run(p)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// drive runs the generator against a server.
func drive(p load.Params, cpu int) (load.Result, error) {
	var r load.Result
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	in, err := json.Marshal(p)
	if err != nil {
		return r, err
	}
	var out, stderr bytes.Buffer
	cmd := exec.Command(self, Generate)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &stderr
	if err := pinned(cpu, cmd.Start); err != nil {
		return r, err
	}
	if err := cmd.Wait(); err != nil {
		return r, errors.New(strings.TrimSpace(stderr.String()))
	}
	return r, json.Unmarshal(out.Bytes(), &r)
}

// build compiles the floor and the packages of the servers into dir. The result maps Server.Package
// to a path.
func build(dir string, servers []Server, pgo string) (map[string]string, error) {
	bins := map[string]string{}
	for _, s := range servers {
		if bins[s.Package] != "" {
			continue
		}
		if s.Package == "" {
			bin, err := floor.Build(dir)
			if err != nil {
				return nil, err
			}
			bins[""] = bin
			continue
		}
		bin := filepath.Join(dir, fmt.Sprintf("server%d-%s", len(bins), filepath.Base(s.Package)))
		args := []string{"build", "-trimpath", "-o", bin}
		if pgo != "" && s.Ours {
			args = append(args, "-pgo="+pgo)
		}
		if out, err := exec.Command("go", append(args, s.Package)...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go build %s: %w\n%s", s.Package, err, out)
		}
		bins[s.Package] = bin
	}
	return bins, nil
}
