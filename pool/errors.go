package pool

import "errors"

var (
	// ErrTooLarge is returned by Inflate for a stream whose output exceeds the limit.
	ErrTooLarge = errors.New(
		"pool: inflated data is larger than the limit: raise the limit or send less")
	// ErrCorrupt is returned by Inflate for input that is not one complete DEFLATE stream.
	ErrCorrupt = errors.New("pool: not a valid DEFLATE stream")
)
