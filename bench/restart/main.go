//go:build linux

// Command restart measures what clients notice of restarts: of one of two nodes behind a real
// HAProxy, of a single node that hands its socket on, of one that is killed, and of HAProxy itself.
//
//	make restart-demo
//	make restart-demo ARGS="-clients 4000"              # on more than two cores
//	make restart-demo ARGS="-only rolling"
//
// It starts its nodes and the processes with the clients itself, on the loopback interface. It ends
// with 1 if a client was refused or an answer lost where none may be. Read main.go (the roles and
// the table), scenarios.go, then node.go, players.go and processes.go.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

var (
	role    = flag.String("role", "", "what this process is: node, players, or empty for the rest")
	addr    = flag.String("addr", "", "of a node")
	keeps   = flag.Bool("keeps", false, "of a node: keep sessions, and hand them on")
	limits  = flag.Bool("limits", true, "of a node: default limits, or none")
	hz      = flag.Float64("hz", 20, "ticks a second with -clients; the others get fewer")
	clients = flag.Int("clients", 1000, "clients of the rolling restart")
	single  = flag.Int("single", 15_000, "clients of the single node")
	storm   = flag.Int("storm", 9000, "clients of the restarted HAProxy")
	pace    = flag.Int("rate", 250, "clients a second that a node asks to leave; 1000 with -single")
	only    = flag.String("only", "", "rolling, handover, kill or storm")
	verbose = flag.Bool("v", false, "show the logs of nodes")
)

// mostTime bounds the whole run.
const mostTime = 4 * time.Minute

func main() {
	log.SetFlags(0)
	log.SetPrefix("restart: ")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch *role {
	case "node":
		err = node(ctx)
	case "players":
		err = players(ctx, flag.Args())
	default:
		ctx, cancel := context.WithTimeout(ctx, mostTime)
		defer cancel()
		err = measure(ctx)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// row is a line of the table.
type row struct {
	what, measured, promised string
	kept                     bool
	hard                     bool // not a matter of the machine's speed
}

// measure runs the scenarios and prints the table.
func measure(ctx context.Context) error {
	var table []row
	for _, s := range []struct {
		name string
		run  func(context.Context) ([]row, error)
	}{{"rolling", rolling}, {"handover", handOver}, {"kill", kill}, {"storm", afterBalancer}} {
		if *only != "" && *only != s.name {
			continue
		}
		log.Printf("%s …", s.name)
		rows, err := s.run(ctx)
		endNodes()
		if table = append(table, rows...); err != nil {
			printTable(table)
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if !printTable(table) {
		return fmt.Errorf("a promise that does not depend on the machine is broken")
	}
	return nil
}

// printTable reports whether all hard promises are kept.
func printTable(table []row) (kept bool) {
	kept = true
	what, measured := 0, 0
	for _, r := range table {
		what, measured = max(what, len(r.what)), max(measured, len(r.measured))
	}
	for _, r := range table {
		verdict := "kept"
		if !r.kept {
			verdict = "NOT KEPT"
			kept = kept && !r.hard
		}
		fmt.Printf("| %-*s | %-*s | %s%s | %s |\n", what, r.what, measured, r.measured, r.promised,
			strings.Repeat(" ", max(0, 32-len(r.promised))), verdict)
	}
	return kept
}
