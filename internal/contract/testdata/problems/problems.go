// Package problems has what a contract cannot say. The comments are what must be reported.
package problems

import (
	"os"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/room/state"
)

type table map[[2]int]string // want a map with keys of type [2]int

type bad struct {
	C  chan int  // want chan int cannot be written as JSON
	F  func()    // want func() cannot be written as JSON
	Z  complex64 // want complex64 cannot be written as JSON
	M  table
	OK *chan bool `json:"-"`
}

type world struct {
	C map[string]int `state:"c"` // want map[string]int cannot be in a state
	D complex64      // stays on the server
}

// Register registers.
func Register(server *smartsocket.Server) {
	_, _ = state.Describe[world]()
	ns := server.Namespace("/" + os.Args[0]) // want the namespace's path is not a constant
	name := os.Args[1]
	_, _ = ns.Emit(name, 1)        // want the event's name is not a constant
	_, _ = ns.Emit("x"+name, 1)    // want the event's name is not a constant
	_, _ = ns.Emit("bad", bad{})   // its fields are reported
	smartsocket.On(ns, os.Args[2], // want the event's name is not a constant
		func(*smartsocket.Socket, int, smartsocket.Ack) {})
	// want chan int
	smartsocket.On(ns, "typed", func(*smartsocket.Socket, chan int, smartsocket.Ack) {})
	// want the event's name is not a constant
	call(ns, name)
	// want the event's name is not a constant
	_, _ = smartsocket.Event[int](name).Emit(ns, 1)
	var e smartsocket.Event[int] = "changing"
	e = smartsocket.Event[int](name)
	_, _ = e.Emit(ns, 1) // want the event's name is not a constant
}

func call(ns *smartsocket.Namespace, event string) { _, _ = ns.Emit(event, 1) }

func generic[T any](ns *smartsocket.Namespace, v T) {
	_, _ = ns.Emit("generic", v) // want the type parameter T is not known here
}

func uncalled(ns *smartsocket.Namespace, event string) {
	// want the event's name is a parameter of uncalled, which nothing calls
	_, _ = ns.Emit(event, 1)
}
