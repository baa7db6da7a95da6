package netsim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/leaktest"
	"github.com/smartsocket/smartsocket/internal/testclock"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const ms = time.Millisecond

func TestParse(t *testing.T) {
	for text, want := range map[string]Link{
		"":                             {},
		"delay=40ms":                   {Delay: 40 * ms},
		"delay=40ms, jitter=5ms":       {Delay: 40 * ms, Jitter: 5 * ms},
		"loss=1%,bandwidth=2mbit":      {Loss: 0.01, Bandwidth: 2e6},
		"loss=0.25":                    {Loss: 0.25},
		"bandwidth=64kbit":             {Bandwidth: 64e3},
		"3g":                           links["3g"],
		"3g,loss=0,bandwidth=500kbit":  {100 * ms, 40 * ms, 0, 5e5},
		"satellite,delay=1s,jitter=0s": {time.Second, 0, 0.005, 1e7},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v, not %+v", text, got, err, want)
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("%q reads back as %+v, %v", got, again, err)
		}
	}
	for text, want := range map[string]string{
		"5g":                     "write one of 3g, 4g, fiber",
		"delay=40ms,3g":          "is no network",
		"delay=fast":             "as in 40ms",
		"delay=-1ms":             "as in 40ms",
		"delay=2m":               "up to a minute",
		"loss=60%":               "up to half",
		"loss=NaN":               "up to half",
		"bandwidth=1":            "from 8kbit",
		"speed=3":                "write delay, jitter, loss or bandwidth",
		"delay=1ms,jitter=2ms":   "more than the delay",
		"delay=1ms,,jitter=1ms":  "is no network",
		"bandwidth=100000000000": "",
	} {
		_, err := Parse(text)
		if want == "" && err != nil || want != "" && (err == nil ||
			!strings.Contains(err.Error(), want)) {
			t.Errorf("Parse(%q): %v, which should say %q", text, err, want)
		}
	}
}

func TestNamedLinksAreValid(t *testing.T) {
	for name, l := range links {
		if again, err := Parse(l.String()); err != nil || again != l {
			t.Errorf("%s: %q gives %+v, %v", name, l, again, err)
		}
	}
}

// docs/LOADTEST.md has a row for each.
func TestNamedLinksAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/LOADTEST.md")
	if err != nil {
		t.Fatal(err)
	}
	number := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	for name, l := range links {
		bandwidth, loss := "no limit", "0"
		if l.Bandwidth > 0 {
			bandwidth = number(float64(l.Bandwidth)/1e6) + " Mbit/s"
		}
		if l.Loss > 0 {
			loss = number(100*l.Loss) + " %"
		}
		row := fmt.Sprintf("| `%s` | %s ms | %s ms | %s | %s |\n", name,
			number(l.Delay.Seconds()*1e3), number(l.Jitter.Seconds()*1e3), loss, bandwidth)
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/LOADTEST.md does not have %s", row)
		}
	}
}

func newLine(l Link) *line { return &line{Link: l, rand: rand.New(rand.NewPCG(1, 2))} }

func TestDelay(t *testing.T) {
	l := newLine(Link{Delay: 40 * ms})
	for _, now := range []time.Duration{0, 0, 7 * ms, time.Second} {
		if at := l.arrival(now, 100); at != now+40*ms {
			t.Errorf("sent at %v, arrives at %v", now, at)
		}
	}
}

// The jitter moves segments apart, evenly, and none overtakes another.
func TestJitter(t *testing.T) {
	l := newLine(Link{Delay: 40 * ms, Jitter: 10 * ms})
	var last, sum time.Duration
	const segments = 10_000
	for i := range segments {
		now := time.Duration(i) * 100 * ms // far enough apart to be independent
		at := l.arrival(now, 100)
		took := at - now
		if at < last || took < 30*ms || took > 50*ms {
			t.Fatalf("a segment took %v", took)
		}
		last, sum = at, sum+took
	}
	if mean := sum / segments; mean < 39800*time.Microsecond || mean > 40200*time.Microsecond {
		t.Errorf("the mean is %v, not 40 ms", mean)
	}
	close := newLine(Link{Delay: 40 * ms, Jitter: 10 * ms})
	last = 0
	for i := range segments {
		at := close.arrival(time.Duration(i)*ms, 100)
		if at < last {
			t.Fatal("a segment overtook another")
		}
		last = at
	}
}

// A lost segment holds up what comes behind it, for the time after which Linux sends again.
func TestLossStalls(t *testing.T) {
	l := newLine(Link{Delay: 20 * ms, Loss: 0.1})
	const segments = 20_000
	counts := make(map[time.Duration]int)
	for i := range segments {
		now := time.Duration(i) * time.Minute
		counts[l.arrival(now, 100)-now]++
	}
	for took, share := range map[time.Duration]float64{
		20 * ms: 0.9, 260 * ms: 0.09, (20 + 240 + 480) * ms: 0.009,
	} {
		got := float64(counts[took]) / segments
		if got < share*0.7 || got > share*1.3 {
			t.Errorf("%.4f of the segments took %v, not %.4f", got, took, share)
		}
	}
	l.rand, l.last = rand.New(rand.NewPCG(1, 2)), 0
	l.Loss = 0.5
	first := l.arrival(0, 100)
	for l.last == 20*ms { // until one is lost
		first = l.arrival(0, 100)
	}
	l.Loss = 0
	if behind := l.arrival(ms, 100); behind != first {
		t.Errorf("what was sent behind a lost segment arrives at %v, not with it at %v", behind,
			first)
	}
}

