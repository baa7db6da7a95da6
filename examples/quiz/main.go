// Command quiz is a quiz with rooms, hosts and scores, on package room: a host makes a room,
// players join it by its code, and whoever reloads the page keeps his seat.
//
//	go run ./examples/quiz
//
// quiz.go is all that happens in a room, page/quiz.js what is shown of it.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/smartsocket/smartsocket"
)

//go:embed page
var page embed.FS

var options = smartsocket.Options{
	EnableMessageCache: true, // a session outlives its connection
	MessageCacheAge:    30 * time.Second,
	// Who has the key that the page has made up is the same person, also after a reload.
	Authenticate: func(_ context.Context, r smartsocket.AuthRequest) (any, error) {
		if len(r.APIKey) < 16 || len(r.APIKey) > 64 {
			return nil, smartsocket.ErrRejected
		}
		return r.APIKey, nil
	},
}

func main() {
	addr := flag.String("addr", "localhost:3000", "where to serve")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	client, err := buildClient()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("open http://%s\n", *addr)
	if err := serve(ctx, *addr, client); err != nil {
		log.Fatal(err)
	}
}

// buildClient builds the browser client, unless that is done, and returns the folder with it. Your
// own page gets it from npm.
func buildClient() (dir string, err error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	root := filepath.Dir(string(mod))
	build := exec.Command("bash", filepath.Join(root, "scripts", "wasm.sh"))
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("building the browser client: %w", err)
	}
	return filepath.Join(root, "dist"), nil
}

func serve(ctx context.Context, addr, client string) error {
	server, err := smartsocket.New(options)
	if err != nil {
		return err
	}
	register(server)
	if err := server.StartDetached(); err != nil { // net/http listens
		return err
	}
	web := &http.Server{Addr: addr, Handler: site(server, client),
		ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		stopped <- errors.Join(server.Shutdown(grace), web.Shutdown(grace))
	})
	if err := web.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return errors.Join(err, server.Close())
	}
	return <-stopped
}

// site has the page, the browser client and the WebSocket, whose path is the namespace.
func site(server *smartsocket.Server, client string) http.Handler {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the folder's name is a valid one
	}
	mux := http.NewServeMux()
	mux.Handle("GET /quiz", server)
	mux.Handle("GET /dist/", http.StripPrefix("/dist", http.FileServer(http.Dir(client))))
	pages := http.FileServerFS(files)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; "+
			"form-action 'none'; frame-ancestors 'none'")
		w.Header().Set("Cache-Control", "no-cache")
		pages.ServeHTTP(w, r)
	})
	return mux
}
