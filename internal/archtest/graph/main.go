// Command graph prints who names whom: the imports between our packages, and for the root package
// which file uses the definitions of which other. make graph runs it. The same source gives the
// same text.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/smartsocket/smartsocket/internal/archtest"
)

func main() {
	log.SetFlags(0)
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := run(dir, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run prints the graph of the module in dir.
func run(dir string, out io.Writer) error {
	packages, err := archtest.Packages(dir)
	if err != nil {
		return err
	}
	printPackages(out, packages)
	root, err := archtest.ReadRoot(dir)
	if err != nil {
		return err
	}
	printFiles(out, root)
	printSummary(out, root)
	return nil
}

func printPackages(out io.Writer, packages []archtest.Package) {
	fmt.Fprintln(out, "Imports between our packages, highest first; tests do not count.")
	level := -1
	for _, p := range packages {
		if p.Level != level {
			level = p.Level
			fmt.Fprintf(out, "\nlevel %d\n", level)
		}
		fmt.Fprintf(out, "  %-24s -> %s\n", p.Name, list(p.Imports))
	}
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing of ours"
	}
	return strings.Join(names, " ")
}

func printFiles(out io.Writer, root *archtest.Root) {
	fmt.Fprintln(out, "\nFiles of the root package in reading order, with the definitions that")
	fmt.Fprintln(out, "each names of the others: down of files below it, UP of files above it.")
	for i, f := range root.Files {
		fmt.Fprintf(out, "\n%s, %d lines\n", f.Name, f.Lines)
		for j, other := range root.Files {
			if names := f.Names[other.Name]; len(names) > 0 {
				direction := "down"
				if j < i {
					direction = "UP  "
				}
				fmt.Fprintf(out, "  %s %-16s %s\n", direction, other.Name, strings.Join(names, " "))
			}
		}
	}
}

func printSummary(out io.Writer, root *archtest.Root) {
	lines := 0
	for _, f := range root.Files {
		lines += f.Lines
	}
	fields, methods := root.Size("Socket")
	fmt.Fprintf(out, "\n%d files, %d lines; Socket has %d fields and %d methods\n",
		len(root.Files), lines, fields, methods)
	fmt.Fprintf(out, "%d references from a lower to a higher file\n", root.Up())
	knots := root.Knots()
	if len(knots) == 0 {
		fmt.Fprintln(out, "no knot: no file reaches itself through the others")
	}
	for _, knot := range knots {
		fmt.Fprintf(out, "knot of %d files that reach each other: %s\n",
			len(knot), strings.Join(knot, " "))
	}
}
