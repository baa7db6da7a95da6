//go:build linux

// Command bench measures SmartSocket: the server's own CPU per message, compared with a C program
// that does the least possible, and memory per connection. README.md describes the method.
package main

import (
	"os"

	"github.com/smartsocket/smartsocket/bench/rooms"
	"github.com/smartsocket/smartsocket/bench/runner"
)

func main() {
	if args, ok := forRooms(os.Args[1:]); ok {
		os.Exit(rooms.Main(args))
	}
	os.Exit(runner.Main(suite))
}

// forRooms reports whether args ask for the scenario of package rooms, which has servers and a load
// of its own, or make this process one of its servers. The name of the scenario comes first.
func forRooms(args []string) (left []string, ok bool) {
	switch {
	case len(args) > 0 && args[0] == rooms.Serve:
		return args, true
	case len(args) > 0 && (args[0] == "-scenario=rooms" || args[0] == "--scenario=rooms"):
		return args, true
	case len(args) > 1 && (args[0] == "-scenario" || args[0] == "--scenario") && args[1] == "rooms":
		return args[1:], true
	}
	return nil, false
}

var suite = runner.Suite{
	Command: "go run ./bench",
	Rounds:  3,
	Servers: []runner.Server{runner.Floor, runner.FloorBroadcast, runner.Raw, runner.Full,
		runner.FullSealed, runner.FullSecure},
	Scenarios: []runner.Scenario{
		{Name: "echo-20", Title: "Echo of 20 B", Load: runner.Echo20, Entries: echo(1.15)},
		{Name: "echo-512", Title: "Echo of 512 B", Load: runner.Echo512, Entries: echo(1.15)},
		{Name: "echo-16k", Title: "Echo of 16 KB", Load: runner.Echo16K, Entries: echo(1.5)},
		{Name: "echo-many", Title: "Echo of 20 B, many connections", Load: runner.Echo20Many,
			Entries: echo(1.15)},
		{Name: "bursts", Title: "Echo of 20 B in bursts of 16", Load: runner.Bursts,
			Entries: echo(1.4)},
		{Name: "stack", Title: "Event with 20 B of JSON, answered by an ack, against the raw echo",
			Load: runner.Echo20, Entries: []runner.Entry{
				{Server: "raw"},
				{Server: "full", Label: "inline handler", Event: "inline", Target: 1.25},
				{Server: "full", Label: "blocking handler", Event: "blocking", Target: 1.9},
			}},
		{Name: "idle", Title: "Memory of idle connections, each after one message",
			Load: runner.Idle, Entries: []runner.Entry{
				{Server: "floor"},
				{Server: "raw", Target: 700},
				{Server: "full", Label: "full session in a room", Event: "inline", Target: 2000},
			}},
		{Name: "idle-secure",
			Title: "Memory of idle sessions in a room, encrypted, each after one message",
			Load:  runner.IdleSecure, Entries: []runner.Entry{
				{Server: "full", Label: "plain", Event: "inline"},
				{Server: "full, sealed", Label: "aes-256-gcm", Event: "inline", Target: 4 << 10},
				{Server: "full, wss", Label: "wss (TLS 1.3)", Event: "inline", Target: 16 << 10},
			}},
		{Name: "broadcast", Title: "Broadcast of 100 B to all connections, per delivery",
			Load: runner.Broadcast, Entries: []runner.Entry{
				{Server: "floor fan-out"},
				{Server: "full", Event: "broadcast", Target: 1.25},
			}},
	},
}

// echo compares our WebSocket layer with the floor.
func echo(target float64) []runner.Entry {
	return []runner.Entry{{Server: "floor"}, {Server: "raw", Target: target}}
}
