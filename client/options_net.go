//go:build !js

package client

import "crypto/tls"

// TLSConfig configures wss:// connections. The client copies it for each connection.
type TLSConfig = tls.Config
