// Package archtest checks the structure of the module: which package may import which, which
// package is the one door to each dependency, what the browser build must stay free of, how large
// the root package may get, that its checks send nothing, that the lock order names every mutex,
// and how wide lines are. Its tables are the authority; CONTRIBUTING.md shows one of them.
//
// Reading order: arch_test.go (the tables of imports), order.go and files.go (the root package,
// file by file), size_test.go (limits), checks_test.go, words_test.go (retired names),
// locks_test.go, columns_test.go, contributing_test.go. Command graph prints what files.go finds.
package archtest
