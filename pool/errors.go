package pool

import "errors"

var (
	// ErrTooLarge is Inflate's error for a stream whose output passes the limit.
	ErrTooLarge = errors.New("pool: inflated data is larger than the limit: raise the limit or send less")
	// ErrCorrupt is Inflate's error for input that is not one complete DEFLATE stream.
	ErrCorrupt = errors.New("pool: not a valid DEFLATE stream")
)
