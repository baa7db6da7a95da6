package message

// Code is an ERR_ code. Codes are stable on the wire.
type Code string

// The codes of protocol version 1.
const (
	CodeRefused          Code = "ERR_CONN_001"
	CodeTimeout          Code = "ERR_CONN_002"
	CodeHandshakeFailed  Code = "ERR_CONN_003"
	CodeAuthFailed       Code = "ERR_CONN_004"
	CodeMaxConnections   Code = "ERR_CONN_005"
	CodeConnectionLost   Code = "ERR_CONN_006"
	CodeThrottled        Code = "ERR_CONN_007"
	CodeInvalidFormat    Code = "ERR_MSG_001"
	CodeDecompression    Code = "ERR_MSG_002"
	CodeDecryption       Code = "ERR_MSG_003"
	CodeTooLarge         Code = "ERR_MSG_004"
	CodeInvalidNamespace Code = "ERR_MSG_005"
	CodeRateLimited      Code = "ERR_RATE_001"
	CodeEventRateLimited Code = "ERR_RATE_002"
	CodeAckTimeout       Code = "ERR_ACK_001"
	CodeAckInvalid       Code = "ERR_ACK_002"
	CodeAckUnknown       Code = "ERR_ACK_003"
	CodeRejected         Code = "ERR_APP_001"
	CodeHandlerFailed    Code = "ERR_APP_002"
	CodeNoHandler        Code = "ERR_APP_003"
	CodeShuttingDown     Code = "ERR_SRV_001"
)

// Error is the type of every error that SmartSocket reports. It has a code, one sentence that says
// what happened and how to mend it, and the event that it is about. errors.Is compares Code alone;
// Unwrap returns the cause.
type Error struct {
	Code       Code
	Message    string
	Event      string // the event that the error is about, if any
	RetryAfter int64  // milliseconds; 0 means not given
	Details    string // JSON text of the application's, for the peer's program; "" means none
	Cause      error
}

// New makes an Error with the given code and sentence.
func New(code Code, message string) *Error { return &Error{Code: code, Message: message} }

// Error returns the code, the event, the sentence and the cause, leaving out what is empty.
func (e *Error) Error() string {
	s := "smartsocket: " + string(e.Code)
	if e.Event != "" {
		s += " (event " + e.Event + ")"
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Is reports whether target is an *Error with the same Code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Unwrap returns the cause, or nil if there is none.
func (e *Error) Unwrap() error { return e.Cause }

// There is one Error per code with its default sentence. Use them with errors.Is, and to send when
// there is nothing more to say. They are shared, so never change one.
var (
	ErrRefused = New(CodeRefused,
		"connection refused: check the address and that the server runs")
	ErrTimeout         = New(CodeTimeout, "timed out: check the network, or raise the timeout")
	ErrHandshakeFailed = New(CodeHandshakeFailed, "handshake failed: check that the peer speaks "+
		Subprotocol)
	ErrAuthFailed = New(CodeAuthFailed,
		"authentication failed: check the api key and the encryption key")
	ErrMaxConnections = New(CodeMaxConnections,
		"the server has reached its maximum of connections: try again later, or raise "+
			"maxConnections")
	ErrConnectionLost = New(CodeConnectionLost,
		"connection lost: the message may or may not have arrived")
	ErrThrottled = New(CodeThrottled,
		"throttled: too many failed authentications from this address (failureLimit)")
	ErrInvalidFormat = New(CodeInvalidFormat,
		"invalid message: see docs/PROTOCOL.md for the format")
	ErrDecompression = New(CodeDecompression,
		"decompression failed: send the payload as one complete raw DEFLATE stream")
	ErrDecryption = New(CodeDecryption, "decryption failed: both ends need the same key")
	ErrTooLarge   = New(CodeTooLarge,
		"message too large: send less at a time, or raise maxMessageBytes")
	ErrInvalidNamespace = New(CodeInvalidNamespace,
		"no such namespace: check the path, or create the namespace on the server")
	ErrRateLimited = New(CodeRateLimited,
		"rate limit exceeded: send more slowly, or raise the limit")
	ErrEventRateLimited = New(CodeEventRateLimited,
		"rate limit of this event exceeded: send it more slowly, or raise its limit")
	ErrAckTimeout = New(CodeAckTimeout,
		"no acknowledgement in time: raise ackTimeout or look at the receiver's handler")
	ErrAckInvalid = New(CodeAckInvalid,
		"the acknowledgement could not be read: check what the handler answers")
	ErrAckUnknown = New(CodeAckUnknown,
		"acknowledgement of an unknown message: it was answered before, or its wait has ended")
	ErrRejected      = New(CodeRejected, "rejected by a middleware of the server")
	ErrHandlerFailed = New(CodeHandlerFailed, "the handler failed: see the receiver's log")
	ErrNoHandler     = New(CodeNoHandler,
		"nobody handles this event: check its name, or register a handler")
	ErrShuttingDown = New(CodeShuttingDown, "the server is shutting down: reconnect")
)

// The ways in which a message can be invalid. They are made once so that an attacker cannot make us
// allocate.
var (
	errEmpty = New(CodeInvalidFormat,
		"empty message: a binary message has at least one byte")
	errKind = New(CodeInvalidFormat,
		"unknown kind of message in the low four bits of byte 0")
	errFlags = New(CodeInvalidFormat,
		"a flag in the high four bits of byte 0 does not suit the kind of message")
	errNumber = New(CodeInvalidFormat,
		"a number is cut short, over 64 bits or not in its shortest form: use minimal LEB128")
	errCut       = New(CodeInvalidFormat, "a length points beyond the end of the message")
	errEventName = New(CodeInvalidFormat,
		"bad event name: use 1 to 128 bytes of UTF-8 without control characters")
	errAckWithoutID = New(CodeInvalidFormat,
		"an ACK without ack id: set flag 0x40 and name the message it answers")

	errJSON = New(CodeInvalidFormat,
		"not valid JSON (RFC 8259), or nested more than 64 deep")
	errNotObject = New(CodeInvalidFormat,
		`a text message is a JSON object: {"event":"name","data":…}`)
	errNoEvent = New(CodeInvalidFormat,
		`no "event" in the message: send {"event":"name","data":…}`)
	errEventNotString = New(CodeInvalidFormat, `"event" must be a string`)
	errBadAck         = New(CodeInvalidFormat,
		`"ack" must be an integer from 0 to 9007199254740991`)
	errDuplicate      = New(CodeInvalidFormat, "a key of the message occurs twice")
	errErrorNotObject = New(CodeInvalidFormat, `"error" must be an object: {"code":…,"message":…}`)
	errErrorAndMore   = New(CodeInvalidFormat, `"error" goes neither with "event" nor with "data"`)

	errRecordKind     = New(CodeInvalidFormat, "not the expected handshake record")
	errRecordRepeated = New(CodeInvalidFormat, "a field of a handshake record is repeated")
	errRecordField    = New(CodeInvalidFormat,
		"a field of a handshake record has the wrong length or form")
	errClock        = New(CodeInvalidFormat, "PING and PONG carry exactly three numbers")
	errErrorPayload = New(CodeInvalidFormat,
		`not an error: {"code":string,"message":string,"event":string,"retryAfter":integer,`+
			`"details":any}`)
)
