package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/client"
)

// One server on three addresses: without TLS, with it, and a Unix socket.
func TestSeveralAddresses(t *testing.T) {
	for _, mode := range []string{"-echo=false", "-echo"} {
		t.Run(mode, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "s")
			args := append(certificate(t), mode, "-listen",
				"127.0.0.1:0, tls://127.0.0.1:0, unix:"+socket)
			r := startBare(t, args...)
			if r.addr.Network() != "tcp" {
				t.Errorf("the first address is %v", r.addr)
			}
			plain, secured := r.addr.String(), ""
			for _, addr := range regexp.MustCompile(`127\.0\.0\.1:\d+`).FindAllString(
				r.log.String(), -1) {
				if addr != plain {
					secured = addr
				}
			}
			if secured == "" && mode == "-echo=false" {
				t.Fatalf("no second address in the log:\n%s", r.log)
			}
			answers(t, "tcp", plain, nil)
			answers(t, "unix", socket, nil)
			if secured != "" {
				answers(t, "tcp", secured, &tls.Config{InsecureSkipVerify: true})
			}
			if r.stop() != 0 {
				t.Errorf("%s", r.log)
			}
		})
	}
}

// answers fails the test if no server upgrades there.
func answers(t *testing.T, network, addr string, secured *tls.Config) {
	t.Helper()
	nc, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if secured != nil {
		nc = tls.Client(nc, secured)
	}
	r, err := http.NewRequest(http.MethodGet, "http://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		r.Header.Set(name, value)
	}
	if err := r.Write(nc); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(nc), r)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%s %s: %v, %v", network, addr, answer, err)
	}
}

// Clients of all addresses are in the same rooms.
func TestAddressesShareTheServer(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	r := startBare(t, "-listen", "127.0.0.1:0,unix:"+socket)
	c, err := client.New("ws://localhost", client.Options{
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Disconnect()
	if err := c.Connect(context.Background()); err != nil {
		t.Fatal(err)
	}
	d, err := c.EmitWithAck(context.Background(), "echo", "over a file")
	if err != nil || string(d.Bytes()) != `"over a file"` {
		t.Errorf("%s, %v", d.Bytes(), err)
	}
	if code, text, fault := command("health", "-listen", "unix:"+socket); code != 0 ||
		!strings.Contains(text, "ok") {
		t.Errorf("%d, %s%s", code, text, fault)
	}
	if code, _, fault := command("health", "-listen", r.addr.String()); code != 0 {
		t.Errorf("%d, %s", code, fault)
	}
}

// An address that is taken ends the program, and the others are free again.
func TestTakenAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket := filepath.Join(t.TempDir(), "s")
	for _, mode := range []string{"-echo=false", "-echo"} {
		code, _, fault := command(mode, "-listen", "unix:"+socket+","+l.Addr().String())
		if code != 1 || !strings.Contains(fault, "another program has this address") {
			t.Errorf("%s: %d, %s", mode, code, fault)
		}
		if nc, err := net.Dial("unix", socket); err == nil {
			nc.Close()
			t.Errorf("%s: the Unix socket is still listened on", mode)
		}
	}
}

func TestListenSettings(t *testing.T) {
	cert := certificate(t)
	for args, want := range map[string]string{
		"-listen 3000":                             "write host:port",
		"-listen :http":                            "write host:port",
		"-listen :70000":                           "write host:port",
		"-listen ws://:3000":                       "tls://host:port or unix:/path",
		"-listen unix:relative":                    "write it from the root",
		"-listen :3000,:3000":                      "is there twice",
		"-listen :3000 -port 3001":                 "flag -port: listen says",
		"-listen :3000 -addr :3001":                "flag -addr: listen says",
		"-listen :3000 -host 127.0.0.1":            "flag -host: listen says",
		"-listen :3000 -demo":                      "flag -listen: the demo has one address",
		"-listen tls://:3443":                      "flag -listen: an address with tls",
		"-listen :3000 " + strings.Join(cert, " "): "flag -listen: there is a certificate",
	} {
		_, err := parse(append(strings.Fields(args), "checkconfig"), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, which should say %q", args, err, want)
		}
	}
	c, err := parse(append(cert, "-listen", "tls://[::]:3443, unix:///run/x, tcp://:3000, :3001"),
		nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []place{{"tls", "[::]:3443"}, {"unix", "/run/x"}, {"tcp", "0.0.0.0:3000"},
		{"tcp", "0.0.0.0:3001"}}
	for i, p := range c.places() {
		if p != want[i] {
			t.Errorf("%v, not %v", p, want[i])
		}
	}
	if c.exposed() != "::" {
		t.Errorf("exposed by %q", c.exposed())
	}
	network, addr, secure := c.nearest()
	if network != "tcp" || addr != "localhost:3443" || !secure {
		t.Error(network, addr, secure)
	}
}
