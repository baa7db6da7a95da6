//go:build !(js && wasm)

package main

import (
	"fmt"
	"os"
)

// main tells people who build this command natively how to run it.
func main() {
	fmt.Fprintln(os.Stderr, "browser-go runs in a page: go run ./examples/browser-go/host")
	os.Exit(2)
}
