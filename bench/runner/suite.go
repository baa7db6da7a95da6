//go:build linux

// Package runner starts servers and the load generator, each on its own CPU. It takes the servers
// of a scenario in turns and reports medians.
//
// It has no mutex. Read suite.go (what is measured), runner.go (the rounds), process.go (starting
// servers and the generator) and report.go (the table).
package runner

import (
	"time"

	"github.com/smartsocket/smartsocket/bench/load"
)

// Server is one program under test.
type Server struct {
	Name string // in tables
	// Package is the package to build; "" means the floor. The program follows package serve.
	Package  string
	Args     []string
	Protocol load.Protocol
	// Ours marks the servers of SmartSocket, which are profiled.
	Ours bool
}

// Entry is a server's part in a scenario.
type Entry struct {
	Server string // Server.Name
	Label  string // in the table; "" means Server
	Path   string
	Event  string
	Args   []string // after the server's own arguments
	// Target is the largest ratio to the scenario's first entry that we accept. With Idle it is the
	// largest number of bytes per connection. 0 means none.
	Target float64
}

// Scenario is one load that several servers handle. Ratios are to the first entry.
type Scenario struct {
	Name    string // for -scenario and for file names
	Title   string
	Load    load.Params // without Addr, PID, Protocol, Path, Event and Profile
	Entries []Entry
}

// Suite is the content of a benchmark program.
type Suite struct {
	Command   string // how it is started, for the head of the table
	Servers   []Server
	Scenarios []Scenario
	Rounds    int // default of -rounds
}

// Floor is the C program with which everything is compared.
var Floor = Server{Name: "floor", Protocol: load.Floor, Args: []string{"echo"}}

// FloorBroadcast is the C program in its fan-out mode.
var FloorBroadcast = Server{Name: "floor fan-out", Protocol: load.Floor,
	Args: []string{"broadcast"}}

const module = "github.com/smartsocket/smartsocket"

// Raw is our WebSocket layer alone, and Full is the whole stack. See bench/servers.
var (
	Raw = Server{Name: "raw", Package: module + "/bench/servers/raw", Protocol: load.WebSocket,
		Ours: true}
	Full = Server{Name: "full", Package: module + "/bench/servers/full", Protocol: load.Session,
		Ours: true}
	// FullSealed encrypts every message and FullSecure uses TLS. Both measure only idle memory.
	FullSealed = Server{Name: "full, sealed", Package: Full.Package, Args: []string{"sealed"},
		Protocol: load.Sealed, Ours: true}
	FullSecure = Server{Name: "full, wss", Package: Full.Package, Args: []string{"secure"},
		Protocol: load.Secure, Ours: true}
)

// Loads that several suites share.
var (
	Echo20     = load.Params{Conns: 200, Payload: 20, Window: 1, Warm: warm, Measure: measure}
	Echo512    = load.Params{Conns: 200, Payload: 512, Window: 1, Warm: warm, Measure: measure}
	Echo16K    = load.Params{Conns: 200, Payload: 16 << 10, Window: 1, Warm: warm, Measure: measure}
	Echo20Many = load.Params{Conns: 10_000, Payload: 20, Window: 1, Warm: warm, Measure: measure}
	Bursts     = load.Params{Conns: 200, Payload: 20, Window: 16, Warm: warm, Measure: measure}
	Idle       = load.Params{Conns: 15_000, Payload: 20, Window: 1, Idle: true}
	IdleSecure = load.Params{Conns: 5_000, Payload: 20, Window: 1, Idle: true}
	Broadcast  = load.Params{Conns: 10_000, Payload: 100, Window: 1, Broadcast: true, Warm: warm,
		Measure: measure}
)

const (
	warm    = 300 * time.Millisecond
	measure = time.Second
)

// quick makes a scenario small. It shows whether everything works and is not a basis for
// conclusions.
func (s *Scenario) quick() {
	s.Load.Conns = min(s.Load.Conns, 2000)
	s.Load.Warm /= 3
	s.Load.Measure /= 3
}
