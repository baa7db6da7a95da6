package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// report counts what became of the mutants.
type report struct {
	seed     uint64
	packages []*counts
	holes    []mutant
	stale    []string
}

// counts are the figures of a package.
type counts struct {
	name                                      string
	caught, hung, accepted, survived, skipped int
}

func (c *counts) compiled() int { return c.caught + c.accepted + c.survived }

// rate is the share of caught ones of those that could be, in percent.
func (c *counts) rate() string {
	if c.caught+c.survived == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(c.caught)/float64(c.caught+c.survived))
}

func (r *report) begin(name string) {
	r.packages = append(r.packages, &counts{name: name})
}

// compiled returns how many mutants of the package that began last were no mere build failure.
func (r *report) compiled() int { return r.packages[len(r.packages)-1].compiled() }

func (r *report) add(m mutant, v verdict) {
	c := r.packages[len(r.packages)-1]
	switch v.outcome {
	case caught:
		c.caught++
		if v.hung {
			c.hung++
		}
	case accept:
		c.accepted++
	case skipped:
		c.skipped++
	case survived:
		c.survived++
		r.holes = append(r.holes, m)
	}
}

// print writes a table with a line a package, then the survivors.
func (r *report) print(out io.Writer) {
	fmt.Fprintf(out, "\nseed %d\n\n", r.seed)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "package\tsample\tcaught\thung\taccepted\tsurvived\tskipped\trate\t")
	for _, c := range r.packages {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t\n", c.name, c.compiled(), c.caught,
			c.hung, c.accepted, c.survived, c.skipped, c.rate())
	}
	table.Flush()
	if len(r.holes) > 0 {
		fmt.Fprintln(out, "\nsurvived:")
	}
	for _, m := range r.holes {
		fmt.Fprintln(out, m)
	}
	if len(r.stale) > 0 {
		fmt.Fprintln(out, "\naccepted, and not in the code any more:")
	}
	slices.Sort(r.stale)
	for _, key := range r.stale {
		fmt.Fprintln(out, key)
	}
}
