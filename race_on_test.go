//go:build race

package smartsocket_test

const raceEnabled = true
