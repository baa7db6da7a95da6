package conformance

import (
	"bytes"
	"fmt"
	mrand "math/rand/v2"
	"testing"
)

// exchange is one case: what is sent and what must come back.
type exchange struct {
	name string
	send []byte
	want []got // messages may come in any number of frames, controls must come in order
	// codes has the close codes that may end the case. nil means that it stays open and that we
	// close it.
	codes []int
	offer string // extension offer
}

func wantText(s string) got   { return got{opText, []byte(s)} }
func wantBinary(p []byte) got { return got{opBinary, p} }
func wantPong(s string) got   { return got{opPong, []byte(s)} }

var protocolError = []int{1002}

// run runs the cases, each with every cut that makes sense for its size.
func run(t *testing.T, class string, cases []exchange) {
	t.Helper()
	for _, x := range cases {
		for _, p := range []pieces{whole, random, bytewise} {
			if p == bytewise && len(x.send) > 2048 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s/%s", class, x.name, p), func(t *testing.T) { runOne(t, x, p) })
		}
	}
}

func runOne(t *testing.T, x exchange, p pieces) {
	c := upgrade(t, x.offer)
	defer c.close()
	if x.offer != "" && c.extensions == "" {
		t.Skip("the server does not negotiate " + x.offer)
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		rng := mrand.New(mrand.NewPCG(uint64(len(x.send)), 7))
		c.write(x.send, p, rng)
		if x.codes == nil {
			c.write(closeFrame(1000), p, rng)
		}
	}()
	defer func() { c.close(); <-sent }()
	for i, w := range x.want {
		g, err := c.message()
		if err != nil {
			t.Fatalf("want %d (op %#x, %d bytes): %v", i, w.b0, len(w.payload), err)
		}
		if g.op() != w.b0 || !bytes.Equal(g.payload, w.payload) {
			t.Fatalf("want %d: op %#x %d bytes %.40q, got %v", i, w.b0, len(w.payload), w.payload,
				g)
		}
	}
	codes := x.codes
	if codes == nil {
		codes = []int{1000}
	}
	if err := c.expectClose(codes...); err != nil {
		t.Fatal(err)
	}
}

// message reads one control frame or one message, whose fragments it joins and inflates.
func (c *client) message() (got, error) {
	g, err := c.next()
	if err != nil || g.op() >= opClose {
		if g.b0&0x70 != 0 {
			return g, fmt.Errorf("reserved bits on a control frame: %v", g)
		}
		return g, err
	}
	if g.b0&(rsv2|rsv3) != 0 || g.b0&rsv1 != 0 && c.extensions == "" {
		return g, fmt.Errorf("reserved bits: %v", g)
	}
	for last := g; last.b0&finBit == 0; {
		if last, err = c.next(); err != nil {
			return g, err
		}
		if last.b0&^finBit != opCont {
			return g, fmt.Errorf("want a continuation, got %v", last)
		}
		g.payload = append(g.payload, last.payload...)
	}
	if g.b0&rsv1 != 0 {
		g.payload, err = inflate(g.payload)
	}
	return g, err
}
