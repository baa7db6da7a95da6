package browser

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/internal/browsertest"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// measured is one event in the forms that it has on the wire.
type measured struct {
	Name     string
	Event    string
	Binary   bool
	Payload  []byte // JSON text or bytes
	Message  []byte // an EVENT of ours
	Deflated []byte // the same, compressed; nil if servers would not compress it
}

// cases returns what the benchmark sends. The sizes are those of the payload.
func cases(t testing.TB) []measured {
	noise := make([]byte, 10_000)
	rand.Read(noise)
	list := []measured{
		{Name: "100 B JSON",
			Payload: []byte(`{"id":4711,"x":102.25,"y":-7.5,"heading":271.5,"hp":87,` +
				`"state":"running","target":[12,99],"t":173235}`)},
		{Name: "100 B JSON, not ASCII",
			Payload: []byte(`{"id":4711,"x":102.25,"y":-7.5,"name":"Zoë","say":"schöne ` +
				`Grüße","hp":87,"target":[12,99],"t":1732}`)},
		{Name: "10 KB JSON", Payload: players(100)},
		{Name: "100 B binary", Binary: true, Payload: noise[:100]},
		{Name: "10 KB binary", Binary: true, Payload: noise},
	}
	for i := range list {
		c := &list[i]
		c.Event = "moved"
		flags := message.Flags(0)
		if c.Binary {
			flags = message.FlagBinary
		}
		c.Message = append(message.AppendEventHeader(nil, flags, 0, 0, c.Event), c.Payload...)
		if c.Binary || len(c.Payload) < 1024 {
			continue
		}
		head := message.AppendEventHeader(nil, flags|message.FlagDeflated, 0, 0, c.Event)
		var err error
		if c.Deflated, err = pool.Deflate(head, c.Payload, 6, false); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// players returns a list of n objects of about 100 bytes, like those of a game's snapshot.
func players(n int) []byte {
	b := []byte{'['}
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b,
			`{"id":%d,"x":%d.%d,"y":%d.5,"heading":%d.25,"hp":%d,"state":"running","name":"player `+
				`%d"}`,
			i*7919%10000, i*37%1000, i*i%10, -i*53%1000, i*71%360, i*13%101, i)
	}
	return append(b, ']')
}

// connections holds the server's ends of the page's sealed connections. Its mu guards them.
type connections struct {
	key   crypto.Key
	hello []byte
	cases map[string]measured

	mu   sync.Mutex
	ends []*message.Ends
}

// newSite serves the page and what it talks to.
func newSite(t testing.TB, browser browsertest.Browser, files string) *browsertest.Site {
	site := browsertest.New(t, browser)
	random := make([]byte, message.RandomSize)
	rand.Read(random)
	s := &connections{key: crypto.GenerateKey(), cases: make(map[string]measured)}
	s.hello = message.AppendHello(nil, &message.Hello{Version: message.Version, Random: random,
		Algorithms: []byte{byte(crypto.AES256GCM)}})
	all := cases(t)
	for _, c := range all {
		s.cases[c.Name] = c
	}
	site.Mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		// Isolated pages have finer clocks.
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
		w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
		io.WriteString(w,
			`<!doctype html><title>benchmark</title><script `+
				`src="/browsertest.js"></script><script type="module" `+
				`src="/dist/bench.js"></script>`)
	})
	site.Mux.Handle("GET /dist/", http.StripPrefix("/dist/", http.FileServer(http.Dir(files))))
	site.Mux.HandleFunc("GET /cases", func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(all)
	})
	site.Mux.HandleFunc("GET /key", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"key":%q}`, s.key.Encode())
	})
	site.Mux.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) {
		w.Write(s.hello)
	})
	site.Mux.HandleFunc("POST /connect", s.connect)
	site.Mux.HandleFunc("GET /records", s.records)
	site.Mux.HandleFunc("POST /open", s.open)
	return site
}

// connect opens a sealed CONNECT and answers with the number of the connection.
func (s *connections) connect(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	_, ends, err := message.OpenConnect(s.hello, body, []*crypto.Key{&s.key}, crypto.AES256GCM)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends = append(s.ends, ends)
	io.WriteString(w, strconv.Itoa(len(s.ends)-1))
}

// of returns the ends of the connection that a request names. s.mu is held.
func (s *connections) of(w http.ResponseWriter, r *http.Request) *message.Ends {
	n, err := strconv.Atoi(r.URL.Query().Get("session"))
	if err != nil || n < 0 || n >= len(s.ends) {
		http.Error(w, "no such connection", http.StatusBadRequest)
		return nil
	}
	return s.ends[n]
}

// records seals a case n times. Each record is preceded by its length.
func (s *connections) records(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ends := s.of(w, r)
	n, err := strconv.Atoi(r.URL.Query().Get("n"))
	if ends == nil || err != nil {
		return
	}
	var b []byte
	for range n {
		at := len(b)
		b = ends.Seal(append(b, 0, 0, 0, 0), s.cases[r.URL.Query().Get("case")].Message)
		binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	}
	w.Write(b)
}

// open opens a record from the page and returns the message.
func (s *connections) open(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ends := s.of(w, r)
	if ends == nil {
		return
	}
	b, err := ends.Open(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Write(b)
}

// build makes the client as it ships, and the page's script, in a directory that the test removes.
func build(t testing.TB) string {
	t.Helper()
	if _, err := os.Stat("../../wasm/js/node_modules/socket.io-parser"); err != nil {
		t.Skip("there is no socket.io-parser: run npm ci in wasm/js")
	}
	dir := t.TempDir()
	run(t, "../../wasm", nil, "sh", "build.sh", dir)
	modules, err := filepath.Abs("../../wasm/js/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	run(t, ".", []string{"NODE_PATH=" + modules}, "go", "tool", "esbuild", "page/bench.js",
		"--bundle", "--minify", "--format=esm", "--target=es2022",
		"--external:/dist/wasm.js", "--log-level=warning",
		"--outfile="+filepath.Join(dir, "bench.js"))
	return dir
}

func run(t testing.TB, dir string, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}
