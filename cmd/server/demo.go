package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/cluster"
	"github.com/smartsocket/smartsocket/room"
)

//go:generate go run ../smartsocket types -o web/events.d.ts .

const httpHeadTimeout = 5 * time.Second

// serveDemo serves the page, its files and the WebSocket upgrades of one SmartSocket server on one
// port.
func serveDemo(ctx context.Context, c *settings, log *slog.Logger, ready func(net.Addr)) error {
	srv, joined, err := newServer(c, log)
	if err != nil {
		return err
	}
	defer joined.leave(log)
	defer srv.Close()
	again, stopReloads := followReloads(c, srv, log)
	defer stopReloads()
	ctx, drain := context.WithCancel(ctx)
	defer drain()
	handleBasics(srv)
	talks := newChat(srv.Namespace("/chat"))
	game := newArena(srv)
	files, err := loadAssets()
	if err != nil {
		return err
	}
	srv.TakeSessions(c.sockets.Predecessor())
	if err := srv.StartDetached(); err != nil {
		return err
	}
	stopOps, err := serveOps(c, srv, joined, again, log, drain)
	if err != nil {
		return err
	}
	defer stopOps()
	l, err := c.listen()
	if err != nil {
		return err
	}
	_, addr := c.address()
	relays := newLanes(demoHandler(c, srv, game, joined, files), l.Addr(), c.TLSCertFile != "")
	front := &http.Server{
		Addr:              addr, // tells whether only this machine reaches it
		Handler:           relays,
		ReadHeaderTimeout: httpHeadTimeout,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	page := "http://"
	if c.TLSCertFile != "" {
		if front.TLSConfig, err = smartsocket.LoadTLS(c.TLSCertFile, c.TLSKeyFile,
			log); err != nil {
			return errors.Join(err, l.Close())
		}
		page = "https://"
	}
	ended := make(chan error, 1)
	serving, broken := context.WithCancel(ctx)
	go func() {
		defer broken()
		if front.TLSConfig != nil {
			ended <- front.ServeTLS(l, "", "")
			return
		}
		ended <- front.Serve(l)
	}()
	playing, over := context.WithCancel(context.WithoutCancel(ctx))
	defer over()
	reported := make(chan struct{})
	go func() { defer close(reported); talks.report(playing, srv) }()

	log.Info("listening", "address", l.Addr(), "page", page+pageHost(l.Addr())+"/")
	ready(l.Addr())
	if c.await(serving, log); ctx.Err() == nil && !c.handed {
		return <-ended // only a broken listener gets here
	}
	if c.handed {
		stopOps()                                     // the successor answers
		go front.Shutdown(context.WithoutCancel(ctx)) // accepts nobody any more
	}
	err = end(ctx, c, srv, log, func(ctx context.Context) error {
		return errors.Join(front.Shutdown(ctx), srv.Shutdown(ctx))
	})
	if serveErr := <-ended; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	over()
	relays.close()
	<-reported
	return err
}

// pageHost returns the address as a person would type it.
func pageHost(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// demoHandler routes upgrades, and what asks for health, to SmartSocket, and everything else to the
// page.
func demoHandler(
	c *settings, srv *smartsocket.Server, game *room.Rooms[arena], joined *nodes, files *assets,
) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, struct {
			Server      smartsocket.Stats                     `json:"server"`
			Connections smartsocket.ConnectionStats           `json:"connections"`
			Namespaces  map[string]smartsocket.NamespaceStats `json:"namespaces"`
			Arena       room.Stats                            `json:"arena"`
			Cluster     *cluster.Stats                        `json:"cluster,omitempty"`
		}{srv.Stats(), srv.ConnectionStats(), srv.NamespaceStats(), game.Stats(),
			joined.stats()})
	})
	mux.Handle("GET /", files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.Path; p == c.HealthPath || p == c.ReadyPath ||
			strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			srv.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func writeJSON(w http.ResponseWriter, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(append(text, '\n'))
}

// profileMux is net/http/pprof on a separate mux. Nothing else is on that address. The command line
// is not there either, because it may contain keys.
func profileMux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
