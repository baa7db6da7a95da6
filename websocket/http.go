package websocket

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket/frame"
)

// ServeHTTP upgrades a request of a net/http server under the same strict rules. The request must
// be HTTP/1.1. ServeHTTP hands the hijacked connection, and the bytes pipelined after the request,
// over to the reactor; no goroutine stays. With TLS, or with a net.Conn that is not one of package
// net's own, as of a listener that limits or wraps connections, two goroutines stay to carry the
// bytes; Listen with Options.TLSConfig needs none. The head is
// written out again and put in front of the pipelined bytes. From there on everything happens as
// for a connection accepted by Listen: the acceptor runs on the loop, and HandshakeTimeout applies.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.ProtoMajor != 1 {
		http.Error(w, "WebSocket needs HTTP/1.1 here: let the client offer http/1.1 by ALPN, or "+
			"switch HTTP/2 off with a http.Server.TLSNextProto that is empty and not nil",
			http.StatusHTTPVersionNotSupported)
		return
	}
	head := appendHead(make([]byte, 0, 1024), req)
	if r, err := s.ep.checkHead(head); err != nil {
		if !s.ep.answerHTTP(w, req, head) {
			s.ep.refuseHTTP(w, req, &r, err)
		}
		return
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.ep.log.Error("websocket: the http.ResponseWriter cannot be hijacked; do not wrap it "+
			"without Unwrap", "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	early := head
	if n := rw.Reader.Buffered(); n > 0 {
		pipelined, _ := rw.Reader.Peek(n)
		early = append(early, pipelined...)
	}
	nc.SetDeadline(time.Time{}) // the deadlines of the http.Server end here
	if err = s.serveConn(nc, early, s.ep.mounted(req), from(req)); err != nil {
		s.ep.log.Error("websocket: connection was not adopted", "error", err)
		nc.Close()
	}
}

// appendHead writes the head of req as it came, apart from the order of its fields.
func appendHead(dst []byte, req *http.Request) []byte {
	dst = append(dst, req.Method...)
	dst = append(dst, ' ')
	target := req.URL.RequestURI()
	if target[0] != '/' && req.URL.Opaque == "" && strings.HasSuffix(req.RequestURI, "/"+target) {
		dst = append(dst, '/') // http.StripPrefix took it off with a prefix like /ws/
	}
	dst = append(dst, target...)
	dst = append(dst, ' ')
	dst = append(dst, req.Proto...)
	dst = append(dst, "\r\n"...)
	if req.Host != "" { // HTTP/1.0 has none
		dst = append(dst, "Host: "...)
		dst = append(dst, req.Host...)
		dst = append(dst, "\r\n"...)
	}
	// net/http takes the field out of Header; ParseRequest must see it to refuse it.
	for _, coding := range req.TransferEncoding {
		dst = append(dst, "Transfer-Encoding: "...)
		dst = append(dst, coding...)
		dst = append(dst, "\r\n"...)
	}
	for name, values := range req.Header {
		for _, v := range values {
			dst = append(dst, name...)
			dst = append(dst, ": "...)
			dst = append(dst, v...)
			dst = append(dst, "\r\n"...)
		}
	}
	return append(dst, "\r\n"...)
}

// mounted returns ep for a request of a net/http server.
func (ep *endpoint) mounted(req *http.Request) *endpoint {
	server, _ := req.Context().Value(http.ServerContextKey).(*http.Server)
	loopback := server != nil && isLoopback(server.Addr)
	if req.TLS == nil && !loopback {
		return ep
	}
	mounted := *ep
	mounted.isSecure = req.TLS != nil
	mounted.loopback = loopback
	return &mounted
}

// isLoopback reports whether a server with this address can be reached from this machine alone.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

func (ep *endpoint) checkHead(head []byte) (frame.Request, error) {
	n, _, err := ep.limits.Scan(head, 0)
	if err != nil {
		return frame.Request{}, err
	}
	return ep.limits.ParseRequest(head[:n])
}

// answerHTTP is answerGet while the connection still belongs to net/http.
func (ep *endpoint) answerHTTP(w http.ResponseWriter, req *http.Request, head []byte) bool {
	if ep.answer == nil {
		return false
	}
	g, ok := ep.limits.ParseGet(head)
	if !ok {
		return false
	}
	a, ok := ep.answer(string(g.Path))
	if !ok {
		return false
	}
	kind := a.Type
	if kind == "" {
		kind = "text/plain; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	if a.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(a.RetryAfter))
	}
	w.WriteHeader(a.Status)
	if req.Method != http.MethodHead {
		_, _ = w.Write(a.Body)
	}
	return true
}

// refuseHTTP is refuse while the connection still belongs to net/http.
func (ep *endpoint) refuseHTTP(
	w http.ResponseWriter, req *http.Request, r *frame.Request, err error,
) {
	he := ep.refusal(err)
	ep.refused(he, r, func() net.Addr { return namedAddr(req.RemoteAddr) })
	switch he.Status {
	case http.StatusUpgradeRequired:
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Sec-WebSocket-Version", strconv.Itoa(13))
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodGet)
	}
	http.Error(w, he.Reason, he.Status)
}

// namedAddr is the address of a request of net/http.
func namedAddr(s string) net.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return net.TCPAddrFromAddrPort(ap)
	}
	return &net.UnixAddr{Name: s, Net: "unix"}
}
