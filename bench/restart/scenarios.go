//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// pair are two nodes behind a balancer.
type pair struct {
	addr     string // of the balancer
	nodes    [2]string
	cmds     [2]*exec.Cmd
	balancer *exec.Cmd
}

// startPair starts all three.
func startPair(ctx context.Context, ticks float64, limited bool) (*pair, error) {
	p := new(pair)
	var err error
	for i := range p.nodes {
		if p.nodes[i], err = freeAddr(); err != nil {
			return p, err
		}
		if p.cmds[i], err = startNode(ctx, p.nodes[i], ticks, limited, false); err != nil {
			return p, err
		}
	}
	if p.addr, err = freeAddr(); err != nil {
		return p, err
	}
	p.balancer, err = startBalancer(ctx, p.addr, p.nodes[:])
	return p, err
}

// end kills what still runs.
func (p *pair) end() {
	for _, cmd := range append(p.cmds[:], p.balancer) {
		if cmd != nil && cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
}

// rolling restarts one node after the other.
func rolling(ctx context.Context) (rows []row, err error) {
	p, err := startPair(ctx, *hz, true)
	defer p.end()
	if err != nil {
		return nil, err
	}
	c, err := gather(ctx, "ws://"+p.addr, *clients)
	defer c.end()
	if err != nil {
		return nil, err
	}
	err = errors.Join(pause(ctx, 3*time.Second), c.mark(), pause(ctx, 5*time.Second))
	if err != nil {
		return nil, err
	}
	calm, err := c.report()
	if err = errors.Join(err, c.mark()); err != nil {
		return nil, err
	}
	for i, old := range p.cmds {
		if err := terminate(old); err != nil {
			return nil, fmt.Errorf("node %d: %w", i, err)
		}
		if p.cmds[i], err = startNode(ctx, p.nodes[i], *hz, true, false); err != nil {
			return nil, err
		}
		// until the balancer has noticed, and what is under way has arrived
		if err := pause(ctx, 2*time.Second); err != nil {
			return nil, err
		}
	}
	r, err := c.awaitAll(ctx, *clients)
	if err != nil {
		return nil, err
	}
	longest, before := quantile(r.Gaps, 1), quantile(calm.Gaps, 1)
	name := fmt.Sprintf("rolling restart, 2 nodes, %d clients, %g Hz", *clients, *hz)
	return []row{
		{name + ": longest gap between ticks",
			fmt.Sprintf("%.0f ms, p99 %.0f (in calm %.0f; the machine stalled for %.0f, %.0f)",
				longest, quantile(r.Gaps, 0.99), before, r.Stall, calm.Stall),
			"≤ 250 ms", longest <= 250, false},
		{"  attempts that were refused", told(r), "0", r.Refused == 0, true},
		{"  lost answers", fmt.Sprintf("%d of %d", r.Failed, r.Answered+r.Failed), "0",
			r.Failed == 0, true},
		{"  moves, and lost connections", fmt.Sprintf("%d, %d", r.Moves, r.Reconnects), "each, 0",
			r.Reconnects == 0 && r.Moves >= uint64(*clients), true},
	}, nil
}

// slow is the rate of ticks where there are too many clients for more.
const slow = 1

// alone starts a single node with its clients. keeps says that it keeps their sessions.
func alone(ctx context.Context, keeps bool) (string, *exec.Cmd, *crowd, error) {
	addr, err := freeAddr()
	if err != nil {
		return "", nil, new(crowd), err
	}
	cmd, err := startNode(ctx, addr, slow, true, keeps)
	if err != nil {
		return addr, cmd, new(crowd), err
	}
	c, err := gather(ctx, "ws://"+addr, *single)
	return addr, cmd, c, errors.Join(err, pause(ctx, 2*time.Second), c.mark())
}

// handOver lets a new process take over from a single node.
func handOver(ctx context.Context) (rows []row, err error) {
	_, cmd, c, err := alone(ctx, true)
	defer c.end()
	if err != nil {
		return nil, err
	}
	if err := cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("the old process: %w", err)
	}
	took := time.Since(begin)
	r, err := c.awaitAll(ctx, *single)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("hand-over of a single node, %d clients", *single)
	return []row{
		{name + ": away",
			fmt.Sprintf("p50 %.0f, p99 %.0f ms", quantile(r.Aways, 0.5), quantile(r.Aways, 0.99)),
			"p99 ≤ 500 ms", quantile(r.Aways, 0.99) <= 500, false},
		{"  attempts that were refused", told(r), "0", r.Refused == 0, true},
		{"  lost answers", fmt.Sprintf("%d of %d", r.Failed, r.Answered+r.Failed), "0",
			r.Failed == 0, true},
		{"  sessions that went on", fmt.Sprintf("%d of %d (%.1f %%)", r.Recovered, *single,
			100*float64(r.Recovered)/float64(*single)), "all", r.Recovered == *single, false},
		{"  the old process has ended after", took.Round(time.Second / 10).String(),
			drainTime.String(), took <= drainTime, true},
	}, nil
}

