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
