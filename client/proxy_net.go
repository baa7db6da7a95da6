//go:build !js

package client

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// reach opens a TCP connection to at, through a proxy if there is one. Its context
// bounds both. Errors are *Error.
func reach(ctx context.Context, at *target, o *Options) (net.Conn, error) {
	proxy, err := proxyFor(at, o)
	if err != nil {
		return nil, err
	}
	addr, dial := at.addr, o.Dial
	if proxy != nil {
		addr = hostPort(proxy.Hostname(), proxy.Port(), "80")
	}
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	nc, err := dial(ctx, "tcp", addr)
	if err != nil {
		return nil, refused(ctx, addr, err)
	}
	if proxy == nil {
		return nc, nil
	}
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	err = tunnel(nc, proxy, at.addr)
	if !stop() || err != nil {
		nc.Close()
		if ctx.Err() != nil {
			return nil, contextError(ctx)
		}
		return nil, &Error{
			Code:    message.CodeRefused,
			Message: "the proxy " + addr + " opened no tunnel to " + at.addr + ": see the cause",
			Cause:   err,
		}
	}
	return nc, nil
}

// proxyFor returns the proxy to at, or nil for none.
func proxyFor(at *target, o *Options) (*url.URL, error) {
	to := &url.URL{Scheme: "http", Host: at.host}
	if at.secure {
		to.Scheme = "https"
	}
	var proxy *url.URL
	var err error
	switch {
	case o.Proxy != nil:
		proxy, err = o.Proxy(to)
	case o.Dial == nil:
		proxy, err = http.ProxyFromEnvironment(&http.Request{URL: to})
	}
	if err == nil && proxy != nil && (proxy.Scheme != "http" || proxy.Hostname() == "") {
		err = errors.New("it is not an http:// URL with a host")
	}
	if err != nil {
		return nil, &Error{
			Code:    message.CodeRefused,
			Message: "the proxy cannot be used: give an http:// URL, or use Options.Dial",
			Cause:   err,
		}
	}
	return proxy, nil
}

// tunnel asks a proxy for a connection to addr (RFC 9110 section 9.3.6). The URL's
// user and password are sent as Basic credentials (RFC 7617).
func tunnel(nc net.Conn, proxy *url.URL, addr string) error {
	b := []byte("CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\n")
	if u := proxy.User; u != nil {
		password, _ := u.Password()
		b = append(b, "Proxy-Authorization: Basic "...)
		b = base64.StdEncoding.AppendEncode(b, []byte(u.Username()+":"+password))
		b = append(b, "\r\n"...)
	}
	if _, err := nc.Write(append(b, "\r\n"...)); err != nil {
		return err
	}
	head, rest, err := frame.ReadHead(nc)
	switch {
	case err != nil:
		return err
	case len(head) < 13 || string(head[:7]) != "HTTP/1." || head[8] != ' ':
		return errors.New("its answer is not HTTP")
	case head[9] != '2':
		return errors.New("it answered with status " + string(head[9:12]))
	case len(rest) > 0: // TLS and HTTP servers wait for the client
		return errors.New("something was sent before our request")
	}
	return nil
}