// kill kills a single node, and starts it again a second later.
func kill(ctx context.Context) (rows []row, err error) {
	addr, cmd, c, err := alone(ctx, false)
	defer c.end()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err := pause(ctx, time.Second); err != nil {
		return nil, err
	}
	next, err := startNode(ctx, addr, slow, true, false)
	if err != nil {
		return nil, err
	}
	defer func() { _ = next.Process.Kill(); _ = next.Wait() }()
	down := time.Since(begin).Seconds()
	r, err := c.awaitAll(ctx, *single)
	if err != nil {
		return nil, err
	}
	p99 := quantile(r.Aways, 0.99)
	return []row{{fmt.Sprintf("kill -9 and start, %d clients: away", *single),
		fmt.Sprintf("p50 %.1f, p99 %.1f, max %.1f s; the node for %.1f s",
			quantile(r.Aways, 0.5)/1000, p99/1000, quantile(r.Aways, 1)/1000, down),
		"p99 ≤ 6 s", p99 <= 6000, false},
		{"  failed attempts", told(r), "-", true, false},
		{"  clients that gave up", fmt.Sprint(*single - r.Connected), "0",
			r.Connected == *single, true},
	}, nil
}

// afterBalancer restarts the balancer, with default limits and without any.
func afterBalancer(ctx context.Context) (rows []row, err error) {
	var p99 [2]float64
	var refused int64
	for i, limited := range []bool{false, true} {
		if p99[i], refused, err = restartBalancer(ctx, limited); err != nil {
			return nil, err
		}
	}
	return []row{{fmt.Sprintf("%d clients after HAProxy's restart, default limits: away", *storm),
		fmt.Sprintf("p99 %.1f s, %.1f without limits", p99[1]/1000, p99[0]/1000),
		"p99 ≤ 1.2 × without limits", p99[1] <= 1.2*p99[0], false},
		{"  failed attempts (HAProxy's absence included)", fmt.Sprint(refused), "-", true, false},
	}, nil
}

func restartBalancer(ctx context.Context, limited bool) (p99 float64, refused int64, err error) {
	p, err := startPair(ctx, slow, limited)
	defer p.end()
	if err != nil {
		return 0, 0, err
	}
	c, err := gather(ctx, "ws://"+p.addr, *storm)
	defer c.end()
	if err != nil {
		return 0, 0, err
	}
	if err := errors.Join(pause(ctx, 2*time.Second), c.mark()); err != nil {
		return 0, 0, err
	}
	_ = p.balancer.Process.Kill()
	_ = p.balancer.Wait()
	if p.balancer, err = startBalancer(ctx, p.addr, p.nodes[:]); err != nil {
		return 0, 0, err
	}
	r, err := c.awaitAll(ctx, *storm)
	return quantile(r.Aways, 0.99), r.Refused, err
}

// told says how many attempts were refused, and why one was.
func told(r report) string {
	if r.Refused == 0 {
		return "0"
	}
	const most = 60
	return fmt.Sprintf("%d: %.*s…", r.Refused, most, strings.TrimPrefix(r.Example, "smartsocket: "))
}
