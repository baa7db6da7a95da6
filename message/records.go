package message

// HELLO, CONNECT, CONNECT_ACK and GOAWAY are records: byte 0 is the kind, then come fields, each a
// uvarint id, a uvarint length and a value. Unknown ids are skipped. A known id that is repeated or
// malformed is CodeInvalidFormat. Numbers inside fields are uvarints, and a field with its zero
// value is left out. The Parse functions take the whole binary message, including byte 0. The
// number in the comment of a struct field is its id.

const (
	// RandomSize is the length in bytes of the random value in HELLO and in CONNECT.
	RandomSize = 32
	// KeyIDSize is the length in bytes of one key id.
	KeyIDSize = 8
)

// Hello is the server's first message. Its byte slices borrow the input of ParseHello.
type Hello struct {
	Version uint64 // 1
	Random  []byte // 2: 32 bytes
	// Algorithms is field 3, ids in the server's order: 1 is aes-256-gcm, 2 is aes-256-cbc. Empty
	// means no encryption.
	Algorithms       []byte
	KeyIDs           []byte // 4: 8 bytes each
	AuthRequired     bool   // 5 bit 0
	ResumeSupported  bool   // 5 bit 1
	AuthEvent        bool   // 5 bit 2: a new socket must authenticate by the event auth
	MaxMessageBytes  uint64 // 6
	HandshakeTimeout uint64 // 7, milliseconds
	RateLimit        uint64 // 8: EVENTs that pass in any RateWindow; 0 means no limit, or not told
	RateWindow       uint64 // 9, milliseconds
}

// Connect is the client's answer to Hello. Its byte slices borrow the input of ParseConnect.
type Connect struct {
	Version   uint64 // 1
	Random    []byte // 2: 32 bytes
	Algorithm uint64 // 3: the id that the client chose; 0 means none
	KeyID     []byte // 4
	// Sealed is field 5, always the last. With encryption it is a SEALED message that contains a
	// CONNECT with the fields below.
	Sealed       []byte
	Namespace    []byte // 10: overrides the path of the URL when present
	APIKey       []byte // 11
	SessionToken []byte // 12
	LastSeq      uint64 // 13
	CanInflate   bool   // 14 bit 0
	CanMove      bool   // 14 bit 1: on GOAWAY with Move it opens a connection before it leaves
	Client       []byte // 15: name/version, for logs
}

// ConnectAck completes the handshake. Its byte slices borrow the input of ParseConnectAck.
type ConnectAck struct {
	SocketID             []byte // 1
	SessionToken         []byte // 2
	Recovered            bool   // 3 bit 0
	HeartbeatInterval    uint64 // 4, milliseconds
	CompressionThreshold uint64 // 5, bytes
	MaxMessageBytes      uint64 // 6
	ServerTime           uint64 // 7, µs since the Unix epoch
	// Arrived is field 8: the number of EVENTs of the session that the server has received, plus
	// one. 0 means that the server did not say.
	Arrived uint64
}

// Goaway asks the client to reconnect elsewhere or later. URL borrows the input of ParseGoaway.
type Goaway struct {
	Deadline        uint64 // 1, milliseconds until the server closes
	ReconnectWindow uint64 // 2, milliseconds over which clients spread their reconnects
	URL             []byte // 3
	// Move is field 4 bit 0: this connection is served until the deadline, so that the client can
	// open the next one before it leaves. Only a client that CanMove is sent it.
	Move bool
}

// AppendHello appends the HELLO message h to dst. It copies from h.
func AppendHello(dst []byte, h *Hello) []byte {
	dst = append(dst, byte(KindHello))
	dst = appendNumber(dst, 1, h.Version)
	dst = appendBytes(dst, 2, h.Random)
	dst = appendBytes(dst, 3, h.Algorithms)
	dst = appendBytes(dst, 4, h.KeyIDs)
	dst = appendNumber(dst, 5,
		bit(h.AuthRequired)|bit(h.ResumeSupported)<<1|bit(h.AuthEvent)<<2)
	dst = appendNumber(dst, 6, h.MaxMessageBytes)
	dst = appendNumber(dst, 7, h.HandshakeTimeout)
	dst = appendNumber(dst, 8, h.RateLimit)
	return appendNumber(dst, 9, h.RateWindow)
}

// ParseHello reads a HELLO message, which the result borrows. Anything else is an *Error with
// CodeInvalidFormat.
func ParseHello(b []byte) (Hello, error) {
	var h Hello
	f := openRecord(b, KindHello)
	for f.next() {
		switch f.id {
		case 1:
			h.Version = f.number()
		case 2:
			h.Random = f.sized(RandomSize, RandomSize)
		case 3:
			h.Algorithms = f.value
		case 4:
			h.KeyIDs = f.sized(KeyIDSize, len(b))
		case 5:
			bits := f.number()
			h.AuthRequired, h.ResumeSupported = bits&1 != 0, bits&2 != 0
			h.AuthEvent = bits&4 != 0
		case 6:
			h.MaxMessageBytes = f.number()
		case 7:
			h.HandshakeTimeout = f.number()
		case 8:
			h.RateLimit = f.number()
		case 9:
			h.RateWindow = f.number()
		}
	}
	if f.err != nil {
		return Hello{}, f.err
	}
	return h, nil
}

