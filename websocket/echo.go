package websocket

import "github.com/smartsocket/smartsocket/frame"

// Echo is an Acceptor that accepts everyone, chooses no subprotocol and sends each message back
// with its opcode. It is the raw echo server of the benchmarks and of the conformance suite. An
// uncompressed message is answered from the buffer that it came in, without an allocation. If it is
// small it leaves in the same write as the other answers of one read.
func Echo(*frame.Request, *Conn) (Handler, string, error) { return echo{}, "", nil }

type echo struct{}

func (echo) OnOpen(*Conn)                                  {}
func (echo) OnMessage(c *Conn, op frame.Opcode, p []byte)  { c.Send(op, p) }
func (echo) OnPong(*Conn, []byte)                          {}
func (echo) OnWritable(*Conn)                              {}
func (echo) OnTimer(*Conn)                                 {}
func (echo) OnClose(*Conn, frame.CloseCode, string, error) {}
