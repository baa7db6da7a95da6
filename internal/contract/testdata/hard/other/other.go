// Package other has types that the hard cases borrow. It is read only when one of them needs it.
package other

// Move is not the only Move.
type Move struct {
	Far bool `json:"far"`
}

// Rank has a constant that nobody outside sees.
type Rank string

const (
	// Low is the first.
	Low  Rank = "low"
	high Rank = "high"
)

// High is the one that nobody sees.
func High() Rank { return high }

// Base is embedded elsewhere.
type Base struct {
	ID   int    `json:"id"`
	Name string `json:"name"` // of the thing
}
