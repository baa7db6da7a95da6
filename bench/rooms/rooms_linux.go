package rooms

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// Serve is the first argument of a process that is a server.
const Serve = "rooms-serve"

// size is how much is measured.
type size struct {
	rooms, each, slow, idle int
	rounds                  int
	least                   float64 // share of the ticks that must have run
	long                    time.Duration
}

// Main measures, and prints a table. The first of args is the name of the scenario, "rooms", or
// Serve. It returns the exit code.
func Main(args []string) int {
	if args[0] == Serve {
		if err := server(args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "rooms:", err)
			return 1
		}
		return 0
	}
	s := size{least: 0.5}
	flags := flag.NewFlagSet("rooms", flag.ContinueOnError)
	flags.IntVar(&s.rooms, "rooms", 100, "`number` of rooms")
	flags.IntVar(&s.each, "players", 16, "`number` of players in each")
	flags.IntVar(&s.slow, "slow", 10, "`number` of rooms with one slow player")
	flags.IntVar(&s.idle, "idle", 10_000, "`number` of idle rooms")
	flags.IntVar(&s.rounds, "rounds", 3, "rounds; each measures every server once")
	flags.DurationVar(&s.long, "for", 5*time.Second, "`time` that is measured of a server")
	if err := flags.Parse(args[1:]); err != nil {
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	text, err := measure(ctx, s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "rooms:", err)
		return 1
	}
	fmt.Print(text)
	return 0
}

// server is one process under test.
func server(args []string) error {
	var way string
	var each, n int
	flags := flag.NewFlagSet(Serve, flag.ContinueOnError)
	flags.StringVar(&way, "way", deltas, "")
	flags.IntVar(&each, "players", 16, "")
	flags.IntVar(&n, "idle", 0, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if n > 0 {
		return idle(n)
	}
	return serve(way, each)
}

// process is a server that runs.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func begin(ctx context.Context, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, "/proc/self/exe",
		append([]string{Serve}, args...)...)}
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return p, p.cmd.Start()
}

// ask reads the server's figures.
func (p *process) ask() (f figures, err error) {
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		return f, err
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(line, &f)
}

func (p *process) end() error {
	p.in.Close()
	return p.cmd.Wait()
}

// result is one round of one server.
type result struct {
	cpu, bytes, ticks float64 // CPU in shares of a core; bytes and ticks a second
	late99, busy99    float64 // ms
	others99, slow99  float64 // ms, ages of states; deltas alone
	slowMax           float64
}

// round measures one server under the load.
func round(ctx context.Context, way string, s size, slow int) (r result, err error) {
	p, err := begin(ctx, "-way", way, "-players", fmt.Sprint(s.each))
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, p.end()) }()
	addr, err := p.out.ReadString('\n')
	if err != nil {
		return r, err
	}
	load := &players{addr: strings.TrimSpace(addr), rooms: s.rooms, each: s.each, slow: slow}
	defer load.leave()
	if err := load.enter(ctx); err != nil {
		return r, err
	}
	time.Sleep(min(s.long, 2*time.Second)) // slow lines fill up
	before, err := p.ask()
	if err != nil {
		return r, err
	}
	load.counting.Store(true)
	began := time.Now()
	select {
	case <-ctx.Done():
		return r, ctx.Err()
	case <-time.After(s.long):
	}
	after, err := p.ask()
	if err != nil {
		return r, err
	}
	load.counting.Store(false)
	seconds := time.Since(began).Seconds()
	load.mu.Lock()
	defer load.mu.Unlock()
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return result{
		cpu:    (after.CPU - before.CPU).Seconds() / seconds,
		bytes:  float64(load.bytes.Load()) / seconds,
		ticks:  float64(after.Ticks-before.Ticks) / seconds,
		late99: ms(after.Lateness.P99), busy99: ms(after.Busy.P99),
		others99: quantile(load.ages[0], 99), slow99: quantile(load.ages[1], 99),
		slowMax: quantile(load.ages[1], 100),
	}, load.err
}

