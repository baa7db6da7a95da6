package conformance

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// hang limits every exchange. It is reached only if something hangs.
const hang = 30 * time.Second

const (
	opCont, opText, opBinary = 0x0, 0x1, 0x2
	opClose, opPing, opPong  = 0x8, 0x9, 0xA
	rsv1, rsv2, rsv3         = 0x40, 0x20, 0x10
	deflateOffer             = "permessage-deflate; server_no_context_takeover; " +
		"client_no_context_takeover"
	acceptGUID             = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	finBit                 = 0x80
	maxExpectedFrame int64 = 64 << 20
)

// client is one raw connection after its handshake.
type client struct {
	nc         net.Conn
	br         *bufio.Reader
	extensions string
}

func dialTCP(t testing.TB) net.Conn {
	t.Helper()
	return dialAddr(t, target.addr)
}

func dialAddr(t testing.TB, addr string) net.Conn {
	t.Helper()
	nc, err := net.DialTimeout("tcp", addr, hang)
	if err != nil {
		t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(hang))
	return nc
}

func newKey() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// request builds a correct upgrade request with extra header lines.
func request(key, extra string) string {
	return "GET / HTTP/1.1\r\nHost: " + target.addr +
		"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: " + key + "\r\nSec-WebSocket-Version: 13\r\n" + extra + "\r\n"
}

// upgrade dials and does the handshake. offer is a Sec-WebSocket-Extensions value, or "".
func upgrade(t testing.TB, offer string) *client {
	t.Helper()
	return upgradeAddr(t, target.addr, offer)
}

func upgradeAddr(t testing.TB, addr, offer string) *client {
	t.Helper()
	nc := dialAddr(t, addr)
	key, extra := newKey(), ""
	if offer != "" {
		extra = "Sec-WebSocket-Extensions: " + offer + "\r\n"
	}
	if _, err := io.WriteString(nc, request(key, extra)); err != nil {
		t.Fatal(err)
	}
	c, err := readUpgrade(nc, key)
	if err != nil {
		nc.Close()
		t.Fatal(err)
	}
	return c
}

// readUpgrade reads and checks the 101.
func readUpgrade(nc net.Conn, key string) (*client, error) {
	br := bufio.NewReader(nc)
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return nil, fmt.Errorf("no answer to the upgrade: %w", err)
	}
	sum := sha1.Sum([]byte(key + acceptGUID))
	switch {
	case resp.StatusCode != 101:
		return nil, fmt.Errorf("upgrade answered with %s", resp.Status)
	case !strings.EqualFold(resp.Header.Get("Upgrade"), "websocket"),
		!strings.EqualFold(resp.Header.Get("Connection"), "upgrade"),
		resp.Header.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]):
		return nil, fmt.Errorf("bad 101: %v", resp.Header)
	}
	return &client{nc: nc, br: br, extensions: resp.Header.Get("Sec-WebSocket-Extensions")}, nil
}

func (c *client) close() { c.nc.Close() }

// fr builds one masked frame. b0 is the first byte: fin, reserved bits and opcode.
func fr(b0 byte, payload []byte) []byte {
	return header(b0, true, -1, uint64(len(payload)), payload)
}

func text(s string) []byte        { return fr(finBit|opText, []byte(s)) }
func binaryFrame(p []byte) []byte { return fr(finBit|opBinary, p) }
func ping(s string) []byte        { return fr(finBit|opPing, []byte(s)) }
func pong(s string) []byte        { return fr(finBit|opPong, []byte(s)) }
func closeRaw(body []byte) []byte { return fr(finBit|opClose, body) }
func closeFrame(code int) []byte  { return closeRaw(closeBody(code, "")) }
func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
func closeBody(code int, r string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(code)), r...)
}

// header builds a frame. Its announced length n may be a lie, and its length field is lenBytes wide
// (0, 2, 8; -1 means the right width). If masked is set the payload is masked with a key made from
// its length.
func header(b0 byte, masked bool, lenBytes int, n uint64, payload []byte) []byte {
	if lenBytes < 0 {
		switch {
		case n < 126:
			lenBytes = 0
		case n < 1<<16:
			lenBytes = 2
		default:
			lenBytes = 8
		}
	}
	var mask byte
	if masked {
		mask = 0x80
	}
	b := make([]byte, 0, len(payload)+14)
	switch lenBytes {
	case 0:
		b = append(b, b0, mask|byte(n))
	case 2:
		b = binary.BigEndian.AppendUint16(append(b, b0, mask|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, b0, mask|127), n)
	}
	if !masked {
		return append(b, payload...)
	}
	key := [4]byte{byte(n) ^ 0x37, 0xfa, byte(n >> 3), 0x3d}
	b = append(b, key[:]...)
	at := len(b)
	b = append(b, payload...)
	for i := range payload {
		b[at+i] ^= key[i&3]
	}
	return b
}

