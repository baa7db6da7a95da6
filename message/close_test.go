package message_test

import (
	"testing"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// TestCloseCodesAreThoseOfFrame holds the two tables of close codes together, because package
// message may not import frame.
func TestCloseCodesAreThoseOfFrame(t *testing.T) {
	for code, want := range map[uint16]frame.CloseCode{
		message.CloseNormal:     frame.CloseNormal,
		message.CloseGoingAway:  frame.CloseGoingAway,
		message.CloseProtocol:   frame.CloseProtocolError,
		message.CloseBadPayload: frame.CloseInvalidPayload,
		message.ClosePolicy:     frame.ClosePolicyViolation,
		message.CloseTooLarge:   frame.CloseTooBig,
		message.CloseInternal:   frame.CloseInternal,
		message.CloseRestart:    frame.CloseServiceRestart,
		message.CloseBusy:       frame.CloseTryAgainLater,
	} {
		if frame.CloseCode(code) != want {
			t.Errorf("close code %d is %d in package frame", code, want)
		}
	}
	for _, code := range []uint16{
		message.CloseSlow, message.CloseIdle, message.CloseExpired, message.CloseAuth,
		message.CloseNamespace, message.CloseDecrypt, message.CloseReplaced, message.CloseKicked,
	} {
		if !frame.CloseCode(code).OnWire() {
			t.Errorf("close code %d may not be sent", code)
		}
	}
}

// An application that says no in the handshake means it, and the client does not ask again.
func TestCloseCodeOfAnApplication(t *testing.T) {
	for code, want := range map[message.Code]uint16{
		"SHOP_BANNED": message.CloseAuth, "a": message.CloseAuth,
		message.CodeAuthFailed: message.CloseAuth, message.CodeHandlerFailed: message.CloseInternal,
		"ERR_NEW_001": message.CloseInternal, "": message.CloseInternal,
	} {
		if got := message.CloseCodeFor(code); got != want {
			t.Errorf("%q closes with %d, want %d", code, got, want)
		}
	}
}
