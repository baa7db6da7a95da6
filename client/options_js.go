package client

// TLSConfig has no fields in a browser, because the browser does TLS itself.
type TLSConfig struct{}
