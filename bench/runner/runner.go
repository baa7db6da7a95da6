//go:build linux

package runner

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/smartsocket/smartsocket/bench/load"
)

// run is one execution of a benchmark program.
type run struct {
	suite     Suite
	rounds    int
	quick     bool
	profile   bool
	out       string
	pgo       string
	server    int               // CPU
	generator int               // CPU
	bins      map[string]string // path by Server.Package
	servers   map[string]Server // by Server.Name
}

// Main runs a suite as the command line asks and returns the exit code.
func Main(s Suite) int {
	err := command(s, os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

// command is Main without the process around it.
func command(s Suite, args []string) error {
	if len(args) > 0 && args[0] == Generate {
		return generate()
	}
	r := run{suite: s, servers: map[string]Server{}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("scenario", "", "comma-separated `names` of scenarios; empty = all")
	flags.IntVar(&r.rounds, "rounds", s.Rounds,
		"rounds; each measures every server of a scenario once")
	flags.BoolVar(&r.quick, "quick", false, "one short round: does everything work?")
	flags.BoolVar(&r.profile, "profile", false,
		"capture CPU and heap profiles of our servers, measure nothing")
	flags.StringVar(&r.out, "o", "",
		"`directory` for the table, results.json and, of our servers, profiles")
	flags.StringVar(&r.pgo, "pgo", "auto",
		"profile to build our servers with: a `file`, off, or auto (profiles/default.pgo)")
	list := flags.Bool("list", false, "list the scenarios")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *list {
		for _, c := range s.Scenarios {
			fmt.Printf("%-12s %s\n", c.Name, c.Title)
		}
		return nil
	}
	if err := r.choose(*only); err != nil {
		return err
	}
	return r.all()
}

// choose keeps the named scenarios, made smaller if that is asked for or necessary.
func (r *run) choose(names string) error {
	if names != "" {
		want := strings.Split(names, ",")
		r.suite.Scenarios = slices.DeleteFunc(slices.Clone(r.suite.Scenarios),
			func(c Scenario) bool { return !slices.Contains(want, c.Name) })
		if len(r.suite.Scenarios) < len(want) {
			return fmt.Errorf("no such scenario in %q: see -list", names)
		}
	}
	if r.quick {
		r.rounds = 1
	}
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return fmt.Errorf("getrlimit: %w", err)
	}
	const spare = 200
	most := int(min(lim.Max, 1<<20)) - spare
	for i := range r.suite.Scenarios {
		c := &r.suite.Scenarios[i]
		if r.quick {
			c.quick()
		}
		if r.profile {
			c.Load.Measure *= 4 // a hundred samples a second are few
		}
		if c.Load.Conns > most {
			fmt.Fprintf(os.Stderr, "%s: %d connections instead of %d: raise ulimit -n for all\n",
				c.Name, most, c.Load.Conns)
			c.Load.Conns = most
		}
	}
	return nil
}

func (r *run) all() error {
	tmp, err := os.MkdirTemp("", "smartsocket-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if r.out != "" {
		if err := os.MkdirAll(r.out, 0o755); err != nil {
			return err
		}
		if r.out, err = filepath.Abs(r.out); err != nil {
			return err
		}
	}
	for _, s := range r.suite.Servers {
		r.servers[s.Name] = s
	}
	if r.pgo = findPGO(r.pgo); r.pgo != "" {
		fmt.Fprintln(os.Stderr, "building with", r.pgo)
	}
	if r.bins, err = build(tmp, r.used(), r.pgo); err != nil {
		return err
	}
	if r.server, r.generator = twoCPUs(); r.server < 0 {
		fmt.Fprintln(os.Stderr, "only one CPU: server and generator share it, figures are rough")
	}
	if r.profile {
		return r.profiles()
	}
	report := newReport(r)
	for _, c := range r.suite.Scenarios {
		rows, err := r.scenario(c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		report.add(c, rows)
		fmt.Print(report.Scenarios[len(report.Scenarios)-1].table())
	}
	if r.out == "" {
		return nil
	}
	if err := report.write(r.out); err != nil {
		return err
	}
	return r.profiles()
}

// used returns the servers that the chosen scenarios need.
func (r *run) used() []Server {
	var list []Server
	for _, s := range r.suite.Servers {
		if slices.ContainsFunc(r.suite.Scenarios, func(c Scenario) bool {
			return slices.ContainsFunc(c.Entries, func(e Entry) bool { return e.Server == s.Name })
		}) {
			list = append(list, s)
		}
	}
	return list
}

// scenario measures every entry once per round, in alternating order.
func (r *run) scenario(c Scenario) ([][]load.Result, error) {
	rows := make([][]load.Result, len(c.Entries))
	for round := range r.rounds {
		for k := range c.Entries {
			i := k
			if round%2 == 1 {
				i = len(c.Entries) - 1 - k
			}
			res, err := r.once(c, c.Entries[i], "")
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Entries[i].label(), err)
			}
			rows[i] = append(rows[i], res)
		}
	}
	return rows, nil
}

// once starts a server, puts the load on it and stops it.
func (r *run) once(c Scenario, e Entry, profiles string) (res load.Result, err error) {
	s, ok := r.servers[e.Server]
	if !ok {
		return res, fmt.Errorf("no server %q in the suite", e.Server)
	}
	p, err := start(r.bins[s.Package], append(slices.Clone(s.Args), e.Args...), r.server, profiles)
	if err != nil {
		return res, err
	}
	q := c.Load
	q.Addr, q.PID, q.Protocol, q.Path, q.Event = p.addr, p.cmd.Process.Pid, s.Protocol, e.Path,
		e.Event
	q.Profile = profiles != ""
	res, err = drive(q, r.generator)
	return res, errors.Join(err, p.stop())
}

// profiles captures one run of each of our entries.
func (r *run) profiles() error {
	dir := r.out
	if dir == "" {
		dir = "."
	}
	for _, c := range r.suite.Scenarios {
		for _, e := range c.Entries {
			if !r.servers[e.Server].Ours {
				continue
			}
			prefix := filepath.Join(dir, c.Name+"-"+strings.ReplaceAll(e.label(), " ", "-"))
			if _, err := r.once(c, e, prefix); err != nil {
				return fmt.Errorf("%s: %s: %w", c.Name, e.label(), err)
			}
		}
	}
	fmt.Fprintln(os.Stderr, "profiles of our servers are in", dir)
	return nil
}

func (e Entry) label() string {
	if e.Label != "" {
		return e.Label
	}
	return e.Server
}