// AppendConnect appends the CONNECT message c to dst. It copies from c.
func AppendConnect(dst []byte, c *Connect) []byte {
	dst = append(dst, byte(KindConnect))
	dst = appendNumber(dst, 1, c.Version)
	dst = appendBytes(dst, 2, c.Random)
	dst = appendNumber(dst, 3, c.Algorithm)
	dst = appendBytes(dst, 4, c.KeyID)
	dst = appendBytes(dst, fieldSealed, c.Sealed)
	dst = appendBytes(dst, 10, c.Namespace)
	dst = appendBytes(dst, 11, c.APIKey)
	dst = appendBytes(dst, 12, c.SessionToken)
	dst = appendNumber(dst, 13, c.LastSeq)
	dst = appendNumber(dst, 14, bit(c.CanInflate)|bit(c.CanMove)<<1)
	return appendBytes(dst, 15, c.Client)
}

// ParseConnect reads a CONNECT message, which the result borrows. Anything else is an *Error with
// CodeInvalidFormat.
func ParseConnect(b []byte) (Connect, error) {
	var c Connect
	f := openRecord(b, KindConnect)
	for f.next() {
		switch f.id {
		case 1:
			c.Version = f.number()
		case 2:
			c.Random = f.sized(RandomSize, RandomSize)
		case 3:
			c.Algorithm = f.number()
		case 4:
			c.KeyID = f.sized(KeyIDSize, KeyIDSize)
		case fieldSealed:
			c.Sealed = f.value
			if len(f.rest) > 0 {
				f.err = errRecordField // the seal would not cover what follows
			}
		case 10:
			c.Namespace = f.value
		case 11:
			c.APIKey = f.value
		case 12:
			c.SessionToken = f.value
		case 13:
			c.LastSeq = f.number()
		case 14:
			bits := f.number()
			c.CanInflate, c.CanMove = bits&1 != 0, bits&2 != 0
		case 15:
			c.Client = f.value
		}
	}
	if f.err != nil {
		return Connect{}, f.err
	}
	return c, nil
}

// AppendConnectAck appends the CONNECT_ACK message c to dst. It copies from c.
func AppendConnectAck(dst []byte, c *ConnectAck) []byte {
	dst = append(dst, byte(KindConnectAck))
	dst = appendBytes(dst, 1, c.SocketID)
	dst = appendBytes(dst, 2, c.SessionToken)
	dst = appendNumber(dst, 3, bit(c.Recovered))
	dst = appendNumber(dst, 4, c.HeartbeatInterval)
	dst = appendNumber(dst, 5, c.CompressionThreshold)
	dst = appendNumber(dst, 6, c.MaxMessageBytes)
	dst = appendNumber(dst, 7, c.ServerTime)
	return appendNumber(dst, 8, c.Arrived)
}

// ParseConnectAck reads a CONNECT_ACK message, which the result borrows. Anything else is an *Error
// with CodeInvalidFormat.
func ParseConnectAck(b []byte) (ConnectAck, error) {
	var c ConnectAck
	f := openRecord(b, KindConnectAck)
	for f.next() {
		switch f.id {
		case 1:
			c.SocketID = f.value
		case 2:
			c.SessionToken = f.value
		case 3:
			c.Recovered = f.number()&1 != 0
		case 4:
			c.HeartbeatInterval = f.number()
		case 5:
			c.CompressionThreshold = f.number()
		case 6:
			c.MaxMessageBytes = f.number()
		case 7:
			c.ServerTime = f.number()
		case 8:
			c.Arrived = f.number()
		}
	}
	if f.err != nil {
		return ConnectAck{}, f.err
	}
	return c, nil
}

// AppendGoaway appends the GOAWAY message g to dst. It copies from g.
func AppendGoaway(dst []byte, g *Goaway) []byte {
	dst = append(dst, byte(KindGoaway))
	dst = appendNumber(dst, 1, g.Deadline)
	dst = appendNumber(dst, 2, g.ReconnectWindow)
	dst = appendBytes(dst, 3, g.URL)
	return appendNumber(dst, 4, bit(g.Move))
}

// ParseGoaway reads a GOAWAY message, which the result borrows. Anything else is an *Error with
// CodeInvalidFormat.
func ParseGoaway(b []byte) (Goaway, error) {
	var g Goaway
	f := openRecord(b, KindGoaway)
	for f.next() {
		switch f.id {
		case 1:
			g.Deadline = f.number()
		case 2:
			g.ReconnectWindow = f.number()
		case 3:
			g.URL = f.value
		case 4:
			g.Move = f.number()&1 != 0
		}
	}
	if f.err != nil {
		return Goaway{}, f.err
	}
	return g, nil
}
