//go:build !race && !js

package client

const raceEnabled = false
