package websocket

import "net"

// bridgeSendBuffer is what the kernel may hold for the peer of a bridge, in bytes. The kernel takes
// more only when a third of its buffer is free. If it could grow to megabytes, a peer behind a thin
// link would look stalled for longer than bridgeStall although it reads all the time.
const bridgeSendBuffer = 128 << 10

// boundSendBuffer bounds the send buffer of the connection below nc, if that can be found.
func boundSendBuffer(nc net.Conn) {
	for {
		inner, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		nc = inner.NetConn()
	}
	if b, ok := nc.(interface{ SetWriteBuffer(int) error }); ok {
		_ = b.SetWriteBuffer(bridgeSendBuffer)
	}
}
