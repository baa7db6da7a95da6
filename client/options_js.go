package client

// TLSConfig has no fields in a browser, which does TLS by itself.
type TLSConfig struct{}