// fragments cuts payload into frames of size bytes. extra is set on the first one.
func fragments(op, extra byte, payload []byte, size int) []byte {
	var b []byte
	for first := true; first || len(payload) > 0; first = false {
		n := min(size, len(payload))
		b0 := byte(opCont)
		if first {
			b0 = op | extra
		}
		if n == len(payload) {
			b0 |= finBit
		}
		b = append(b, fr(b0, payload[:n])...)
		payload = payload[n:]
	}
	return b
}

// got is one frame from the server.
type got struct {
	b0      byte
	payload []byte
}

func (g got) op() byte { return g.b0 & 0x0f }

func (g got) String() string {
	p := g.payload
	if len(p) > 40 {
		p = p[:40]
	}
	return fmt.Sprintf("frame %#02x of %d bytes %q", g.b0, len(g.payload), p)
}

// next reads one frame and checks the rules that apply to every frame of a server.
func (c *client) next() (got, error) {
	var h [8]byte
	if _, err := io.ReadFull(c.br, h[:2]); err != nil {
		return got{}, err
	}
	g := got{b0: h[0]}
	if h[1]&0x80 != 0 {
		return g, errors.New("masked frame from the server")
	}
	n := int64(h[1])
	switch n {
	case 126:
		if _, err := io.ReadFull(c.br, h[:2]); err != nil {
			return g, err
		}
		if n = int64(binary.BigEndian.Uint16(h[:])); n < 126 {
			return g, errors.New("length not minimal")
		}
	case 127:
		if _, err := io.ReadFull(c.br, h[:8]); err != nil {
			return g, err
		}
		if n = int64(binary.BigEndian.Uint64(h[:])); n < 1<<16 || n > maxExpectedFrame {
			return g, fmt.Errorf("64-bit length %d", n)
		}
	}
	if g.op() >= opClose && (n > 125 || g.b0&finBit == 0) {
		return g, fmt.Errorf("bad control frame %#x of %d bytes", g.b0, n)
	}
	g.payload = make([]byte, n)
	_, err := io.ReadFull(c.br, g.payload)
	return g, err
}

// ended reports whether err is what a client sees when the server has closed the connection. That
// includes a reset, because the server may close with our bytes unread.
func ended(err error) bool {
	if errors.Is(err, io.EOF) {
		return true
	}
	var ne net.Error
	return err != nil && !(errors.As(err, &ne) && ne.Timeout())
}

// expectClose reads a close frame with one of codes (0 means no code) and the end of the stream.
func (c *client) expectClose(codes ...int) error {
	g, err := c.next()
	if err != nil {
		return fmt.Errorf("want a close frame %v: %w", codes, err)
	}
	if g.b0 != finBit|opClose {
		return fmt.Errorf("want a close frame %v, got %v", codes, g)
	}
	code := 0
	if len(g.payload) >= 2 {
		code = int(binary.BigEndian.Uint16(g.payload))
	}
	for _, want := range codes {
		if code == want {
			if g, err := c.next(); !ended(err) {
				return fmt.Errorf("want the end of the stream after the close frame, got %v, %v", g,
					err)
			}
			return nil
		}
	}
	return fmt.Errorf("want close code %v, got %d (%q)", codes, code, g.payload)
}

// echo sends one text message and waits for it.
func (c *client) echo(s string) error {
	c.nc.SetDeadline(time.Now().Add(hang))
	if _, err := c.nc.Write(text(s)); err != nil {
		return err
	}
	g, err := c.next()
	if err != nil {
		return err
	}
	if g.b0&^rsv1 != finBit|opText || g.b0&rsv1 == 0 && string(g.payload) != s {
		return fmt.Errorf("echo of %q: got %v", s, g)
	}
	return nil
}

// pieces says how an exchange is cut into writes.
type pieces int

const (
	whole pieces = iota
	random
	bytewise
)

func (p pieces) String() string { return [...]string{"whole", "random", "bytewise"}[p] }

// write sends b, cut as p says. It ignores errors: they mean that the server has closed, and what
// is read says more about that.
func (c *client) write(b []byte, p pieces, rng *mrand.Rand) {
	for len(b) > 0 {
		n := len(b)
		switch p {
		case bytewise:
			n = 1
		case random:
			n = min(n, 1+rng.IntN(1+max(len(b)/3, 3)))
		}
		if _, err := c.nc.Write(b[:n]); err != nil {
			return
		}
		b = b[n:]
	}
}
