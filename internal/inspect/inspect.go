// Package inspect has what a server shows of itself and of one socket to its operator, besides what
// its methods say. There is no code here, and there are no locks.
package inspect

import "time"

// Socket is what is known of a socket at one moment.
type Socket struct {
	Authenticated string        // not needed, missing or done
	Connection    uint64        // counts the connections of the session from 1
	Resumable     bool          // it has a session that outlives its connection
	KeptBytes     int           // events that are kept for a client that comes back
	KeptEvents    int           // how many
	HeldBytes     int           // events that are held back until the client has caught up
	WaitingBytes  int           // events of the client that wait for their handlers
	Handler       string        // the event that a goroutine handles now
	CountedFor    time.Duration // how long In and Out have counted
	In, Out       int64         // messages since then
}

// Limits are those of a server that matter to who watches how near it is to them.
type Limits struct {
	Connections   int
	BufferedBytes int64
	Loops         int
	// CertificateExpires is when the certificate in use does, zero if that is not known.
	CertificateExpires time.Time
}
