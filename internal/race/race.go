// Package race says whether the race detector is compiled in. It allocates and slows everything
// down, so tests that count allocations or bytes ask for it and leave those checks out. It is
// a constant, without state or locks.
package race
