//go:build js && wasm

package main

// main keeps the program alive for the calls of its exported functions.
func main() { select {} }
