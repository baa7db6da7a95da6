package pool

// Unsized is an empty byte buffer for contents whose length nobody knows
// beforehand. The browser build has no calibrated pool, to stay small.
type Unsized = Buffer

// GetUnsized returns an empty buffer, owned by the caller until PutUnsized.
func GetUnsized() *Unsized { return Get(1024) }

// PutUnsized takes b back. The caller must not use b or any slice of it
// afterwards.
func PutUnsized(b *Unsized) { Put(b) }
