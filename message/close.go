package message

// The WebSocket close codes (RFC 6455 section 7.4) that this protocol uses. A client reconnects
// after 3000–3499 and does not after 3500–3999. Package frame has the codes of the RFC under a type
// of its own. They are repeated here because the browser build must not contain frame; a test
// compares the two.
const (
	CloseNormal     uint16 = 1000
	CloseGoingAway  uint16 = 1001 // shutting down
	CloseProtocol   uint16 = 1002 // not this protocol, or broken
	CloseBadPayload uint16 = 1007 // data that does not decode
	ClosePolicy     uint16 = 1008 // over a rate limit, or too many invalid messages
	CloseTooLarge   uint16 = 1009
	CloseInternal   uint16 = 1011
	CloseRestart    uint16 = 1012
	CloseBusy       uint16 = 1013 // no place now: full, or the address is throttled

	// CloseSlow means that the peer reads too slowly. It is reserved: a server resets such a
	// connection, because no close frame would reach the peer.
	CloseSlow uint16 = 3000
	CloseIdle uint16 = 3001 // no sign of life in time, or no handshake
	// CloseExpired means that the credentials have expired: come back with fresh ones.
	CloseExpired uint16 = 3002

	CloseAuth      uint16 = 3500 // authentication failed
	CloseNamespace uint16 = 3501 // no such namespace
	CloseDecrypt   uint16 = 3502 // a sealed message could not be opened
	CloseReplaced  uint16 = 3503 // the session continues on a newer connection
	CloseKicked    uint16 = 3504 // the server's application wants this client gone
)

// CloseCodeFor returns the close code for a connection that ends because of c. It is CloseInternal
// for codes that say nothing about the peer, and CloseAuth for those of an application, with which
// its Authenticate hook has said no.
func CloseCodeFor(c Code) uint16 {
	switch c {
	case CodeTimeout:
		return CloseIdle
	case CodeHandshakeFailed:
		return CloseProtocol
	case CodeAuthFailed:
		return CloseAuth
	case CodeRefused, CodeMaxConnections, CodeThrottled:
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
	if wrongCode(c) == "" {
		return CloseAuth
	}
	return CloseInternal
}

// Reconnects reports whether a client connects again after a connection ended with closeCode. It
// does not after 3500–3999, 1002 (protocol error) and 1008 (policy), because the next connection
// would end the same way. It does after every other code, and when there was no close frame at all
// (1005, 1006). Reconnects is not asked when the client itself closed with CloseNormal, because
// then its user wanted the end.
func Reconnects(closeCode uint16) bool {
	switch {
	case closeCode == CloseProtocol, closeCode == ClosePolicy:
		return false
	default:
		return closeCode < 3500 || closeCode > 3999
	}
}
