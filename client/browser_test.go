//go:build !js

package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/browsertest"
	"github.com/smartsocket/smartsocket/internal/freeport"
	"github.com/smartsocket/smartsocket/message"
)

// TestInBrowsers runs the tests of transport_js_test.go where they belong: compiled to
// WebAssembly, in real browsers, against real servers.
func TestInBrowsers(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for the browser")
	}
	compiled := t // whose end removes the program
	var program string
	for _, browser := range browsertest.All {
		t.Run(string(browser), func(t *testing.T) {
			site := browsertest.New(t, browser)
			if program == "" {
				program = compileTests(compiled)
			}
			serveTestPage(t, site, program, serversForBrowsers(t))
			var got struct {
				Code   int
				Output string
			}
			if err := json.Unmarshal(site.Visit(t, "/"), &got); err != nil {
				t.Fatal(err)
			}
			if got.Code != 0 || !strings.Contains(got.Output, "--- PASS: TestJSConnect") {
				t.Errorf("exit code %d\n%s", got.Code, got.Output)
			}
			if testing.Verbose() && !t.Failed() {
				t.Log("\n" + got.Output)
			}
		})
	}
}

// compileTests makes the test binary of this package for the browser.
func compileTests(t *testing.T) string {
	dir, err := os.MkdirTemp("", "smartsocket-client-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program := filepath.Join(dir, "client.wasm")
	cmd := exec.Command("go", "test", "-c", "-o", program, ".")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return program
}

const testPage = `<!doctype html><title>tests</title><script src="/browsertest.js"></script>
<script src="/wasm_exec.js"></script>
<script>
let output = '';
const utf8 = new TextDecoder(), go = new Go();
fs.writeSync = (fd, bytes) => {
  output += utf8.decode(bytes, { stream: true });
  return bytes.length;
};
process.cwd = () => '/';
let code = -1;
go.exit = (n) => { code = n; };
go.argv = ['client.test', '-test.v', '-test.timeout=100s'];
browsertest.run((async () => {
  go.env = await (await fetch('/environment')).json();
  const program = await WebAssembly.instantiateStreaming(fetch('/client.wasm'), go.importObject);
  await go.run(program.instance);
  return { Code: code, Output: output };
})());
</script>`

func serveTestPage(t *testing.T, site *browsertest.Site, program string,
	environment map[string]string) {
	site.Mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, testPage)
	})
	site.Mux.HandleFunc("GET /environment", func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(environment)
	})
	site.Mux.HandleFunc("GET /client.wasm", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/wasm")
		http.ServeFile(w, r, program)
	})
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	site.Mux.HandleFunc("GET /wasm_exec.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm",
			"wasm_exec.js"))
	})
}

// serversForBrowsers starts what transport_js_test.go talks to and returns the addresses.
func serversForBrowsers(t *testing.T) map[string]string {
	base := smartsocket.Options{AllowedOrigins: []string{"*"}, EnableMessageCache: true}
	plain := startServer(t, base, nil)
	r := newRelay(t, plain)
	handleBrowsers(plain, func() { r.cut(false) })

	o := base
	o.EncryptionKey, o.EncryptionAlgorithm = testKey, "aes-256-gcm"
	gcm := startServer(t, o, func(v *smartsocket.Server) { handleBrowsers(v, nil) })
	o.EncryptionAlgorithm = "aes-256-cbc"
	cbc := startServer(t, o, func(v *smartsocket.Server) { handleBrowsers(v, nil) })

	o = base
	o.APIKeys = []string{"a-long-secret-of-the-test"}
	keyed := startServer(t, o, nil)

	silent := func(_ int, nc net.Conn) { io.Copy(io.Discard, nc) }
	mute := func(_ int, nc net.Conn) { // a network that dies behind the handshake
		nc.Write(append(readRequest(nc), hello()...))
		readMessage(nc)
		nc.Write(frame.AppendFrame(nil, frame.Binary, message.AppendConnectAck(nil,
			&message.ConnectAck{
				SocketID:          []byte("ss_mute"),
				HeartbeatInterval: 1,
			})))
		io.Copy(io.Discard, nc)
	}
	garbage := func(_ int, nc net.Conn) {
		nc.Write(append(readRequest(nc), frame.AppendFrame(nil, frame.Binary,
			[]byte{1, 9, 255, 255})...))
		io.Copy(io.Discard, nc)
	}
	stuck := func(_ int, nc net.Conn) { // reads no more behind the handshake
		accept(nc)
		<-t.Context().Done()
	}
	return map[string]string{
		"FREE_PORT": strconv.Itoa(freeport.Of(t)),
		"PLAIN":     urlOf(plain, ""), "RELAY": r.url, "GCM": urlOf(gcm, ""), "CBC": urlOf(cbc, ""),
		"KEYED": urlOf(keyed, ""), "KEY": testKey,
		"SILENT": fakeServer(t, silent), "MUTE": fakeServer(t, mute),
		"GARBAGE": fakeServer(t, garbage), "STUCK": fakeServer(t, stuck),
	}
}

// handleBrowsers registers what the tests call; cut breaks all connections of the relay.
func handleBrowsers(v *smartsocket.Server, cut func()) {
	v.On("echo", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		var answer any = json.RawMessage(d.Bytes())
		if d.Binary() {
			answer = bytes.Clone(d.Bytes())
		}
		s.Emit("echoed", answer)
		ack.Reply(answer)
	})
	smartsocket.On(v.Namespace("/"), "count", func(s *smartsocket.Socket, n int,
		_ smartsocket.Ack) {
		for i := range n {
			s.Emit("number", i)
		}
	})
	v.On("ask me", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		answer, err := s.EmitWithAck(context.Background(), "question", json.RawMessage(d.Bytes()))
		if err != nil {
			ack.Fail(err)
			return
		}
		ack.Reply(json.RawMessage(answer.Bytes()))
	})
	v.On("fail", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		ack.Fail(message.ErrHandlerFailed)
	})
	v.On("kick", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		s.DisconnectWith(3000, "kicked")
	})
	v.On("ban", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		s.DisconnectWith(3500, "banned")
	})
	v.On("cut", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		go func() {
			cut()
			s.Emit("number", 1)
			s.Emit("number", 2)
		}()
	})
}
