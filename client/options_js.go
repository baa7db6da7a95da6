package client

// TLSConfig has no fields in a browser, because the browser does TLS itself.
type TLSConfig struct{}

// DialFunc cannot be used in a browser, because the browser makes the connections.
type DialFunc func()
