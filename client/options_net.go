//go:build !js

package client

import "crypto/tls"

// TLSConfig configures wss:// connections.
type TLSConfig = tls.Config
