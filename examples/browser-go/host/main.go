// Command host compiles the Go program in the folder above for the browser. It serves it, together
// with the server that the program talks to, on one port.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/smartsocket/smartsocket"
)

const (
	program = "github.com/smartsocket/smartsocket/examples/browser-go"
	address = "127.0.0.1:3000"

	closeBroken = 3400 // clients come back after 3000 to 3499
)

//go:embed index.html
var index []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "browser-go-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := compile(dir); err != nil {
		return err
	}
	server, err := newServer()
	if err != nil {
		return err
	}
	defer server.Close()
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	front := &http.Server{Handler: handler(server, dir)}
	context.AfterFunc(ctx, func() { front.Close() })
	fmt.Println("open http://" + address)
	if err := front.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}

// compile writes the program, and Go's loader for it, into dir.
func compile(dir string) error {
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o",
		filepath.Join(dir, "main.wasm"), program)
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("compiling %s: %w", program, err)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	loader, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm",
		"wasm_exec.js"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "wasm_exec.js"), loader, 0o600)
}

// newServer makes the server that the pages talk to.
func newServer() (*smartsocket.Server, error) {
	server, err := smartsocket.New(smartsocket.Options{EnableMessageCache: true})
	if err != nil {
		return nil, err
	}
	room := server.Namespace("/")
	smartsocket.Handle(room, "join", func(s *smartsocket.Socket, _ any) (int, error) {
		if err := s.Join("pages"); err != nil {
			return 0, err
		}
		return room.RoomLen("pages"), nil
	})
	smartsocket.On(room, "say", func(s *smartsocket.Socket, text string, _ smartsocket.Ack) {
		room.To("pages").Emit("said", map[string]string{"From": s.ID(), "Text": text})
	})
	room.On("reverse", func(_ *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		b := slices.Clone(d.Bytes())
		slices.Reverse(b)
		ack.Reply(b)
	})
	room.On("break", func(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) {
		title, err := s.EmitWithAck(context.Background(), "what do you see", nil)
		if err != nil {
			return
		}
		s.DisconnectWith(closeBroken, "broken on request")
		room.To("pages").Emit("said", map[string]string{"From": "server",
			"Text": "you missed this, " + string(title.Bytes())})
	})
	return server, server.StartDetached()
}

// handler serves the page, the files in dir and the WebSocket of server.
func handler(server *smartsocket.Server, dir string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			server.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(index)
	})
	mux.Handle("GET /main.wasm", http.FileServer(http.Dir(dir)))
	mux.Handle("GET /wasm_exec.js", http.FileServer(http.Dir(dir)))
	return mux
}
