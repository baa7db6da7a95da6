// Package contract reads the events of a program that uses SmartSocket out of its source, and
// writes them as TypeScript. The command smartsocket types is its user.
//
//	load.go      the packages, by go/packages, with their comments
//	program.go   their functions and calls
//	flow.go      which namespaces, functions and texts get into which variables
//	find.go      registrations and emits: the sites
//	follow.go    a site whose event name is a parameter becomes one for each call
//	uses.go      what a handler does with a Data and an Ack
//	fields.go    which fields encoding/json sees in a struct
//	convert.go   a Go type as the codec writes it, in TypeScript
//	states.go    the types of states, by their tags
//	write.go     the file
//	diff.go      what differs between two files
//
// It runs nothing of the program. What it cannot know it does not guess: an event whose name is not
// known is a Problem, and data of which nothing is known is unknown in TypeScript, with a Note.
// Where several namespaces are possible an event is in each of them.
package contract
