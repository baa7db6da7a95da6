package test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// wire is a client of single WebSocket messages over a plain TCP connection: the tests see exactly
// what the server sends, and send exactly what they want.
type wire struct {
	t      testing.TB
	nc     net.Conn
	parser frame.Parser
	rest   []byte
	buf    []byte
	id     string
	pings  int
}

var wireConfig = frame.Config{Client: true, MaxMessage: 32 << 20}

// dialWire upgrades a new connection with a subprotocol.
func dialWire(t testing.TB, v *Server, target, protocol string) *wire {
	t.Helper()
	return dialWireAt(t, v.Addr().String(), target, protocol)
}

func dialWireAt(t testing.TB, addr, target, protocol string) *wire {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return upgrade(t, nc, addr, target, protocol)
}

// upgrade makes a WebSocket connection of nc.
func upgrade(t testing.TB, nc net.Conn, addr, target, protocol string) *wire {
	t.Helper()
	return upgradeWith(t, nc, addr, target, protocol, "")
}

// upgradeWith is upgrade with lines for the head of the request.
func upgradeWith(t testing.TB, nc net.Conn, addr, target, protocol, lines string) *wire {
	t.Helper()
	nc.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { nc.Close() })
	key := frame.NewKey()
	nc.Write(frame.AppendRequest(nil, addr, target, key, "", protocol, "", lines))
	w := &wire{t: t, nc: nc, buf: make([]byte, 256<<10)}
	r := bufio.NewReader(nc)
	var head []byte
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			t.Fatalf("the server closed during the upgrade: %v (%q)", err, head)
		}
		if head = append(head, line...); len(line) == 2 {
			break
		}
	}
	if _, err := frame.ParseResponse(head, key, protocol); err != nil {
		t.Fatalf("upgrade: %v (%q)", err, head)
	}
	w.rest = make([]byte, r.Buffered())
	r.Read(w.rest)
	return w
}

// dialPlain is a client without a subprotocol.
func dialPlain(t testing.TB, v *Server, target string) *wire {
	t.Helper()
	return dialWire(t, v, target, "")
}

// dialFull does the whole handshake.
func dialFull(t testing.TB, v *Server, namespace string) *wire {
	t.Helper()
	return greet(t, dialWire(t, v, "/", message.Subprotocol), namespace)
}

// dialTLS is dialFull over TLS.
func dialTLS(t testing.TB, v *Server, namespace string) *wire {
	t.Helper()
	addr := v.Addr().String()
	nc, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	return greet(t, upgrade(t, nc, addr, "/", message.Subprotocol), namespace)
}

// greet answers HELLO.
func greet(t testing.TB, w *wire, namespace string) *wire {
	t.Helper()
	if m := w.message(); m.Kind != message.KindHello {
		t.Fatalf("the first message is of kind %d, not HELLO", m.Kind)
	}
	w.sendConnect(message.Connect{Random: make([]byte, 32), Namespace: []byte(namespace)})
	op, p := w.next()
	if op == frame.Binary {
		if a, err := message.ParseConnectAck(p); err == nil {
			w.id = string(a.SocketID)
			return w
		}
	}
	t.Fatalf("no CONNECT_ACK but %v %q", op, p)
	return nil
}

func (w *wire) send(op frame.Opcode, p []byte) {
	w.t.Helper()
	if _, err := w.nc.Write(masked(op, p)); err != nil {
		w.t.Logf("write: %v", err)
	}
}

// sendConnect sends CONNECT, of version 1 unless c says otherwise.
func (w *wire) sendConnect(c message.Connect) {
	w.t.Helper()
	if c.Version == 0 {
		c.Version = 1
	}
	w.send(frame.Binary, message.AppendConnect(nil, &c))
}

// text sends a text message, as plain clients do.
func (w *wire) text(format string, args ...any) {
	w.t.Helper()
	w.send(frame.Text, fmt.Appendf(nil, format, args...))
}

// emit sends an event.
func (w *wire) emit(event string, payload string) {
	w.t.Helper()
	w.send(frame.Binary, eventBytes(0, 0, event, payload))
}

// request sends an event that asks for an ack.
func (w *wire) request(id uint64, event string, payload string) {
	w.t.Helper()
	w.send(frame.Binary, eventBytes(message.FlagAck, id, event, payload))
}

// eventBytes is an EVENT.
func eventBytes(flags message.Flags, id uint64, event, payload string) []byte {
	return append(message.AppendEventHeader(nil, flags, 0, id, event), payload...)
}

// ackTo is the answer to m.
func ackTo(m message.Message, kind message.Kind, p string) []byte {
	answer := message.Message{Kind: kind, Flags: message.FlagAck, AckID: m.AckID}
	return append(message.Append(nil, &answer), p...)
}

// masked is a client's frame.
func masked(op frame.Opcode, p []byte) []byte {
	return frame.AppendMaskedFrame(nil, op, false, p, [4]byte{1, 2, 3, 4})
}

// next returns the next data or close frame, answering nothing and counting pings.
func (w *wire) next() (frame.Opcode, []byte) {
	w.t.Helper()
	for {
		m, rest, ok, err := w.parser.Feed(&wireConfig, w.rest)
		w.rest = rest
		if err != nil {
			w.t.Fatalf("the server broke RFC 6455: %v", err)
		}
		if ok {
			p := append([]byte(nil), m.Payload...)
			switch m.Op {
			case frame.Ping:
				w.pings++
				w.send(frame.Pong, p)
			case frame.Pong:
			default:
				return m.Op, p
			}
			continue
		}
		n, err := w.nc.Read(w.buf)
		if err != nil {
			return 0, nil
		}
		w.rest = w.buf[:n]
	}
}