func TestBandwidth(t *testing.T) {
	l := newLine(Link{Delay: 10 * ms, Bandwidth: 8e5}) // 100 bytes take a millisecond
	for i := range 5 {
		want := 10*ms + time.Duration(i+1)*ms
		if at := l.arrival(0, 100-headBytes); at != want {
			t.Errorf("segment %d arrives at %v, not %v", i, at, want)
		}
	}
	if at := l.arrival(time.Second, 100-headBytes); at != time.Second+11*ms {
		t.Errorf("an idle line takes %v", at-time.Second)
	}
}

// pair returns both ends of a connection, one of them behind l.
func pair(t *testing.T, l Link, clock *testclock.Clock) (near, far net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if far, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	near = Wrap(nc, l, 1, clock)
	t.Cleanup(func() {
		near.Close()
		far.Close()
		if clock != nil {
			clock.Advance(2*linger, func() {})
		}
	})
	return near, far
}

// What is written arrives whole and in order, in both directions, however bad the network is.
func TestBytesArriveInOrder(t *testing.T) {
	near, far := pair(t, Link{Delay: ms, Jitter: ms, Bandwidth: 400e6}, nil)
	want := make([]byte, 1<<20)
	for i := range want {
		want[i] = byte(rand.Uint32())
	}
	for name, ends := range map[string][2]net.Conn{"out": {near, far}, "in": {far, near}} {
		sent := make(chan error, 1)
		go func() {
			_, err := ends[0].Write(want)
			sent <- err
		}()
		got := make([]byte, len(want))
		if _, err := io.ReadFull(ends[1], got); err != nil {
			t.Fatal(name, err)
		}
		if err := <-sent; err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: what arrived differs, or %v", name, err)
		}
	}
}

// Nothing arrives before its time.
func TestArrivesWhenDue(t *testing.T) {
	clock := new(testclock.Clock)
	near, far := pair(t, Link{Delay: 50 * ms}, clock)
	if _, err := near.Write([]byte("there")); err != nil {
		t.Fatal(err)
	}
	q := near.(*conn).out
	awaited(t, q)
	clock.Advance(49*ms, func() {})
	q.mu.Lock()
	if q.bytes != 5 {
		t.Error("it left before its time")
	}
	q.mu.Unlock()
	clock.Advance(ms, func() {})
	got := make([]byte, 5)
	if _, err := io.ReadFull(far, got); err != nil || string(got) != "there" {
		t.Fatal(string(got), err)
	}
	if _, err := far.Write([]byte("back")); err != nil {
		t.Fatal(err)
	}
	read := make(chan string, 1)
	go func() {
		n, _ := near.Read(got)
		read <- string(got[:n])
	}()
	awaited(t, near.(*conn).in)
	select {
	case text := <-read:
		t.Fatal(text, "arrived at once")
	default:
	}
	clock.Advance(50*ms, func() {})
	if text := <-read; text != "back" {
		t.Error(text)
	}
}

// awaited returns when somebody waits for what is on its way in q.
func awaited(t *testing.T, q *queue) {
	t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.wake == nil {
		q.mu.Unlock()
		time.Sleep(ms)
		q.mu.Lock()
	}
}

// A writer that is faster than the line blocks when the buffer is full, until its deadline.
func TestWriterBlocks(t *testing.T) {
	near, _ := pair(t, Link{Bandwidth: 8e3}, nil)
	if err := near.SetWriteDeadline(time.Now().Add(20 * ms)); err != nil {
		t.Fatal(err)
	}
	n, err := near.Write(make([]byte, 1<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n < maxQueued || n >= 1<<20 {
		t.Errorf("%d bytes were taken, and then %v", n, err)
	}
}

func TestReadDeadline(t *testing.T) {
	near, _ := pair(t, Link{Delay: time.Second}, nil)
	for _, at := range []time.Time{time.Now().Add(-1), time.Now().Add(5 * ms)} {
		near.SetDeadline(at)
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	}
}

// A deadline that is set while Read waits counts.
func TestDeadlineInterruptsRead(t *testing.T) {
	near, _ := pair(t, Link{}, nil)
	ended := make(chan error, 1)
	go func() {
		_, err := near.Read(make([]byte, 1))
		ended <- err
	}()
	near.SetReadDeadline(time.Now())
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

// What was written before Close arrives, and then the end.
func TestClose(t *testing.T) {
	near, far := pair(t, Link{Delay: 5 * ms}, nil)
	if _, err := near.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	near.Close()
	if got, err := io.ReadAll(far); err != nil || string(got) != "last words" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := near.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Error("Read after Close:", err)
	}
	if _, err := near.Write([]byte("x")); err == nil {
		t.Error("Write after Close works")
	}
}

// The end of the other side follows what it sent.
func TestPeerCloses(t *testing.T) {
	near, far := pair(t, Link{Delay: 5 * ms}, nil)
	if _, err := far.Write([]byte("goodbye")); err != nil {
		t.Fatal(err)
	}
	far.Close()
	if got, err := io.ReadAll(near); err != nil || string(got) != "goodbye" {
		t.Errorf("%q, %v", got, err)
	}
}
