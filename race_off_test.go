//go:build !race

package smartsocket_test

const raceEnabled = false
