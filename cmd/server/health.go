package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	healthTimeout = 5 * time.Second
	maxHealthText = 1 << 10
)

// checkHealth asks the server that runs with these settings on this machine whether it is well, and
// returns the exit code: 0 if it is, otherwise 1. Containers without a shell and curl need it.
func (c *settings) checkHealth(ctx context.Context, stdout, stderr io.Writer) int {
	text, err := c.askHealth(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "smartsocket-server health: %v\n", err)
		return 1
	}
	fmt.Fprintln(stdout, text)
	return 0
}

// askHealth returns the server's answer, or an error if that is not 200.
func (c *settings) askHealth(ctx context.Context) (string, error) {
	path, scheme := c.HealthPath, "http"
	if path == "off" {
		return "", fmt.Errorf("healthPath is off: give it a path, so that there is an answer")
	}
	network, addr, secure := c.nearest()
	if secure {
		scheme = "https"
	}
	host := "localhost"
	if len(c.AllowedHosts) > 0 {
		host = strings.TrimPrefix(c.AllowedHosts[0], "*.")
	}
	client := http.Client{Timeout: healthTimeout, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
		// The server is on this machine, and its certificate has another name.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+host+path, nil)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(r)
	if err != nil {
		return "", fmt.Errorf("no answer from %s: %w", addr, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxHealthText))
	if err != nil {
		return "", err
	}
	line := strings.TrimSpace(string(text))
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s %s", addr, answer.Status, line)
	}
	return line, nil
}

// nearest returns where a program on this machine reaches the server.
func (c *settings) nearest() (network, addr string, secure bool) {
	p := c.places()[0]
	if p.network == "unix" {
		return p.network, p.addr, c.TLSCertFile != "" && len(c.Listen) == 0
	}
	host, port, err := net.SplitHostPort(p.addr)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		p.addr = net.JoinHostPort("localhost", port)
	}
	return "tcp", p.addr, p.network == "tls"
}
