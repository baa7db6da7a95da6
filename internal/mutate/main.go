// Command mutate breaks the code by small mutations and prints those that no test notices. make
// mutate runs it, by hand, because it takes minutes.
//
// For each package it takes a sample of the mutations that it knows, the same one for the same
// seed. Each becomes a build with an overlay, so that no file of the tree changes. The tests of the
// package run against it, then those of the other packages that the plan names, until one fails.
// A mutant that does not compile is skipped, and one whose tests hang is caught.
//
// A mutant that nobody could observe, or that is about speed or the text of a log, goes to
// accepted.txt with the reason. It is not tried again, so that a second run prints only new holes.
//
// Reading order: mutations.go (what is broken, and how), accepted.go and plan.go (the two lists),
// trial.go (one mutant against its tests), report.go.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
)

// config is what the command line says.
type config struct {
	dir      string // the top folder of the module
	packages []string
	seed     uint64
	sample   int
	plan     string
	accepted string
	only     *regexp.Regexp // of keys
	list     bool
	tests    string // -test.run
}

func main() {
	log.SetFlags(0)
	var c config
	flag.StringVar(&c.dir, "dir", ".", "top `folder` of the module")
	flag.Uint64Var(&c.seed, "seed", 1, "seed of the sample")
	flag.IntVar(&c.sample, "n", 40, "mutants of each package, without those that do not compile")
	flag.StringVar(&c.plan, "plan", "internal/mutate/plan.txt", "`file` with the tests to run")
	flag.StringVar(&c.accepted, "accepted", "internal/mutate/accepted.txt",
		"`file` with the mutants that may survive")
	only := flag.String("only", "", "only mutants whose key matches this `expression`")
	flag.StringVar(&c.tests, "run", "", "run only tests that match this `expression`")
	flag.BoolVar(&c.list, "list", false, "print the sample's keys and run nothing")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: mutate [flags] package folder ...")
		flag.PrintDefaults()
	}
	flag.Parse()
	c.packages = flag.Args()
	var err error
	if c.only, err = regexp.Compile(*only); err != nil || len(c.packages) == 0 {
		flag.Usage()
		os.Exit(2)
	}
	out := bufio.NewWriter(os.Stdout)
	err = run(c, out, os.Stderr)
	out.Flush()
	if err != nil {
		log.Fatal("mutate: ", err)
	}
}

// run tries the sample of each package. It reports to out, and tells of each mutant in progress.
func run(c config, out, progress io.Writer) error {
	dir, err := filepath.Abs(c.dir)
	if err != nil {
		return err
	}
	accepted, err := readAccepted(filepath.Join(dir, c.accepted))
	if err != nil {
		return err
	}
	plan, err := readPlan(filepath.Join(dir, c.plan))
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	defer signal.Stop(interrupted)

	r := report{seed: c.seed}
	bench := newBench(dir, work, c.tests)
	for _, name := range c.packages {
		name = filepath.ToSlash(filepath.Clean(name))
		mutants, err := find(dir, name)
		if err != nil {
			return err
		}
		r.begin(name)
		r.stale = append(r.stale, accepted.stale(name, mutants)...)
		tests := plan.tests(name)
		if !c.list {
			if err := bench.measure(tests, progress); err != nil {
				return err
			}
		}
		shuffle(mutants, c.seed, name)
		for _, m := range mutants {
			if r.compiled() == c.sample {
				break
			}
			if !c.only.MatchString(m.key()) {
				continue
			}
			select {
			case <-interrupted:
				fmt.Fprintln(progress, "interrupted; what is known so far:")
				r.print(out)
				return nil
			default:
			}
			var v verdict
			switch {
			case accepted.has(m):
				v = verdict{outcome: accept}
			case c.list:
				v = verdict{outcome: survived}
			default:
				if v, err = bench.try(m, tests); err != nil {
					return err
				}
			}
			r.add(m, v)
			if c.list {
				fmt.Fprintln(out, m)
				continue
			}
			fmt.Fprintf(progress, "%-8s  %s%s\n", v.outcome, m, v.note())
		}
	}
	if !c.list {
		r.print(out)
	}
	return nil
}

// shuffle brings the mutants into the order in which they are tried. It depends on the package's
// name, so that its sample is the same whichever packages run with it.
func shuffle(mutants []mutant, seed uint64, name string) {
	var second uint64
	for _, b := range []byte(name) {
		second = second*31 + uint64(b)
	}
	rand.New(rand.NewPCG(seed, second)).Shuffle(len(mutants), func(i, j int) {
		mutants[i], mutants[j] = mutants[j], mutants[i]
	})
}
