package frame

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// CloseCode is a WebSocket close status (RFC 6455 section 7.4).
type CloseCode ws.StatusCode

// The codes that this package and its callers use. CloseNoStatus and CloseAbnormal are for local
// use and never appear on the wire.
const (
	CloseNormal             = CloseCode(ws.StatusNormalClosure)
	CloseGoingAway          = CloseCode(ws.StatusGoingAway)
	CloseProtocolError      = CloseCode(ws.StatusProtocolError)
	CloseUnsupportedData    = CloseCode(ws.StatusUnsupportedData)
	CloseNoStatus           = CloseCode(ws.StatusNoStatusRcvd)
	CloseAbnormal           = CloseCode(ws.StatusAbnormalClosure)
	CloseInvalidPayload     = CloseCode(ws.StatusInvalidFramePayloadData)
	ClosePolicyViolation    = CloseCode(ws.StatusPolicyViolation)
	CloseTooBig             = CloseCode(ws.StatusMessageTooBig)
	CloseMandatoryExtension = CloseCode(ws.StatusMandatoryExt)
	CloseInternal           = CloseCode(ws.StatusInternalServerError)

	// The codes that IANA has registered since, which gobwas/ws does not name.
	CloseServiceRestart CloseCode = 1012
	CloseTryAgainLater  CloseCode = 1013
	closeBadGateway     CloseCode = 1014
)

// OnWire reports whether a close frame may carry the code. It may carry 1000–1003, 1007–1011, the
// IANA registrations 1012–1014, and 3000–4999, which are for libraries and applications (RFC 6455
// section 7.4).
func (c CloseCode) OnWire() bool {
	s := ws.StatusCode(c)
	switch {
	case s.IsApplicationSpec(), s.IsPrivateSpec():
		return true
	case s.IsProtocolDefined():
		return !s.IsProtocolReserved()
	}
	return c >= CloseServiceRestart && c <= closeBadGateway
}

// Error is a violation found in the peer's bytes: the close code to answer with, and the reason.
// The parser returns shared values, so do not change them.
type Error struct {
	Code   CloseCode
	Reason string
}

// Error returns the code and the reason.
func (e *Error) Error() string {
	return "frame: " + strconv.Itoa(int(e.Code)) + " " + e.Reason
}

var (
	errCloseShort  = &Error{CloseProtocolError, "close body of one byte"}
	errCloseLong   = &Error{CloseProtocolError, "close body over 125 bytes"}
	errCloseCode   = &Error{CloseProtocolError, "close code that may not be sent"}
	errCloseReason = &Error{CloseInvalidPayload, "close reason is not UTF-8"}
)

// AppendCloseBody appends the payload of a close frame to dst: the code in two bytes, then the
// reason, cut at a rune boundary so that both fit 125 bytes. For a code that may not be on the
// wire, such as CloseNoStatus, it appends nothing, which makes a close without status. reason
// should be UTF-8; it is cut at its first invalid byte.
func AppendCloseBody(dst []byte, code CloseCode, reason string) []byte {
	if !code.OnWire() {
		return dst
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, reason[:reasonLen(reason)]...)
}

// reasonLen returns how many bytes of reason fit a close body as valid UTF-8.
func reasonLen(reason string) int {
	n := 0
	for n < len(reason) {
		r, size := utf8.DecodeRuneInString(reason[n:])
		if r == utf8.RuneError && size <= 1 || n+size > maxControl-2 {
			break
		}
		n += size
	}
	return n
}

// ParseCloseBody checks and splits the payload of a received close frame. The reason borrows p. An
// empty body is CloseNoStatus. Errors are *Error: 1002 for a body of one byte and for a code that
// may not be sent, 1007 for a reason that is not UTF-8 (RFC 6455 section 5.5.1).
func ParseCloseBody(p []byte) (code CloseCode, reason []byte, err error) {
	switch {
	case len(p) == 0:
		return CloseNoStatus, nil, nil
	case len(p) == 1:
		return 0, nil, errCloseShort
	case len(p) > maxControl:
		return 0, nil, errCloseLong
	}
	code = CloseCode(binary.BigEndian.Uint16(p))
	if !code.OnWire() {
		return 0, nil, errCloseCode
	}
	if !utf8.Valid(p[2:]) {
		return 0, nil, errCloseReason
	}
	return code, p[2:], nil
}
