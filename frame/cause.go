package frame

// Cause is what a refused upgrade is counted under. Its values are the indexes of a small array.
type Cause uint8

// The causes, in the order in which a request can meet them.
const (
	CauseRequest              Cause = iota // 400: not a request that can be read
	CauseHeaders                           // 431: the head is over a limit
	CauseTimeout                           // 408: the head did not come in time
	CauseMethod                            // 405
	CauseVersion                           // 505, or 426 for another version of WebSocket
	CauseUpgrade                           // 426: no upgrade was asked for
	CauseHost                              // 403: a Host that is not this server's
	CauseOrigin                            // 403: a page that may not connect
	CauseCredentials                       // 401: it could not authenticate
	CauseThrottled                         // 429: the address failed to authenticate too often
	CauseConnections                       // 503: the server is full
	CauseConnectionsOfAddress              // 503: the address has its connections
	CauseAcceptRate                        // 503: too many in this second
	CauseNewcomers                         // 503: too many have not authenticated
	CauseNewcomersOfAddress                // 503: too many of one address have not
	CausePending                           // 503: too many have not sent their request yet
	CauseDraining                          // 503: the server is about to end
	CauseNotTLS                            // 400: plain HTTP where TLS is spoken
	CausePreamble                          // a PROXY preamble that is bad or from a stranger
	CauseOther                             // the application's, or an error of its own
	Causes                                 // the number of causes
)

var causeNames = [Causes]string{
	"request", "headers", "timeout", "method", "version", "upgrade", "host", "origin",
	"credentials", "throttled", "connections", "connectionsOfAddress", "acceptRate",
	"newcomers", "newcomersOfAddress", "pending", "draining", "notTLS", "proxyProtocol",
	"other",
}

// String returns the name under which the cause is counted, in camelCase.
func (c Cause) String() string {
	if c >= Causes {
		c = CauseOther
	}
	return causeNames[c]
}
