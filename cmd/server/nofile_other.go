//go:build !unix

package main

// descriptorLimit is unknown on systems without such a limit.
func descriptorLimit() (uint64, bool) { return 0, false }