// measure runs all rounds, servers in turns, and returns the table.
func measure(ctx context.Context, s size) (string, error) {
	var delta, hand, lagging []result
	for i := range s.rounds {
		runs := []func() error{
			func() error { return keep(ctx, &delta, deltas, s, 0) },
			func() error { return keep(ctx, &hand, snapshots, s, 0) },
			func() error { return keep(ctx, &lagging, deltas, s, s.slow) },
		}
		if i%2 == 1 {
			slices.Reverse(runs)
		}
		for _, run := range runs {
			if err := run(); err != nil {
				return "", err
			}
		}
	}
	quiet, err := quietRooms(ctx, s.idle)
	if err != nil {
		return "", err
	}
	return table(s, delta, hand, lagging, quiet), nil
}

func keep(ctx context.Context, list *[]result, way string, s size, slow int) error {
	r, err := round(ctx, way, s, slow)
	if err != nil {
		return fmt.Errorf("%s: %w", way, err)
	}
	if want := float64(s.rooms*rate) * s.least; r.ticks < want {
		return fmt.Errorf("%s: %.0f ticks a second, and at least %.0f were wanted: the machine is "+
			"too busy to measure", way, r.ticks, want)
	}
	*list = append(*list, r)
	return nil
}

// quietRooms measures rooms in which nothing happens.
func quietRooms(ctx context.Context, n int) (f idleFigures, err error) {
	p, err := begin(ctx, "-idle", fmt.Sprint(n))
	if err != nil {
		return f, err
	}
	line, err := p.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &f)
	}
	return f, errors.Join(err, p.end())
}

// median of one figure.
func median(list []result, of func(result) float64) float64 {
	var all []float64
	for _, r := range list {
		all = append(all, of(r))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func table(s size, delta, hand, lagging []result, quiet idleFigures) string {
	cpu := func(r result) float64 { return r.cpu }
	bytes := func(r result) float64 { return r.bytes }
	n := float64(s.rooms * s.each)
	var b strings.Builder
	row := func(what, deltas, byHand, ratio, goal string) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", what, deltas, byHand, ratio, goal)
	}
	fmt.Fprintf(&b, "%d rooms × %d players × %d Hz, median of %d rounds of %v\n\n",
		s.rooms, s.each, rate, s.rounds, s.long)
	row("", "deltas", "snapshots by hand", "ratio", "goal")
	b.WriteString("|---|---:|---:|---:|---:|\n")
	dc, hc := median(delta, cpu), median(hand, cpu)
	row("server's CPU, cores", fmt.Sprintf("%.2f", dc), fmt.Sprintf("%.2f", hc),
		fmt.Sprintf("%.2f ×", dc/hc), "≤ 1.0 ×")
	row("CPU of a player, µs a second", fmt.Sprintf("%.0f", dc/n*1e6),
		fmt.Sprintf("%.0f", hc/n*1e6), "", "")
	db, hb := median(delta, bytes), median(hand, bytes)
	row("bytes to a player, kB a second", fmt.Sprintf("%.1f", db/n/1000),
		fmt.Sprintf("%.1f", hb/n/1000), fmt.Sprintf("%.0f %%", db/hb*100), "≤ 25 %")
	late := func(r result) float64 { return r.late99 }
	busy := func(r result) float64 { return r.busy99 }
	row("lateness of a tick, p99, ms", fmt.Sprintf("%.2f", median(delta, late)),
		fmt.Sprintf("%.2f", median(hand, late)), "", "≤ 2")
	row("a room's tick takes, p99, ms", fmt.Sprintf("%.2f", median(delta, busy)),
		fmt.Sprintf("%.2f", median(hand, busy)), "", "")
	others := func(r result) float64 { return r.others99 }
	if s.slow > 0 {
		beside, without := median(lagging, others), median(delta, others)
		row(fmt.Sprintf("age of states, p99, ms, beside a player at %d kB/s, and without",
			slowBytes>>10), fmt.Sprintf("%.1f, %.1f", beside, without), "",
			fmt.Sprintf("%.2f ×", beside/without), "≤ 1.2 ×")
		row("age of a slow player's states, p99 and most, ms", fmt.Sprintf("%.0f, %.0f",
			median(lagging, func(r result) float64 { return r.slow99 }),
			median(lagging, func(r result) float64 { return r.slowMax })), "", "", "")
	}
	row(fmt.Sprintf("one of %d idle rooms, bytes", s.idle), fmt.Sprintf("%.0f", quiet.Bytes), "",
		"", "≤ 1024")
	row("CPU of all of them, cores", fmt.Sprintf("%.4f", quiet.CPU), "", "", "0")
	return b.String()
}
