package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/smartsocket/smartsocket/internal/leaktest"

	"github.com/smartsocket/smartsocket/frame"
)

// patience limits waits that end this way only if something hangs.
const patience = 30 * time.Second

// TestMain fails the run if goroutines of ours outlive the tests.
func TestMain(m *testing.M) {
	if as := os.Getenv("RUN_AS_SERVER"); as != "" {
		if as != "and successors" {
			os.Unsetenv("RUN_AS_SERVER")
		}
		main()
	}
	leaktest.Main(m)
}

// running is the program, in this process.
type running struct {
	addr net.Addr
	log  *safeBuffer
	stop func() int // ends it like SIGTERM and returns its exit code; may be called more than once
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// start runs the program on a free port of the loopback interface until the test ends.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	return startBare(t, append([]string{"-host", "127.0.0.1", "-port", "0"}, args...)...)
}

// startBare is start without an address.
func startBare(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{log: new(safeBuffer)}
	ready := make(chan net.Addr, 1)
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, args, nil, io.Discard, r.log, func(a net.Addr) { ready <- a })
	}()
	r.stop = sync.OnceValue(func() int {
		cancel()
		select {
		case code := <-ended:
			return code
		case <-time.After(patience):
			t.Errorf("the server did not stop:\n%s", r.log)
			return -1
		}
	})
	t.Cleanup(func() { r.stop() })
	select {
	case r.addr = <-ready:
	case code := <-ended:
		t.Fatalf("the server ended with code %d:\n%s", code, r.log)
	case <-time.After(patience):
		t.Fatalf("the server did not start:\n%s", r.log)
	}
	return r
}

// plainClient speaks the plain mode: JSON text over any WebSocket client.
type plainClient struct {
	t    *testing.T
	conn net.Conn
}

