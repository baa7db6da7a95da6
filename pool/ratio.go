package pool

// MaxRatio is how many times its size a message may inflate to, and InflateFree is to how many
// bytes every message may.
const (
	MaxRatio    = 32
	InflateFree = 64 << 10
)

// InflateLimit returns to how many bytes a server lets a message of n compressed bytes inflate,
// which is at most most: 64 KiB, or 32 times n if that is more. DEFLATE itself reaches 1032 times,
// so that a few bytes would cost megabytes. Senders compress nothing that exceeds the limit.
func InflateLimit(n, most int) int { return min(most, max(InflateFree, MaxRatio*n)) }

// What a compressed byte costs at most, in bytes of output that take as long. A stream can be made
// that takes long and inflates to nothing, because the codes of each of its blocks have to be read.
// Where Inflate counts blocks, it is refused in time.
const (
	smallInput = 1 << 10 // up to which Inflate counts no blocks
	smallCost  = 40
	largeCost  = 8
)

// InflateCost returns what it costs to inflate n bytes to out bytes, as bytes of output of usual
// data.
func InflateCost(n, out int) int {
	small := min(n, smallInput)
	return max(out, smallCost*small+largeCost*(n-small))
}
