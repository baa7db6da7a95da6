package main

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/smartsocket/smartsocket"
)

// serviceSocket is the name of the one listening socket, by which a successor finds it.
const serviceSocket = "service"

// place is an address to listen on.
type place struct {
	network string // tcp, tls or unix
	addr    string
}

// parsePlace reads host:port or tcp://host:port, tls://host:port, or unix:/path.
func parsePlace(text string) (place, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if path = strings.TrimPrefix(path, "//"); !filepath.IsAbs(path) {
			return place{}, fmt.Errorf("%q has no path: write it from the root, as in "+
				"unix:/run/smartsocket.sock", text)
		}
		return place{"unix", path}, nil
	}
	network, addr, scheme := strings.Cut(text, "://")
	if !scheme {
		network, addr = "tcp", text
	}
	host, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || network != "tcp" && network != "tls" || strings.ContainsAny(host, "/ ") {
		return place{}, fmt.Errorf("%q is no address to listen on: write host:port, "+
			"tls://host:port or unix:/path, as in 0.0.0.0:3000 or tls://:3443", text)
	}
	if host == "" {
		addr = net.JoinHostPort("0.0.0.0", port)
	}
	return place{network, addr}, nil
}

// places are where the server listens: the one address of host and port, or those of listen.
func (c *settings) places() (list []place) {
	if len(c.Listen) == 0 {
		network, addr := c.address()
		if network == "tcp" && c.TLSCertFile != "" {
			network = "tls"
		}
		return []place{{network, addr}}
	}
	for _, text := range c.Listen {
		p, err := parsePlace(text)
		if err != nil {
			return nil // checkListen does not let it come to that
		}
		list = append(list, p)
	}
	return list
}

// exposed returns the host of listen that other machines reach, or a loopback address.
func (c *settings) exposed() string {
	for _, p := range c.places() {
		host, _, err := net.SplitHostPort(p.addr)
		ip := net.ParseIP(host)
		if err == nil && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return host
		}
	}
	return "127.0.0.1"
}

// checkListen checks the setting listen, and what does not go with it.
func (c *settings) checkListen() error {
	if len(c.Listen) == 0 {
		return nil
	}
	for _, name := range []string{"addr", "host", "port"} {
		if c.loaded.Get(name).Origin != "" {
			return c.loaded.Error(name, errors.New(
				"listen says where to listen already: keep one of them"))
		}
	}
	if c.Demo {
		return c.loaded.Error("listen", errors.New(
			"the demo has one address: give that as addr, or leave the demo out"))
	}
	taken := make(map[place]bool)
	secure := false
	for _, text := range c.Listen {
		p, err := parsePlace(text)
		if err == nil && taken[p] && !strings.HasSuffix(p.addr, ":0") {
			err = fmt.Errorf("%q is there twice: keep one", text)
		}
		if err != nil {
			return c.loaded.Error("listen", err)
		}
		taken[p] = true
		secure = secure || p.network == "tls"
	}
	switch {
	case secure && c.TLSCertFile == "":
		return c.loaded.Error("listen", errors.New(
			"an address with tls needs a certificate: give tlsCert and tlsKey"))
	case !secure && c.TLSCertFile != "":
		return c.loaded.Error("listen", errors.New("there is a certificate, and no address uses "+
			"it: write tls:// in front of one, or remove tlsCert"))
	}
	return nil
}

// socketName is the name by which a successor finds the socket of p.
func (p place) socketName() string {
	return p.network + "_" + strings.ReplaceAll(p.addr, ":", "_")
}

// listenWith gives serve the one socket of this process, or add each of those that listen names,
// with whether it has TLS.
func (c *settings) listenWith(
	serve func(net.Listener) error, add func(l net.Listener, secure bool) error,
) error {
	if len(c.Listen) == 0 {
		l, err := c.listen()
		if err != nil {
			return err
		}
		if err := serve(l); err != nil {
			return errors.Join(err, l.Close())
		}
		return nil
	}
	if c.sockets.Has(serviceSocket) {
		return errors.New("LISTEN_FDS hands over the one socket, and listen names addresses: " +
			"keep one of them")
	}
	for _, p := range c.places() {
		network := p.network
		if network == "tls" {
			network = "tcp"
		}
		l, err := c.sockets.Listen(p.socketName(), network, p.addr)
		if err != nil {
			return err
		}
		if err := add(l, p.network == "tls"); err != nil {
			return errors.Join(err, l.Close())
		}
	}
	return nil
}

// serve starts srv where the settings say.
func (c *settings) serve(srv *smartsocket.Server) error {
	if len(c.Listen) > 0 {
		if err := srv.StartDetached(); err != nil {
			return err
		}
	}
	return c.listenWith(srv.Serve, srv.AddListener)
}
