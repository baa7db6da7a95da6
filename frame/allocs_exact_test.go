//go:build !race && !poison

package frame

const exactAllocs = true
