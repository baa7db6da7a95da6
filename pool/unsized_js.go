package pool

// Unsized is an empty byte buffer for contents whose length is not known beforehand. The browser
// build has no calibrated pools, so that it stays small.
type Unsized struct{ *Buffer }

// GetUnsized returns an empty buffer, owned by the caller until PutUnsized.
func GetUnsized(Use) Unsized { return Unsized{Get(1024)} }

// PutUnsized returns u to the pool. The caller must not use u or any slice of it afterwards.
func PutUnsized(u Unsized) { Put(u.Buffer) }
