// Package archtest checks the shape of the house: who may import whom, which
// package is the one door to each dependency, what the browser build must stay
// free of, how large the root package may get, and that the lock order names every
// mutex. Its tables are the authority; CONTRIBUTING.md shows one of them.
//
// Reading order: arch_test.go (the tables of imports), order.go and files.go
// (the root package, file by file), size_test.go (limits), words_test.go
// (retired names), locks_test.go, contributing_test.go. Command graph prints what files.go finds.
package archtest