// clock returns the next message, which has to be a PING of the clock.
func (w *wire) clock() []byte {
	w.t.Helper()
	_, p := w.next()
	if len(p) == 0 || p[0] != byte(message.KindPing) {
		w.t.Fatalf("expected a PING, got %x", p)
	}
	return p
}

// message returns the next message, of a protocol client.
func (w *wire) message() message.Message {
	w.t.Helper()
	op, p := w.next()
	for op == frame.Binary && len(p) > 0 && p[0] == byte(message.KindPing) {
		op, p = w.next() // the clock, which not every client has to answer
	}
	if op != frame.Binary {
		w.t.Fatalf("expected a binary message, got opcode %d %q", op, p)
	}
	m, err := message.Parse(p)
	if err != nil {
		w.t.Fatalf("the server sent what it would not accept: %v (%x)", err, p)
	}
	return m
}

// wantEvent checks that the next message is this event.
func (w *wire) wantEvent(event, payload string) {
	w.t.Helper()
	m := w.message()
	if m.Kind != message.KindEvent || string(m.Event) != event || string(m.Payload) != payload {
		w.t.Fatalf("got kind %d event %q payload %q, want event %q payload %q",
			m.Kind, m.Event, m.Payload, event, payload)
	}
}

// wantAck checks that the next message is this answer.
func (w *wire) wantAck(id uint64, payload string) {
	w.t.Helper()
	m := w.message()
	if m.Kind != message.KindAck || m.AckID != id || string(m.Payload) != payload {
		w.t.Fatalf("got kind %d ack %d payload %q, want ack %d payload %q",
			m.Kind, m.AckID, m.Payload, id, payload)
	}
}

// wantNack checks that the next message is an error as the answer to id.
func (w *wire) wantNack(id uint64, code message.Code) {
	w.t.Helper()
	if m := w.message(); m.AckID != id || codeOf(m) != code {
		w.t.Fatalf("got kind %d ack %d payload %q, want error %s for ack %d",
			m.Kind, m.AckID, m.Payload, code, id)
	}
}

// wantError checks that the next message is an error.
func (w *wire) wantError(code message.Code) {
	w.t.Helper()
	if m := w.message(); codeOf(m) != code {
		w.t.Errorf("got kind %d %q, want %s", m.Kind, m.Payload, code)
	}
}

// codeOf is the code of an ERROR; "" for any other message.
func codeOf(m message.Message) message.Code {
	e, err := message.ParseErrorJSON(m.Payload)
	if m.Kind != message.KindError || err != nil {
		return ""
	}
	return e.Code
}

// wantText checks the next message of a plain client.
func (w *wire) wantText(want string) {
	w.t.Helper()
	if op, p := w.next(); op != frame.Text || string(p) != want {
		w.t.Fatalf("got opcode %d %q, want %q", op, p, want)
	}
}

// wantClose reads on until the close frame and checks its code.
func (w *wire) wantClose(code frame.CloseCode) {
	w.t.Helper()
	for {
		op, p := w.next()
		if op == frame.Close {
			got, reason, err := frame.ParseCloseBody(p)
			if err != nil || got != code {
				w.t.Fatalf("close code %d %q (%v), want %d", got, reason, err, code)
			}
			return
		}
		if op == 0 {
			w.t.Fatalf("the connection ended without a close frame, want %d", code)
		}
	}
}

// leaves reads on by itself and closes the TCP connection at the close frame, as most clients do. A
// server that has to end does not wait for such a client.
func (w *wire) leaves() {
	go func() {
		defer w.nc.Close()
		for op, _ := w.next(); op != frame.Close && op != 0; {
			op, _ = w.next()
		}
	}()
}

// readBuffer sets what the kernel may keep for the client.
func (w *wire) readBuffer(n int) {
	nc := w.nc
	if tc, ok := nc.(*tls.Conn); ok {
		nc = tc.NetConn()
	}
	nc.(*net.TCPConn).SetReadBuffer(n)
}

// upgradeRequest is the head of an upgrade to the host "x", for dialRaw.
func upgradeRequest(protocol, extensions string) string {
	key := frame.NewKey()
	return string(frame.AppendRequest(nil, "x", "/", key, "", protocol, extensions, ""))
}

// dialRaw opens a connection and sends b, which need not be a request.
func dialRaw(t testing.TB, v *Server, b string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", v.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	if _, err := nc.Write([]byte(b)); err != nil {
		t.Fatal(err)
	}
	return nc
}

// wantGone reads until the server has ended the connection.
func wantGone(t testing.TB, nc net.Conn) {
	t.Helper()
	var buf [4096]byte
	for {
		if _, err := nc.Read(buf[:]); err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Fatal("the server keeps the connection")
			}
			return
		}
	}
}

// tryUpgrade asks for a connection and returns the HTTP answer with it.
func tryUpgrade(t *testing.T, v *Server, protocol string) (*http.Response, net.Conn) {
	t.Helper()
	nc, err := net.Dial("tcp", v.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	addr := v.Addr().String()
	nc.Write(frame.AppendRequest(nil, addr, "/", frame.NewKey(), "", protocol, "", ""))
	r, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r, nc
}
