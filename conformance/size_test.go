package conformance

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// Class 9: sizes up to 4 MiB, in one frame, in fragments and in small writes, and many small
// messages. Class 10: a message that is cut at an odd size.
func TestSizes(t *testing.T) {
	sizes := []int{64 << 10, 256 << 10, 1 << 20, 4 << 20}
	if testing.Short() {
		sizes = sizes[:2]
	}
	for _, op := range []byte{opText, opBinary} {
		for _, n := range sizes {
			p := pattern(n)
			exact(t, fmt.Sprintf("9.1/op %d/%d", op, n), op, p, fr(finBit|op, p), 0)
		}
		n := sizes[len(sizes)-1]
		p := pattern(n)
		for size := 64; size <= n; size *= 4 {
			exact(t, fmt.Sprintf("9.3/op %d/%d in %d", op, n, size), op, p,
				fragments(op, 0, p, size), 0)
		}
		for _, chop := range []int{64, 128, 256, 512, 1024, 2048} {
			p := pattern(256 << 10)
			exact(t, fmt.Sprintf("9.5/op %d/writes of %d", op, chop), op, p, fr(finBit|op, p), chop)
		}
	}
	exact(t, "10.1", opText, pattern(65536), fragments(opText, 0, pattern(65536), 1300), 0)
	exact(t, "10.1 chopped", opText, pattern(65536), fragments(opText, 0, pattern(65536), 1300),
		997)
}

// exact sends wire, in writes of chop bytes, and expects the message p back.
func exact(t *testing.T, name string, op byte, p, wire []byte, chop int) {
	t.Run(name, func(t *testing.T) {
		c := upgrade(t, "")
		defer c.close()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for b := wire; len(b) > 0; {
				n := len(b)
				if chop > 0 {
					n = min(n, chop)
				}
				if _, err := c.nc.Write(b[:n]); err != nil {
					return
				}
				b = b[n:]
			}
		}()
		defer func() { c.close(); <-sent }()
		g, err := c.message()
		if err != nil {
			t.Fatal(err)
		}
		if g.op() != op || !bytes.Equal(g.payload, p) {
			t.Fatalf("%d bytes came back as %v", len(p), g)
		}
	})
}

// Class 9.7, 9.8: a thousand round trips of each size.
func TestRoundTrips(t *testing.T) {
	for _, n := range []int{0, 16, 64, 256, 1024, 4096, 16384, 65536} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c := upgrade(t, "")
			defer c.close()
			rounds := 1000
			if testing.Short() {
				rounds = 50
			}
			p := pattern(n)
			for i := range rounds {
				op := byte(opText + i&1)
				c.nc.SetDeadline(time.Now().Add(hang))
				if _, err := c.nc.Write(fr(finBit|op, p)); err != nil {
					t.Fatal(err)
				}
				g, err := c.message()
				if err != nil || g.op() != op || !bytes.Equal(g.payload, p) {
					t.Fatal(i, g, err)
				}
			}
		})
	}
}

// Many messages in one write come back complete and in order, even if the peer reads only after it
// has sent everything.
func TestBurst(t *testing.T) {
	c := upgrade(t, "")
	defer c.close()
	const n = 5000
	var b []byte
	for i := range n {
		b = append(b, text(fmt.Sprint("message ", i))...)
	}
	c.write(b, whole, nil)
	for i := range n {
		if g, err := c.message(); err != nil || string(g.payload) != fmt.Sprint("message ", i) {
			t.Fatal(i, g, err)
		}
	}
}

// The largest message is accepted. One byte more is answered with 1009 before its payload comes,
// however the message is assembled.
func TestMessageLimit(t *testing.T) {
	inside(t)
	tooBig := []int{1009}
	half := pattern(maxMessage / 2)
	run(t, "limit", []exchange{
		{name: "over in one frame", send: header(finBit|opBinary, true, -1, maxMessage+1, nil),
			codes: tooBig},
		{name: "over in two",
			send:  join(fr(opBinary, half), header(finBit|opCont, true, -1, maxMessage/2+1, nil)),
			codes: tooBig},
		{name: "over in two with a ping", send: join(fr(opBinary, half), ping("x"),
			header(opCont, true, -1, maxMessage/2+1, nil)),
			want: []got{wantPong("x")}, codes: tooBig},
	})
	exact(t, "at the limit", opBinary, pattern(maxMessage), binaryFrame(pattern(maxMessage)), 0)
	exact(t, "at the limit in two", opBinary, pattern(maxMessage),
		fragments(opBinary, 0, pattern(maxMessage), maxMessage/2), 0)
}
