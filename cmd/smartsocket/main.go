// Command smartsocket has tools for programs that use the library. So far there is one:
//
//	smartsocket types [flags] [packages]
//
// types reads the events of the packages (default ".") and writes them as TypeScript, see
// docs/guides/TYPES.md. It ends with 1 if that cannot be done or, with -check, if the file differs,
// and with 2 if it is called in a wrong way.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/smartsocket/smartsocket/internal/contract"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const usage = `usage: smartsocket types [flags] [packages]

It reads the events that the packages (default ".") handle and emit, and writes
them as TypeScript. docs/guides/TYPES.md says how it finds them.

flags:
`

// run is the program, and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o := options{types: make(map[string]string)}
	flags := o.flags(stderr)
	if len(args) == 0 || args[0] != "types" {
		flags.Usage()
		return 2
	}
	switch err := flags.Parse(args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if o.check && o.file == "" {
		fmt.Fprintln(stderr, "smartsocket types: -check needs the file in -o")
		return 2
	}
	patterns := flags.Args()
	if len(patterns) == 0 {
		patterns = []string{"."}
	}
	if err := o.generate(ctx, patterns, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "smartsocket types: %v\n", err)
		return 1
	}
	return 0
}

// options are what the flags say.
type options struct {
	file  string
	check bool
	tags  string
	types map[string]string
}

func (o *options) flags(stderr io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("types", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.file, "o", "", "the `file` to write, instead of the standard output")
	f.BoolVar(&o.check, "check", false,
		"write nothing: fail if the file of -o differs, and say how")
	f.StringVar(&o.tags, "tags", "", "build `tags`, separated by commas")
	f.Func("type",
		"what a type of Go is in TypeScript, as in `math/big.Int=number`; may be repeated",
		func(s string) error {
			name, text, ok := strings.Cut(s, "=")
			if !ok || name == "" || text == "" {
				return errors.New("write the type's path and name, =, and the TypeScript")
			}
			o.types[name] = text
			return nil
		})
	f.Usage = func() {
		fmt.Fprint(stderr, usage)
		f.PrintDefaults()
	}
	return f
}

// generate makes the contract, and writes or compares it.
func (o *options) generate(
	ctx context.Context, patterns []string, stdout, stderr io.Writer,
) error {
	r, err := contract.Generate(ctx,
		contract.Config{Patterns: patterns, Tags: o.tags, Types: o.types})
	if problems := contract.Problems(nil); errors.As(err, &problems) {
		return fmt.Errorf("%d problems:\n%w", len(problems), err)
	} else if err != nil {
		return err
	}
	for _, n := range r.Notes {
		fmt.Fprintf(stderr, "note: %v\n", n)
	}
	switch {
	case o.check:
		return o.compare(r.Text, stdout)
	case o.file != "":
		return os.WriteFile(o.file, []byte(r.Text), 0o666)
	}
	_, err = io.WriteString(stdout, r.Text)
	return err
}

// compare fails if the file has another text.
func (o *options) compare(text string, stdout io.Writer) error {
	is, err := os.ReadFile(o.file)
	if err != nil {
		return err
	}
	if d := contract.Diff(string(is), text); d != "" {
		if _, err := io.WriteString(stdout, d); err != nil {
			return err
		}
		return fmt.Errorf("%s is not what the packages say: run this again without -check", o.file)
	}
	return nil
}
