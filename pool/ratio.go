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
