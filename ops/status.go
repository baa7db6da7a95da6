package ops

import (
	"fmt"
	"net/http"
	"runtime"
	"strconv"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/cluster"
)

// probe answers /healthz and /readyz as the service port does.
func (h *handler) probe(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	a := h.server.Probe(r.URL.Path == "/readyz")
	kind := a.Type
	if kind == "" {
		kind = "text/plain; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	if a.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(a.RetryAfter))
	}
	w.WriteHeader(a.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.Body) // whoever asked may be gone
	}
}

// Statistics is the JSON of /stats.
type Statistics struct {
	Server      smartsocket.Stats                     `json:"server"`
	Connections smartsocket.ConnectionStats           `json:"connections"`
	Namespaces  map[string]smartsocket.NamespaceStats `json:"namespaces"`
	Cluster     *cluster.Stats                        `json:"cluster,omitempty"`
	Peers       []NodeInfo                            `json:"peers,omitempty"`
}

func (h *handler) stats(w http.ResponseWriter, r *http.Request) error {
	st := Statistics{Server: h.server.Stats(), Connections: h.server.ConnectionStats(),
		Namespaces: h.server.NamespaceStats()}
	if h.Cluster != nil {
		of := h.Cluster.Stats()
		st.Cluster, st.Peers = &of, h.peers()
	}
	reply(w, http.StatusOK, st)
	return nil
}

// Info is the JSON of /api/info: what the page needs to know first.
type Info struct {
	Node       string `json:"node,omitempty"`
	Version    string `json:"version"`
	Revision   string `json:"revision,omitempty"`
	Go         string `json:"go"`
	Address    string `json:"address,omitempty"` // where clients connect
	UptimeMs   int64  `json:"uptimeMs"`
	Healthy    bool   `json:"healthy"`
	Unhealthy  string `json:"unhealthyReason,omitempty"`
	Ready      bool   `json:"ready"`
	NotReady   string `json:"notReadyReason,omitempty"`
	LogLevel   string `json:"logLevel,omitempty"` // empty if it cannot be set
	CanReload  bool   `json:"canReload"`
	HasCluster bool   `json:"hasCluster"`
	Who        string `json:"who"` // as the log names who asks
}

func (h *handler) info(w http.ResponseWriter, r *http.Request) error {
	reply(w, http.StatusOK, h.about(r))
	return nil
}

// about is what the server says of itself to who sent r.
func (h *handler) about(r *http.Request) Info {
	version, revision := build()
	i := Info{Version: version, Revision: revision, Go: runtime.Version(), Healthy: true,
		Ready: true, UptimeMs: h.server.Stats().Uptime.Milliseconds(), CanReload: h.Reload != nil,
		HasCluster: h.Cluster != nil, Who: h.who(r)}
	if h.Cluster != nil {
		i.Node = h.Cluster.Stats().Node
	}
	if a := h.server.Addr(); a != nil {
		i.Address = a.String()
	}
	if err := h.server.Healthy(); err != nil {
		i.Healthy, i.Unhealthy = false, err.Error()
	}
	if err := h.server.Ready(); err != nil {
		i.Ready, i.NotReady = false, err.Error()
	}
	if h.Level != nil {
		i.LogLevel = levelName(h.Level.Level())
	}
	return i
}

// IdentityText is how an identity is shown unless Options.Identity says otherwise: a text, a number
// or a fmt.Stringer as it is, nil as "", and of anything else only its type, because it may have
// secrets.
func IdentityText(identity any) string {
	switch v := identity.(type) {
	case nil:
		return ""
	case string:
		return v
	case fmt.Stringer:
		return v.String()
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v)
	}
	return fmt.Sprintf("(%T)", identity)
}
