//go:build !unix

package main

// descriptorLimit is unknown where there is no such limit.
func descriptorLimit() (uint64, bool) { return 0, false }
