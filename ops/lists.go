package ops

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/smartsocket/smartsocket"
)

// A page of a list has defaultPage entries, and maxPage at most.
const (
	defaultPage = 100
	maxPage     = 1000
)

// NodeInfo is a node of /api/nodes.
type NodeInfo struct {
	Node     string  `json:"node"`
	Self     bool    `json:"self"`
	Present  bool    `json:"present"`
	Left     bool    `json:"left"`    // it has said goodbye
	HeardMs  float64 `json:"heardMs"` // how long ago it was heard
	Received int64   `json:"received"`
	Missed   int64   `json:"missed"`
	Late     int64   `json:"late"`
}

// NodeList is the JSON of /api/nodes. Cluster is its state: connected, degraded, or none.
type NodeList struct {
	Cluster string     `json:"cluster"`
	Nodes   []NodeInfo `json:"nodes"`
}

func (h *handler) nodes(w http.ResponseWriter, r *http.Request) error {
	reply(w, http.StatusOK, h.nodeList())
	return nil
}

// nodeList is this node and the others, at most maxPage of them.
func (h *handler) nodeList() NodeList {
	list := NodeList{Cluster: "none", Nodes: []NodeInfo{{Self: true, Present: true}}}
	if h.Cluster != nil {
		st := h.Cluster.Stats()
		list.Cluster, list.Nodes[0].Node = string(st.State), st.Node
		list.Nodes = append(list.Nodes, h.peers()...)
	}
	list.Nodes = list.Nodes[:min(len(list.Nodes), maxPage)]
	return list
}

// peers are the other nodes.
func (h *handler) peers() (list []NodeInfo) {
	for _, p := range h.Cluster.Peers() {
		list = append(list, NodeInfo{Node: p.Node, Present: p.Present, Left: p.Left,
			HeardMs: millis(p.Heard), Received: p.Received, Missed: p.Missed, Late: p.Late})
	}
	return list
}

// NamespaceInfo is a namespace of /api/namespaces.
type NamespaceInfo struct {
	Path string `json:"path"`
	smartsocket.NamespaceStats
}

func (h *handler) namespaces(w http.ResponseWriter, r *http.Request) error {
	all := h.server.NamespaceStats()
	list := make([]NamespaceInfo, 0, len(all))
	for _, path := range slices.Sorted(maps.Keys(all)) {
		list = append(list, NamespaceInfo{path, all[path]})
	}
	reply(w, http.StatusOK, struct {
		Namespaces []NamespaceInfo `json:"namespaces"`
	}{list})
	return nil
}

// RoomInfo is a room of /api/rooms.
type RoomInfo struct {
	Room    string `json:"room"`
	Members int    `json:"members"` // that are connected
}

// RoomList is the JSON of /api/rooms. Next is the "after" of the next page, absent on the last.
type RoomList struct {
	Namespace string     `json:"namespace"`
	Total     int        `json:"total"` // that match
	Rooms     []RoomInfo `json:"rooms"`
	Next      string     `json:"next,omitempty"`
}

func (h *handler) rooms(w http.ResponseWriter, r *http.Request) error {
	ns, err := h.namespaceOf(r.FormValue("namespace"))
	if err != nil {
		return err
	}
	limit, err := limitOf(r)
	if err != nil {
		return err
	}
	names := slices.DeleteFunc(ns.RoomNames(), func(name string) bool {
		return !strings.Contains(name, r.FormValue("q"))
	})
	list := RoomList{Namespace: ns.Path(), Total: len(names), Rooms: []RoomInfo{}}
	switch r.FormValue("sort") {
	case "", "name":
		names, list.Next = page(names, r.FormValue("after"), limit, strings.Compare,
			func(name string) string { return name })
	case "members":
		names = largest(names, limit, ns.RoomLen, strings.Compare)
	default:
		return problem(http.StatusBadRequest, codeRequest, "sort: give name or members")
	}
	for _, name := range names {
		list.Rooms = append(list.Rooms, RoomInfo{name, ns.RoomLen(name)})
	}
	reply(w, http.StatusOK, list)
	return nil
}

// largest returns the n entries of list whose size is the largest, the largest first, and those of
// one size in the order of compare. It asks for each size once, because sizes change meanwhile.
func largest[T any](list []T, n int, size func(T) int, compare func(a, b T) int) []T {
	type sized struct {
		of   T
		size int
	}
	all := make([]sized, len(list))
	for i, of := range list {
		all[i] = sized{of, size(of)}
	}
	slices.SortFunc(all, func(a, b sized) int {
		return cmp.Or(cmp.Compare(b.size, a.size), compare(a.of, b.of))
	})
	first := make([]T, min(n, len(all)))
	for i := range first {
		first[i] = all[i].of
	}
	return first
}

// page returns the entries of a sorted list behind the one named after, at most limit, and what is
// after for the next page.
func page[T any](
	list []T, after string, limit int, compare func(T, string) int, name func(T) string,
) (_ []T, next string) {
	if after != "" {
		i, found := slices.BinarySearchFunc(list, after, compare)
		if found {
			i++
		}
		list = list[i:]
	}
	if len(list) <= limit {
		return list, ""
	}
	return list[:limit], name(list[limit-1])
}

// limitOf is how many entries a page is to have.
func limitOf(r *http.Request) (int, error) {
	text := r.FormValue("limit")
	if text == "" {
		return defaultPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return 0, problem(http.StatusBadRequest, codeRequest, "limit: give a number from 1 to 1000")
	}
	return n, nil
}

// namespaceOf is the namespace of a path, "/" if it is "". It makes none.
func (h *handler) namespaceOf(path string) (*smartsocket.Namespace, error) {
	path = "/" + strings.Trim(path, "/")
	if !slices.Contains(h.server.Namespaces(), path) {
		return nil, problem(http.StatusNotFound, codeUnknown,
			"there is no namespace "+strconv.Quote(path)+": see /api/namespaces")
	}
	return h.server.Namespace(path), nil
}
