//go:build !js

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"sync"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/browsertest"
)

// TestReturn lets the client lose its connection to servers that require authentication or limit
// the rate.
func TestReturn(t *testing.T) {
	node(t, "return-e2e.test.js", "SMARTSOCKET_RETURN_CONTROL="+startReturns(t))
}

// TestReturnOfAPage shows a page that goes offline, sleeps, is reloaded and duplicated.
func TestReturnOfAPage(t *testing.T) {
	eachBrowser(t, func(t *testing.T, browser browsertest.Browser) {
		tabs, arguments := "0", []string(nil) // Firefox opens none that nobody clicked for
		if browser == browsertest.Chromium {
			tabs, arguments = "1", []string{"--disable-popup-blocking"}
		}
		site := newSite(t, browser, arguments...)
		site.Mux.HandleFunc("/return", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, `<!doctype html><title>return</title><script `+
				`src="/browsertest.js"></script><script type="module" src="/return.js"></script>`)
		})
		site.Mux.HandleFunc("/return.js", func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, "testdata/return.js")
		})
		control := startReturns(t)
		for _, scene := range []string{"online", "pageshow", "visible", "offline", "probe",
			"reload", "otherKey", "duplicate", "welcome"} {
			t.Run(scene, func(t *testing.T) {
				query := neturl.Values{
					"control": {control}, "scene": {scene}, "tabs": {tabs}}
				var failures []string
				report := site.Visit(t, "/return?"+query.Encode())
				if err := json.Unmarshal(report, &failures); err != nil {
					t.Fatalf("%v: %s", err, report)
				}
				for _, failure := range failures {
					t.Error(failure)
				}
			})
		}
	})
}

// returns has the servers of these tests and the relays to them.
type returns struct {
	control
	servers map[string]*smartsocket.Server

	guard   sync.Mutex
	arrived map[string][]json.RawMessage // moves by the name that the client authenticated with
}

// startReturns starts a server that requires the event auth, one with the default rate limit, and
// one that keeps sessions, and returns the address of a control:
//
//	/relay?name     a new relay to a server: its address
//	/cut?address    loses all connections of a relay
//	/arrived?who    the moves of who
//	/refused        how many events the limited server refused
func startReturns(t *testing.T) string {
	limited, auth, caching := testOptions(), testOptions(), testOptions()
	limited.EnableRateLimiting = smartsocket.Enabled
	auth.RequireAuth = true
	caching.EnableMessageCache = true
	c := &returns{
		control: control{t: t, relays: map[string]*relay{}},
		servers: map[string]*smartsocket.Server{
			"auth": start(t, auth), "limited": start(t, limited), "caching": start(t, caching)},
		arrived: map[string][]json.RawMessage{},
	}
	c.serveAuth(c.servers["auth"])
	serveMoves(c.servers["limited"])
	serveMoves(c.servers["caching"])
	c.servers["caching"].OnConnected(func(s *smartsocket.Socket) {
		if !s.Recovered() {
			s.Emit("welcome", s.ID())
		}
	})
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	return s.URL
}

// serveAuth takes any name but "bad" for a token, and notes the moves under it.
func (c *returns) serveAuth(server *smartsocket.Server) {
	smartsocket.Handle(server, smartsocket.AuthEvent,
		func(s *smartsocket.Socket, name string) (bool, error) {
			if name == "bad" {
				return false, smartsocket.ErrAuthFailed
			}
			s.Set("name", name)
			return true, s.Authenticated(name)
		})
	server.On("move", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		name, _ := s.Get("name").(string)
		c.guard.Lock()
		c.arrived[name] = append(c.arrived[name], append(json.RawMessage(nil), d.Bytes()...))
		c.guard.Unlock()
		ack.Reply(nil)
	})
}

// serveMoves notes the moves of each socket, and tells them.
func serveMoves(server *smartsocket.Server) {
	server.On("move", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		moves, _ := s.Get("moves").([]json.RawMessage)
		s.Set("moves", append(moves, append(json.RawMessage(nil), d.Bytes()...)))
	})
	smartsocket.Handle(server, "moves", func(s *smartsocket.Socket, _ any) (any, error) {
		moves, _ := s.Get("moves").([]json.RawMessage)
		return moves, nil
	})
}

// ServeHTTP answers what startReturns says.
func (c *returns) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	named, err := neturl.QueryUnescape(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.guard.Lock()
	defer c.guard.Unlock()
	switch r.URL.Path {
	case "/relay":
		relay := &relay{to: c.servers[named].Addr().String()}
		address := "ws://" + c.listen(relay.serve).Addr().String()
		c.relays[address] = relay
		io.WriteString(w, address)
	case "/cut":
		c.relays[named].cut()
	case "/arrived":
		json.NewEncoder(w).Encode(c.arrived[named])
	case "/refused":
		json.NewEncoder(w).Encode(c.servers["limited"].ConnectionStats().RateLimited)
	default:
		http.NotFound(w, r)
	}
}
