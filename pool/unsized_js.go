package pool

// Unsized is an empty byte buffer for contents whose length is not known beforehand. The browser
// build has no calibrated pool, so that it stays small.
type Unsized = Buffer

// GetUnsized returns an empty buffer, owned by the caller until PutUnsized.
func GetUnsized() *Unsized { return Get(1024) }

// PutUnsized returns b to the pool. The caller must not use b or any slice of it afterwards.
func PutUnsized(b *Unsized) { Put(b) }