type plainMessage struct {
	Event string          `json:"event,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
	Ack   uint64          `json:"ack,omitempty"`
	Error *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

func (r *running) dial(t *testing.T, path string) *plainClient {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, buffered, _, err := ws.Dial(ctx, "ws://"+r.addr.String()+path)
	if err != nil {
		t.Fatal(err)
	}
	if buffered != nil {
		conn = &early{conn, buffered}
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &plainClient{t, conn}
}

// early is a connection of which some bytes came with the answer to the handshake.
type early struct {
	net.Conn
	r io.Reader
}

func (e *early) Read(p []byte) (int, error) { return e.r.Read(p) }

func (c *plainClient) send(text string) {
	c.t.Helper()
	if err := wsutil.WriteClientText(c.conn, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *plainClient) receive() plainMessage {
	c.t.Helper()
	text, err := wsutil.ReadServerText(c.conn)
	if err != nil {
		c.t.Fatal(err)
	}
	var m plainMessage
	if err := json.Unmarshal(text, &m); err != nil {
		c.t.Fatalf("%s: %v", text, err)
	}
	return m
}

// await skips to the first message that want accepts.
func (c *plainClient) await(what string, want func(plainMessage) bool) plainMessage {
	c.t.Helper()
	for range 1000 {
		if m := c.receive(); want(m) {
			return m
		}
	}
	c.t.Fatalf("1000 messages, none of them %s", what)
	return plainMessage{}
}

// ask sends an event with an ack and returns the answer.
func (c *plainClient) ask(ack uint64, event, data string) plainMessage {
	c.t.Helper()
	c.send(fmt.Sprintf(`{"event":%q,"data":%s,"ack":%d}`, event, data, ack))
	return c.await("the answer to "+event, func(m plainMessage) bool {
		return m.Event == "" && m.Ack == ack
	})
}

func isEvent(name string) func(plainMessage) bool {
	return func(m plainMessage) bool { return m.Event == name }
}

func TestEchoEvent(t *testing.T) {
	c := start(t).dial(t, "/")
	c.send(`{"event":"echo","data":{"x":1}}`)
	if m := c.receive(); m.Event != "echo" || string(m.Data) != `{"x":1}` {
		t.Errorf("answer %+v, want the same event", m)
	}
	if m := c.ask(7, "echo", `[1,2]`); string(m.Data) != `[1,2]` || m.Error != nil {
		t.Errorf("acknowledgement %+v, want the same data", m)
	}
}

func TestPingEvent(t *testing.T) {
	c := start(t).dial(t, "/")
	c.send(`{"event":"ping","data":"now","ack":1}`)
	if m := c.receive(); m.Event != "pong" || string(m.Data) != `"now"` {
		t.Errorf("answer %+v, want pong", m)
	}
	if m := c.receive(); m.Ack != 1 || string(m.Data) != `"now"` {
		t.Errorf("answer %+v, want the acknowledgement", m)
	}
}

func TestUnknownEventIsRefusedWhenItAsks(t *testing.T) {
	c := start(t).dial(t, "/")
	c.send(`{"event":"nobody-listens","data":1}`)
	if m := c.ask(3, "nobody-listens-either", "1"); m.Error == nil ||
		m.Error.Code != "ERR_APP_003" {
		t.Errorf("answer %+v, want ERR_APP_003 and nothing for the event before", m)
	}
}

func TestStopIsGraceful(t *testing.T) {
	for mode, wantClose := range map[string]bool{"-demo=false": true, "-demo": true,
		"-echo": false} {
		t.Run(mode, func(t *testing.T) {
			r := start(t, mode)
			c := r.dial(t, "/")
			ended := make(chan error, 1)
			go func() {
				for {
					if _, err := wsutil.ReadServerText(c.conn); err != nil {
						c.conn.Close()
						ended <- err
						return
					}
				}
			}()
			if code := r.stop(); code != 0 {
				t.Errorf("exit code %d:\n%s", code, r.log)
			}
			var closed wsutil.ClosedError
			if err := <-ended; wantClose && (!errors.As(err, &closed) ||
				closed.Code != ws.StatusGoingAway) {
				t.Errorf("the client saw %v, want close code 1001", err)
			}
			if !strings.Contains(r.log.String(), "stopped") {
				t.Errorf("no last line in the log:\n%s", r.log)
			}
		})
	}
}

// TestSignalEndsTheProcess runs the program in a process of its own.
func TestSignalEndsTheProcess(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-host", "127.0.0.1", "-port", "0")
	cmd.Env = append(os.Environ(), "RUN_AS_SERVER=1")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	signalled := false
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "listening") && !signalled {
			signalled = true
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil || !signalled {
		t.Errorf("listening: %v, exit: %v", signalled, err)
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, mode := range []string{"-echo=false", "-demo", "-echo"} {
		var log safeBuffer
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		code := run(ctx, []string{"-addr", l.Addr().String(), mode}, nil, io.Discard, &log, nil)
		if cancel(); code != 1 || !strings.Contains(log.String(), "in use") ||
			!strings.Contains(log.String(), "choose another port") {
			t.Errorf("%s: exit code %d, want 1, a reason and a way out:\n%s", mode, code, &log)
		}
	}
}

func TestStartLine(t *testing.T) {
	r := start(t, "-max-connections", "16000000")
	for _, want := range []string{"[smartsocket] [info] starting", "codec=", "loops=",
		"gomaxprocs=", "[warn]", "nofile="} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, r.log)
		}
	}
}

func TestLogFormatJSON(t *testing.T) {
	r := start(t, "-log-format", "json")
	r.stop()
	for _, line := range strings.Split(strings.TrimSpace(r.log.String()), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}

func TestRawEcho(t *testing.T) {
	c := start(t, "-echo").dial(t, "/any/path")
	for _, text := range []string{"hello", "", strings.Repeat("long ", 30_000)} {
		c.send(text)
		got, err := wsutil.ReadServerText(c.conn)
		if err != nil || string(got) != text {
			t.Fatalf("%d bytes came back of %d: %v", len(got), len(text), err)
		}
	}
}

func TestRawEchoCompressesOnlyWhenOffered(t *testing.T) {
	r := start(t, "-echo")
	for offer, want := range map[string]bool{"": false,
		"Sec-WebSocket-Extensions: permessage-deflate\r\n": true} {
		conn, err := net.Dial("tcp", r.addr.String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(conn,
			"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: "+
				"Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "+
				"dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", offer)
		head := make([]byte, 4096)
		n, err := conn.Read(head)
		conn.Close()
		if err != nil || !bytes.HasPrefix(head[:n], []byte("HTTP/1.1 101")) {
			t.Fatalf("answer %q, %v", head[:n], err)
		}
		if got := bytes.Contains(head[:n], []byte("permessage-deflate")); got != want {
			t.Errorf("offer %q: compression %v, want %v", offer, got, want)
		}
	}
}

// -echo compresses what is strictly larger than the threshold: 0 is the default, -1 is nothing.
func TestRawEchoThreshold(t *testing.T) {
	for _, c := range []struct {
		threshold  string
		size       int
		compressed bool
	}{
		{"100", 100, false}, {"100", 101, true},
		{"0", 1024, false}, {"0", 1025, true},
		{"-1", 100_000, false},
	} {
		r := start(t, "-echo", "-compression-threshold="+c.threshold)
		conn, err := net.Dial("tcp", r.addr.String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(patience))
		request := frame.AppendRequest(nil, "x", "/", frame.NewKey(), "", "",
			frame.DeflateOffer, "")
		message := bytes.Repeat([]byte("a"), c.size)
		conn.Write(frame.AppendMaskedFrame(request, frame.Text, false, message, [4]byte{1}))
		br := bufio.NewReader(conn)
		if _, err := http.ReadResponse(br, nil); err != nil {
			t.Fatal(err)
		}
		first, err := br.ReadByte()
		if err != nil || (first&0x40 != 0) != c.compressed {
			t.Errorf("threshold %s, %d bytes: first byte %#x, %v", c.threshold, c.size, first, err)
		}
		conn.Close()
		r.stop()
	}
}

// With a time to drain, the server drains before it begins to shut down.
func TestDrainsAtTheEnd(t *testing.T) {
	r := start(t, "-drain-timeout", "1m")
	if code := r.stop(); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, r.log)
	}
	log := r.log.String()
	drained, stopping := strings.Index(log, "drained"), strings.Index(log, "stopping")
	if drained < 0 || stopping < drained {
		t.Errorf("it did not drain first:\n%s", log)
	}
	r = start(t)
	r.stop()
	if log := r.log.String(); strings.Contains(log, "drain") || !strings.Contains(log, "stopping") {
		t.Errorf("it drained without a time for it:\n%s", log)
	}
}
