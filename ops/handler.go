package ops

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/cluster"
)

// Options say what Handler offers. The zero value serves this machine alone, and offers no reload
// and no change of the log's level.
type Options struct {
	// Token is what a request must present, as "Authorization: Bearer …", or as the password of
	// basic authentication, whose user name then is who acts in the log. It has at least
	// MinToken bytes. "" answers this machine alone: peers on a loopback address or a Unix socket,
	// that ask for a loopback name by HTTP/1.1 and were not forwarded. /healthz and /readyz need no
	// token.
	Token string
	// Hosts are further names, host or host:port, under which this machine may ask without a token.
	Hosts []string
	// Cluster is the one that joins the server with others; nil means none.
	Cluster *cluster.Cluster
	// Drain begins the end of the program, as SIGTERM does. It returns at once. nil means
	// Server.Drain, without a limit of its own, after which the program goes on.
	Drain func()
	// Level is what POST /log-level sets: the level of the program's logger. nil means that it
	// cannot be set.
	Level *slog.LevelVar
	// Reload reads the program's settings again and returns the names of those that changed. nil
	// means that it cannot be done.
	Reload func() (changed []string, err error)
	// Identity is how the identity of a socket is shown and searched for; nil means IdentityText.
	Identity func(any) string
	// Collectors are metrics of the application, for /metrics.
	Collectors []prometheus.Collector
	// Logger gets a line for each action, with who asked for it and from where. nil discards.
	Logger *slog.Logger
	// Page answers GET requests for which there is nothing here, without a token: the files of a
	// page, in which there are no secrets. nil means none.
	Page http.Handler
}

// bodyTime is how long the body of a request may take. Without it anybody could hold a connection
// for ever, also without the token.
const bodyTime = 10 * time.Second

// MinToken is how many bytes Options.Token has at least.
const MinToken = 16

// handler is what all requests have in common. It does not change.
type handler struct {
	Options
	server *smartsocket.Server
	token  [sha256.Size]byte
	cross  *http.CrossOriginProtection
	mux    *http.ServeMux
	page   http.Handler
	began  time.Time

	mu       sync.Mutex
	warned   time.Time // guarded by mu: when a refusal was logged
	unwarned int       // guarded by mu: refusals since then
	passing  *passing  // guarded by mu: nil unless the log's level is set for a while
}

// Handler serves what this package's comment lists. It panics if the Token is shorter than
// MinToken, or if a collector of Options is registered twice. Serve it on an address of its own,
// see Listen: what is here is not for clients.
func Handler(server *smartsocket.Server, o Options) http.Handler {
	if o.Token != "" && len(o.Token) < MinToken {
		panic("ops: Options.Token has fewer than 16 bytes and can be guessed: use a random one")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Identity == nil {
		o.Identity = IdentityText
	}
	h := &handler{
		Options: o, server: server, token: sha256.Sum256([]byte(o.Token)),
		cross: http.NewCrossOriginProtection(), mux: http.NewServeMux(), page: o.Page,
		began: time.Now(),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(Collector(server, o.Cluster), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(o.Collectors...)
	h.mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		Registry: registry, ErrorLog: slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn)}))
	h.routes()
	return h
}

// routes registers everything but /metrics.
func (h *handler) routes() {
	for pattern, f := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /stats":                        h.stats,
		"GET /debug/pprof/{name...}":        profile,
		"GET /api/info":                     h.info,
		"GET /api/overview":                 h.overview,
		"GET /api/nodes":                    h.nodes,
		"GET /api/namespaces":               h.namespaces,
		"GET /api/rooms":                    h.rooms,
		"GET /api/sockets":                  h.sockets,
		"GET /api/sockets/{id}":             h.socket,
		"GET /api/tail":                     h.tail,
		"GET /api/log-level":                h.level,
		"POST /api/sockets/{id}/disconnect": h.disconnect,
		"POST /api/sockets/{id}/leave":      h.leave,
		"POST /api/rooms/disconnect":        h.disconnectRoom,
		"POST /api/rooms/leave":             h.leaveRoom,
		"POST /api/emit":                    h.emit,
		"POST /drain":                       h.drain,
		"POST /api/drain":                   h.drain,
		"POST /log-level":                   h.setLevel,
		"POST /api/log-level":               h.setLevel,
		"POST /reload":                      h.reload,
		"POST /api/reload":                  h.reload,
	} {
		h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := f(w, r); err != nil {
				fail(w, err)
			}
		})
	}
	unknown := func(w http.ResponseWriter, r *http.Request) {
		fail(w, problem(http.StatusNotFound, codeUnknown,
			"there is nothing here for this method and path: see docs/OPERATIONS.md"))
	}
	h.mux.HandleFunc("GET /api/", unknown)
	h.mux.HandleFunc("POST /api/", unknown)
	if h.page != nil {
		h.mux.Handle("GET /", h.page)
	}
}

// ServeHTTP answers if the request may be answered.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	limits := http.NewResponseController(w)
	_ = limits.SetWriteDeadline(time.Now().Add(stall)) // tails and profiles set their own
	if r.ContentLength != 0 {
		_ = limits.SetReadDeadline(time.Now().Add(bodyTime))
	}
	switch r.URL.Path {
	case "/healthz", "/readyz":
		h.probe(w, r)
		return
	}
	if err := h.guard(w, r); err != nil {
		fail(w, err)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// Problem is the JSON of an answer that is an error.
type Problem struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`  // ERR_OPS_…
	Message string `json:"error"` // what is wrong, and what to do
}

// Error returns the code and the message.
func (p *Problem) Error() string { return p.Code + " " + p.Message }

// The codes of Problem.
const (
	codeForbidden = "ERR_OPS_001" // no token, a wrong one, or a request that came another way
	codeRequest   = "ERR_OPS_002" // a parameter or the body cannot be used
	codeUnknown   = "ERR_OPS_003" // no such socket, namespace or path
	codeMissing   = "ERR_OPS_004" // the program does not offer it
	codeFailed    = "ERR_OPS_005" // it was tried and did not work
)

func problem(status int, code, message string) error {
	return &Problem{Status: status, Code: code, Message: message}
}

// fail answers with err.
func fail(w http.ResponseWriter, err error) {
	var p *Problem
	if !errors.As(err, &p) {
		p = &Problem{http.StatusInternalServerError, codeFailed, err.Error()}
	}
	reply(w, p.Status, p)
}

// reply answers with v as JSON.
func reply(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // whoever asked may be gone
}
