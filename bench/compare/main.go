//go:build linux

// Command compare measures other Go servers and SmartSocket, interleaved, with the runner, the
// generator and the floor of package bench.
package main

import (
	"os"

	"github.com/smartsocket/smartsocket/bench/compare/crowd"
	"github.com/smartsocket/smartsocket/bench/load"
	"github.com/smartsocket/smartsocket/bench/runner"
)

func main() { os.Exit(runner.Main(suite)) }

const servers = "github.com/smartsocket/smartsocket/bench/compare/servers/"

func peer(name, dir string, args ...string) runner.Server {
	return runner.Server{Name: name, Package: servers + dir, Args: args, Protocol: load.WebSocket}
}

var suite = runner.Suite{
	Command: "cd bench/compare && go run .",
	Rounds:  3,
	Servers: []runner.Server{
		runner.Floor, runner.FloorBroadcast, runner.Raw, runner.Full,
		peer("gws", "gws"), peer("gorilla", "gorilla"),
		peer("nbio, handlers on the poller", "nbio", "-poller"), peer("nbio, default pool", "nbio"),
		peer("gobwas/ws on netpoll", "gobwas"),
	},
	Scenarios: []runner.Scenario{
		{Name: "echo-20", Title: "Echo of 20 B", Load: runner.Echo20, Entries: echo()},
		{Name: "bursts", Title: "Echo of 20 B in bursts of 16", Load: runner.Bursts,
			Entries: echo()},
		{Name: "echo-16k", Title: "Echo of 16 KB", Load: runner.Echo16K, Entries: echo()},
		{Name: "echo-many", Title: "Echo of 20 B, many connections", Load: runner.Echo20Many,
			Entries: echo()},
		{Name: "idle", Title: "Memory of idle connections, each after one message",
			Load: runner.Idle, Entries: echo()},
		{Name: "broadcast", Title: "Broadcast of 100 B to all connections, per delivery",
			Load: runner.Broadcast, Entries: broadcast()},
	},
}

var peers = []string{"gws", "gorilla", "nbio, handlers on the poller", "nbio, default pool",
	"gobwas/ws on netpoll"}

func echo() []runner.Entry {
	entries := []runner.Entry{{Server: "floor"}, {Server: "raw", Label: "SmartSocket, raw"}}
	for _, name := range peers {
		entries = append(entries, runner.Entry{Server: name})
	}
	return entries
}

func broadcast() []runner.Entry {
	entries := []runner.Entry{{Server: "floor fan-out"},
		{Server: "full", Label: "SmartSocket, namespace", Event: "broadcast"}}
	for _, name := range peers {
		entries = append(entries, runner.Entry{Server: name, Path: crowd.Path})
	}
	return entries
}
