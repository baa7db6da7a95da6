//go:build linux

// Command clients measures what Go clients cost the process that runs them, against a server in
// another process:
//
//	go run ./bench/clients            # memory and goroutines of 1000 idle clients
//	go run ./bench/clients -n 5000 -rate 1 -for 20s
//
// With a rate each client emits so many events a second, and the server answers each of them with
// an event. The CPU time is that of the process with the clients, user and system.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
)

var (
	serve  = flag.Bool("serve", false, "be the server, until standard input ends")
	number = flag.Int("n", 1000, "number of clients")
	rate   = flag.Float64("rate", 0, "events a second of each client; 0 = they stay idle")
	length = flag.Duration("for", 20*time.Second, "how long they emit")
)

// beat is the time between the server's heartbeats. Idle clients are measured after some, because
// they are never without.
const beat = 6 * time.Second

type tick struct{ X, Y, Seq int }

func main() {
	log.SetFlags(0)
	flag.Parse()
	run := measure
	if *serve {
		run = server
	}
	if err := run(); err != nil {
		log.Fatal("clients: ", err)
	}
}

// server answers every tick until the other process ends.
func server() error {
	v, err := smartsocket.New(smartsocket.Options{
		Host:               "127.0.0.1",
		Port:               -1,
		EnableRateLimiting: smartsocket.Disabled,
		ConnectionTimeout:  2 * beat,
	})
	if err != nil {
		return err
	}
	smartsocket.On(v, "tick", func(s *smartsocket.Socket, t tick, _ smartsocket.Ack) {
		s.Emit("tock", t)
	}, smartsocket.Inline)
	if err := v.Start(); err != nil {
		return err
	}
	fmt.Println(v.Addr())
	bufio.NewReader(os.Stdin).ReadByte() // ends with the other process
	return v.Close()
}

// start starts this program as the server. stop ends it.
func start() (url string, stop func(), err error) {
	cmd := exec.Command("/proc/self/exe", "-serve")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		in.Close()
		cmd.Wait()
	}
	var addr string
	if _, err := fmt.Fscanln(out, &addr); err != nil {
		stop()
		return "", nil, fmt.Errorf("the server did not start: %w", err)
	}
	return "ws://" + addr, stop, nil
}

func measure() error {
	url, stop, err := start()
	if err != nil {
		return err
	}
	defer stop()
	before := use()
	var received atomic.Int64
	list, err := connect(url, &received)
	if err != nil {
		return err
	}
	after := use()
	fmt.Printf("%d idle clients: %.2f KB each (heap %.2f, stacks %.2f), %.2f goroutines each\n",
		*number, each(before.heap+before.stacks, after.heap+after.stacks)/1024,
		each(before.heap, after.heap)/1024, each(before.stacks, after.stacks)/1024,
		each(before.goroutines, after.goroutines))
	if *rate > 0 {
		if err := emit(list, &received); err != nil {
			return err
		}
		busy := use()
		fmt.Printf("idle again: %.2f KB each\n",
			each(before.heap+before.stacks, busy.heap+busy.stacks)/1024)
	}
	for _, c := range list {
		c.Disconnect()
	}
	return nil
}

// connect connects the clients, 50 at a time.
func connect(url string, received *atomic.Int64) ([]*client.Client, error) {
	list := make([]*client.Client, *number)
	errs := make(chan error, *number)
	places := make(chan struct{}, 50)
	var all sync.WaitGroup
	for i := range list {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			c, err := client.New(url, client.Options{})
			if err == nil {
				client.On(c, "tock", func(tick, client.Ack) { received.Add(1) })
				list[i], err = c, c.Connect(context.Background())
			}
			errs <- err
		})
	}
	all.Wait()
	for range list {
		if err := <-errs; err != nil {
			return nil, err
		}
	}
	return list, nil
}

// emit lets the clients emit, evenly spread over the time, and prints what that cost.
func emit(list []*client.Client, received *atomic.Int64) error {
	const step = 10 * time.Millisecond
	begin, cpu := time.Now(), cpuTime()
	sent := 0
	for now := begin; now.Sub(begin) < *length; now = time.Now() {
		due := int(now.Sub(begin).Seconds() * *rate * float64(len(list)))
		for ; sent < due; sent++ {
			if err := list[sent%len(list)].Emit("tick", tick{1, 2, sent}); err != nil {
				return err
			}
		}
		time.Sleep(step)
	}
	took, used := time.Since(begin), cpuTime()-cpu
	fmt.Printf("%d clients at %g events/s: %.3f cores, %.1f µs an event with its answer; "+
		"%d sent, %d received\n", len(list), *rate, used.Seconds()/took.Seconds(),
		float64(used.Microseconds())/float64(sent), sent, received.Load())
	return nil
}

// usage is what the process has in use.
type usage struct{ heap, stacks, goroutines uint64 }

// use measures after garbage collections, which also shrink stacks and empty pools.
func use() usage {
	time.Sleep(2*beat + time.Second)
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{m.HeapInuse, m.StackInuse, uint64(runtime.NumGoroutine())}
}

func each(before, after uint64) float64 {
	return (float64(after) - float64(before)) / float64(*number)
}

func cpuTime() time.Duration {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
