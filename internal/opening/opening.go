// Package opening keeps a client's opening handshake for an application that wants to look at it.
// Nothing is kept for connections that nobody asks about.
//
// There are no locks: an Opening never changes.
package opening

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
)

// Source is a connection whose request is being decided about. Its methods are called at once.
type Source interface {
	RemoteAddr() net.Addr
	// TLS describes the connection's TLS session, nil if there is none.
	TLS() *tls.ConnectionState
	// Context has the values of a request that came through net/http. It does not end.
	Context() context.Context
}

// Opening is a copy of one opening handshake. The zero value is one that was not kept.
type Opening struct {
	head []byte
	peer net.Addr
	tls  *tls.ConnectionState
	ctx  context.Context
}

// Of copies a request's head, which is borrowed, and what is known of its connection.
func Of(head []byte, c Source) *Opening {
	return &Opening{bytes.Clone(head), c.RemoteAddr(), c.TLS(), c.Context()}
}

// Context returns the values of the request, without an end.
func (o *Opening) Context() context.Context { return o.ctx }

// Request reads the head as a request with this context, for the caller to keep. It has no body.
func (o *Opening) Request(ctx context.Context) (*http.Request, error) {
	r, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(o.head), len(o.head)))
	if err != nil {
		return nil, err
	}
	if o.peer != nil {
		r.RemoteAddr = o.peer.String()
	}
	r.TLS = o.tls
	return r.WithContext(ctx), nil
}

// secretBytes is the length from which on a value of a query or a cookie may be a secret.
const secretBytes = 8

// Secrets lists what in a request may be secret, and so must not be logged.
func Secrets(r *http.Request) []string {
	if r == nil {
		return nil
	}
	list := append(r.Header.Values("Authorization"), r.Header.Values("Cookie")...)
	add := func(value string) {
		if len(value) >= secretBytes {
			list = append(list, value)
		}
	}
	for _, line := range r.Header.Values("Authorization") {
		_, token, _ := bytes.Cut([]byte(line), []byte(" "))
		add(string(token))
	}
	for _, c := range r.Cookies() {
		add(c.Value)
	}
	for _, values := range r.URL.Query() {
		for _, v := range values {
			add(v)
		}
	}
	return list
}
