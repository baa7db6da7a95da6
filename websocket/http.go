package websocket

import (
	"crypto/tls"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/smartsocket/smartsocket/frame"
)

// ServeHTTP upgrades a request of a net/http server under the same strict rules. The request must
// be HTTP/1.1. ServeHTTP hands the hijacked connection, and the bytes pipelined after the request,
// over to the reactor; no goroutine stays. With TLS two goroutines stay to carry the plaintext,
// because the session belongs to net/http; Listen with Options.TLSConfig needs none. The head is
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
	if err := checkHead(head); err != nil {
		refuseHTTP(w, err)
		return
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.ep.log.Error("websocket: the http.ResponseWriter cannot be hijacked; do not wrap it "+
			"without Unwrap", "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	early := head
	if n := rw.Reader.Buffered(); n > 0 {
		pipelined, _ := rw.Reader.Peek(n)
		early = append(early, pipelined...)
	}
	nc.SetDeadline(time.Time{}) // the deadlines of the http.Server end here
	if tc, ok := nc.(*tls.Conn); ok {
		err = s.bridge(tc, early, req)
	} else {
		err = s.r.Adopt(nc, early, newConn(s.ep).from(req))
	}
	if err != nil {
		s.ep.log.Error("websocket: connection was not adopted", "err", err)
		nc.Close()
	}
}

// appendHead writes the head of req as it came, apart from the order of its fields.
func appendHead(dst []byte, req *http.Request) []byte {
	dst = append(dst, req.Method...)
	dst = append(dst, ' ')
	dst = append(dst, req.URL.RequestURI()...)
	dst = append(dst, ' ')
	dst = append(dst, req.Proto...)
	dst = append(dst, "\r\nHost: "...)
	dst = append(dst, req.Host...)
	dst = append(dst, "\r\n"...)
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

func checkHead(head []byte) error {
	n, _, err := frame.ScanHead(head, 0)
	if err != nil {
		return err
	}
	_, err = frame.ParseRequest(head[:n])
	return err
}

// refuseHTTP is refuse while the connection still belongs to net/http.
func refuseHTTP(w http.ResponseWriter, err error) {
	he := &frame.HandshakeError{Status: http.StatusBadRequest, Reason: err.Error()}
	errors.As(err, &he)
	if he.Status == http.StatusUpgradeRequired {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Sec-WebSocket-Version", strconv.Itoa(13))
	}
	http.Error(w, he.Reason, he.Status)
}
