package message

// WebSocket close codes (RFC 6455 section 7.4) as this protocol uses them:
// after 3000–3499 a client reconnects, after 3500–3999 it does not.
const (
	CloseNormal     uint16 = 1000
	CloseGoingAway  uint16 = 1001 // shutting down
	CloseProtocol   uint16 = 1002 // not this protocol, or broken
	CloseBadPayload uint16 = 1007 // data that does not decode
	ClosePolicy     uint16 = 1008 // over a rate limit, or too many invalid messages
	CloseTooLarge   uint16 = 1009
	CloseInternal   uint16 = 1011
	CloseRestart    uint16 = 1012
	CloseBusy       uint16 = 1013 // maximum of connections reached

	CloseSlow uint16 = 3000 // the peer reads too slowly; reserved: a server resets such a connection, since no frame would reach it
	CloseIdle uint16 = 3001 // no sign of life, or no handshake, in time

	CloseAuth      uint16 = 3500 // authentication failed
	CloseNamespace uint16 = 3501 // no such namespace
	CloseDecrypt   uint16 = 3502 // a sealed message does not open
	CloseReplaced  uint16 = 3503 // the session goes on over a newer connection
)

// CloseCodeFor is the close code of a connection that ends because of c;
// CloseInternal for codes that say nothing about the peer.
func CloseCodeFor(c Code) uint16 {
	switch c {
	case CodeTimeout:
		return CloseIdle
	case CodeHandshakeFailed:
		return CloseProtocol
	case CodeAuthFailed:
		return CloseAuth
	case CodeRefused, CodeMaxConnections:
		return CloseBusy
	case CodeConnectionLost, CodeShuttingDown:
		return CloseGoingAway
	case CodeDecompression:
		return CloseBadPayload
	case CodeDecryption:
		return CloseDecrypt
	case CodeTooLarge:
		return CloseTooLarge
	case CodeInvalidNamespace:
		return CloseNamespace
	case CodeInvalidFormat, CodeRateLimited, CodeEventRateLimited,
		CodeAckInvalid, CodeAckUnknown, CodeRejected:
		return ClosePolicy
	}
	return CloseInternal
}

// Reconnects reports whether a client connects again after a connection that
// ended with closeCode: not after 3500–3999, 1002 (protocol error) and 1008
// (policy), which would end the same way; else, and without any close frame
// (1005, 1006), it does. A client's own CloseNormal is its user's wish and asks nobody.
func Reconnects(closeCode uint16) bool {
	switch {
	case closeCode == CloseProtocol, closeCode == ClosePolicy:
		return false
	default:
		return closeCode < 3500 || closeCode > 3999
	}
}
