//go:build !js

package client

import (
	"io"
	"net"
	"testing"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// TestCloseFrameIsTheLast: behind a client's close frame nothing follows, neither the answer to a
// ping nor a second close frame, whoever began to close (RFC 6455 section 5.5.1).
func TestCloseFrameIsTheLast(t *testing.T) {
	for name, first := range map[string]bool{"client": true, "server": false} {
		behind := make(chan []byte, 1)
		url := fakeServer(t, func(_ int, nc net.Conn) {
			accept(nc)
			if !first {
				nc.Write(closeFrame(uint16(frame.CloseNormal)))
			}
			if _, ok := readMessage(nc); ok {
				t.Errorf("%s first: a message in place of the close frame", name)
			}
			nc.Write(frame.AppendFrame(nil, frame.Ping, []byte("alive?")))
			b := message.AppendClock(nil, message.KindPing, message.Clock{})
			nc.Write(frame.AppendFrame(nil, frame.Binary, b))
			if first {
				nc.Write(closeFrame(uint16(frame.CloseNormal)))
			}
			rest, _ := io.ReadAll(nc)
			behind <- rest
		})
		c := connect(t, newClient(t, url, Options{MaxReconnectAttempts: Never}))
		if first {
			c.Disconnect()
		}
		if rest := take(t, behind, "the end"); len(rest) != 0 {
			t.Errorf("%s first: % x behind the close frame", name, rest)
		}
	}
}
