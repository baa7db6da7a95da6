//go:build linux

package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/client"
)

// player is one client, and what it has noticed since the last mark.
type player struct {
	c                   *client.Client
	last, gap, lostAt   atomic.Int64 // nanoseconds; the time of the last tick, 0 = not lost
	away                atomic.Int64
	answered, forgotten atomic.Int64
	recovered           atomic.Bool // its session went on at the last reconnection
}

// report is what the players of a process have noticed. Times are in milliseconds, sorted.
type report struct {
	Gaps, Aways               []float64
	Moves, Reconnects         uint64
	Refused, Answered, Failed int64
	Connected, Recovered      int
	Stall                     float64 // how late a timer of this process was at most
	Example                   string  // of an attempt that was refused
}

// add adds the report of another process.
func (r *report) add(o report) {
	r.Gaps, r.Aways = append(r.Gaps, o.Gaps...), append(r.Aways, o.Aways...)
	slices.Sort(r.Gaps)
	slices.Sort(r.Aways)
	r.Moves, r.Reconnects = r.Moves+o.Moves, r.Reconnects+o.Reconnects
	r.Refused, r.Answered = r.Refused+o.Refused, r.Answered+o.Answered
	r.Stall = max(r.Stall, o.Stall)
	r.Example = cmp.Or(r.Example, o.Example)
	r.Failed, r.Connected = r.Failed+o.Failed, r.Connected+o.Connected
	r.Recovered += o.Recovered
}

// quantile of sorted values.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// refusals counts attempts to connect that failed.
type refusals struct {
	slog.Handler
	n     atomic.Int64
	first atomic.Pointer[string]
}

// count counts an attempt that failed because of err.
func (r *refusals) count(err string) {
	if r.n.Add(1) == 1 {
		r.first.Store(&err)
	}
}

func (r *refusals) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle counts attempts of a move that failed, of which no error tells.
func (r *refusals) Handle(_ context.Context, rec slog.Record) error {
	if strings.Contains(rec.Message, "next connection could not be made") {
		rec.Attrs(func(a slog.Attr) bool {
			if a.Key == "error" {
				r.count(a.Value.String())
			}
			return true
		})
	}
	return nil
}

var start = time.Now()

func now() int64 { return int64(time.Since(start)) }

// players connects as many clients to a URL as args say, and answers what is asked on standard
// input: "mark" forgets what was noticed, "report" tells it, "end" leaves.
func players(ctx context.Context, args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	refused := &refusals{Handler: slog.DiscardHandler}
	all := make([]*player, n)
	var connecting sync.WaitGroup
	places := make(chan bool, 64)
	for i := range all {
		if all[i], err = newPlayer(args[0], i, refused); err != nil {
			return err
		}
		places <- true
		connecting.Go(func() {
			defer func() { <-places }()
			for all[i].c.Connect(ctx) != nil && ctx.Err() == nil {
			}
		})
	}
	connecting.Wait()
	go ask(ctx, all)
	var stall atomic.Int64
	go watch(ctx, &stall)
	fmt.Println("connected")
	out := json.NewEncoder(os.Stdout)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case "mark":
			for _, p := range all {
				p.gap.Store(0)
				p.away.Store(0)
				p.answered.Store(0)
				p.forgotten.Store(0)
			}
			refused.n.Store(0)
			stall.Store(0)
			fmt.Println("marked")
		case "report":
			r := noticed(all, refused)
			r.Stall = float64(stall.Load()) / 1e6
			if err := out.Encode(r); err != nil {
				return err
			}
		case "end":
			return nil
		}
	}
	return nil
}

// newPlayer makes the ith client. They have several addresses, because one has too few ports.
func newPlayer(url string, i int, refused *refusals) (*player, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%20))}}
	c, err := client.New(url, client.Options{MaxReconnectAttempts: client.Forever,
		Dial: d.DialContext, Logger: slog.New(refused)})
	if err != nil {
		return nil, err
	}
	p := &player{c: c}
	c.On("tick", func(client.Data, client.Ack) {
		t := now()
		if last := p.last.Swap(t); last > 0 && t-last > p.gap.Load() {
			p.gap.Store(t - last)
		}
	})
	c.OnConnected(func() {
		if lost := p.lostAt.Swap(0); lost > 0 {
			p.away.Store(max(p.away.Load(), now()-lost))
		}
	})
	c.OnReconnected(p.recovered.Store)
	c.OnDisconnected(func(client.Reason) { p.lostAt.Store(now()) })
	c.OnError(func(err error) { refused.count(err.Error()) })
	return p, nil
}

// watch measures how late the machine is for whoever wants nothing but the time.
func watch(ctx context.Context, stall *atomic.Int64) {
	const beat = 10 * time.Millisecond
	for last := now(); pause(ctx, beat) == nil; {
		t := now()
		stall.Store(max(stall.Load(), t-last-int64(beat)))
		last = t
	}
}

// ask makes every player ask something every two seconds.
func ask(ctx context.Context, all []*player) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for i := n % 100; i < len(all); i += 100 {
			p := all[i]
			if !p.c.Connected() {
				continue
			}
			err := p.c.EmitAck("buy", n+i, 0, func(_ client.Data, err error) {
				if err != nil {
					p.forgotten.Add(1)
					return
				}
				p.answered.Add(1)
			})
			if err != nil {
				p.forgotten.Add(1)
			}
		}
	}
}

func noticed(all []*player, refused *refusals) (r report) {
	ms := func(ns int64) float64 { return float64(ns) / 1e6 }
	t := now()
	for _, p := range all {
		r.Gaps = append(r.Gaps, ms(max(p.gap.Load(), t-p.last.Load())))
		away := p.away.Load()
		if lost := p.lostAt.Load(); lost > 0 {
			away = max(away, t-lost)
		}
		r.Aways = append(r.Aways, ms(away))
		s := p.c.Stats()
		r.Moves, r.Reconnects = r.Moves+s.Moves, r.Reconnects+s.Reconnects
		r.Answered, r.Failed = r.Answered+p.answered.Load(), r.Failed+p.forgotten.Load()
		if s.Connected {
			r.Connected++
		}
		if p.recovered.Load() {
			r.Recovered++
		}
	}
	if r.Refused = refused.n.Load(); r.Refused > 0 {
		r.Example = *refused.first.Load()
	}
	return r
}
