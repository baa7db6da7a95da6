// Package rooms measures package room under the load of many games: 100 rooms of 16 players at 30
// ticks a second. It compares states that travel as deltas with what people write by hand, a whole
// snapshot as JSON in each tick, and looks at the players beside one whose line is slow.
//
// Servers are processes of their own and take turns. The figures are the server's own CPU time, the
// bytes that came to the players, and how late ticks began.
//
// Read rooms_linux.go (the rounds and the table), server_linux.go (the three servers) and
// players_linux.go (the load).
package rooms
