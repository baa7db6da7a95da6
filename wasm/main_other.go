//go:build !(js && wasm)

package main

import "os"

// main tells people who build this command natively what it is for.
func main() {
	os.Stderr.WriteString(
		"wasm is the browser's codec engine: build it with wasm/build.sh (GOOS=js GOARCH=wasm)\n")
	os.Exit(2)
}
