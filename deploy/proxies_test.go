package deploy

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/internal/freeport"
	"github.com/smartsocket/smartsocket/internal/selfsigned"
)

// replaced returns text with each old replaced by the new behind it. An old that is not there fails
// the test: the file would not be what is tried.
func replaced(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the file does not have %q", pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// proxied is a proxy in front of two nodes.
type proxied struct {
	url   string // wss
	nodes []*node
}

// behind starts a proxy with one of our files. write makes the command from the port to listen on,
// those of the nodes, and a folder with game.pem (certificate and key) and game.key.
func behind(
	t *testing.T, nodeArgs []string,
	command func(dir string, port int, nodes []int) *exec.Cmd,
) *proxied {
	t.Helper()
	ports := freeport.Several(t, 3)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	writeCertificate(t, filepath.Join(dir, "game.pem"), filepath.Join(dir, "game.key"))
	p := &proxied{url: fmt.Sprintf("wss://127.0.0.1:%d", ports[0])}
	nodeArgs = append(nodeArgs, "-trusted-proxies", "127.0.0.1", "-drain-delay", "3s",
		"-drain-timeout", "6s", "-allowed-hosts", "127.0.0.1,localhost",
		"-max-connections-per-address", "1")
	for _, port := range ports[1:] {
		p.nodes = append(p.nodes, startNode(t, port, nodeArgs...))
	}
	start(t, command(dir, ports[0], ports[1:]))
	until(t, "the proxy passes a request on", func() bool {
		status, _ := p.get("/readyz")
		return status == http.StatusOK
	})
	return p
}

// writeCertificate writes a certificate, with its key behind it as HAProxy wants it, and the key.
func writeCertificate(t *testing.T, cert, key string) {
	t.Helper()
	if err := selfsigned.Write(cert, key, 1); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cert, []byte(read(t, cert)+read(t, key)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// get asks through the proxy.
func (p *proxied) get(path string) (status int, err error) {
	c := http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true}}
	r, err := c.Get("https" + strings.TrimPrefix(p.url, "wss") + path)
	if err != nil {
		return 0, err
	}
	r.Body.Close()
	return r.StatusCode, nil
}

// client makes a client that connects from an address of this machine. Without again, Connect tries
// once.
func (p *proxied) client(t *testing.T, from string, again bool) *client.Client {
	t.Helper()
	o := client.Options{
		TLSConfig: &tls.Config{InsecureSkipVerify: true}, ReconnectDelay: 50 * time.Millisecond,
		MaxReconnectAttempts: client.Forever, RetryConnect: client.Disabled,
		Dial: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext,
	}
	if again {
		o.RetryConnect = client.Enabled
	}
	c, err := client.New(p.url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Disconnect)
	return c
}

// connect connects a client.
func (p *proxied) connect(t *testing.T, from string, again bool) *client.Client {
	t.Helper()
	c := p.client(t, from, again)
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask sends an event and gets its answer.
func ask(t *testing.T, c *client.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if got, err := client.Request[string](ctx, c, "echo", "there"); err != nil || got != "there" {
		t.Errorf("%q, %v", got, err)
	}
}

// players is how many clients are connected in the tests.
const players = 6

// try tries what all proxies must do: TLS, the clients' addresses, and a node that drains. checks
// says that the proxy notices by its checks that a node drains, so that nobody is sent there.
func (p *proxied) try(t *testing.T, checks bool) {
	var clients []*client.Client
	for i := range players {
		clients = append(clients, p.connect(t, fmt.Sprintf("127.0.0.%d", 10+i), false))
		ask(t, clients[i])
	}
	first, second := p.nodes[0].addresses(t), p.nodes[1].addresses(t)
	if len(first) == 0 || len(second) == 0 || len(first)+len(second) != players {
		t.Errorf("the proxy does not spread its clients: %q and %q", first, second)
	}
	// A node takes one connection of an address. So the nodes know who is who: six came in, and of
	// two more from the address of the first one does not.
	refused := 0
	more := []*client.Client{p.client(t, "127.0.0.10", false), p.client(t, "127.0.0.10", false)}
	for _, c := range more {
		if c.Connect(t.Context()) != nil {
			refused++
		}
	}
	for _, c := range more {
		c.Disconnect()
	}
	until(t, "only the first ones are there", func() bool {
		return len(p.nodes[0].addresses(t))+len(p.nodes[1].addresses(t)) == players
	})
	if refused == 0 {
		t.Error("the nodes do not tell the addresses of clients apart")
	}
	p.nodes[0].terminate(t)
	if !checks { // half of the new clients would be refused, and try again
		until(t, "the node ends", p.nodes[0].hasEnded)
	}
	for i := 0; !p.nodes[0].hasEnded(); i++ { // new clients come in all the while
		c := p.connect(t, fmt.Sprintf("127.0.%d.%d", 1+i/200, 1+i%200), false)
		ask(t, c)
		c.Disconnect()
	}
	if code := p.nodes[0].ProcessState.ExitCode(); code != 0 {
		t.Errorf("the node that drained ended with %d", code)
	}
	for _, c := range clients {
		ask(t, c)
	}
}

func TestNginx(t *testing.T) {
	nginx := find(t, "nginx")
	behind(t, nil, func(dir string, port int, nodes []int) *exec.Cmd {
		text := replaced(t, read(t, "proxies/nginx.conf"),
			"127.0.0.1:3001", fmt.Sprintf("127.0.0.1:%d", nodes[0]),
			"127.0.0.1:3002", fmt.Sprintf("127.0.0.1:%d", nodes[1]),
			"listen 443 ssl", fmt.Sprintf("listen 127.0.0.1:%d ssl", port),
			"/etc/ssl/certs/game.pem", dir+"/game.pem",
			"/etc/ssl/private/game.key", dir+"/game.key",
			"worker_rlimit_nofile 131072;", "",
			"worker_connections 65536", "worker_connections 512",
			"access_log off;", fmt.Sprintf("access_log off; client_body_temp_path %[1]s; "+
				"proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; "+
				"scgi_temp_path %[1]s;", dir))
		file := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(nginx, "-t", "-c", file, "-g", "pid "+dir+"/pid;").
			CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return exec.Command(nginx, "-c", file, "-g",
			"daemon off; error_log stderr warn; pid "+dir+"/pid;")
	}).try(t, false)
}

func TestHAProxy(t *testing.T) {
	haproxy := find(t, "haproxy")
	p := behind(t, []string{"-proxy-protocol"}, func(dir string, port int, nodes []int) *exec.Cmd {
		text := replaced(t, read(t, "proxies/haproxy.cfg"),
			"127.0.0.1:3001", fmt.Sprintf("127.0.0.1:%d", nodes[0]),
			"127.0.0.1:3002", fmt.Sprintf("127.0.0.1:%d", nodes[1]),
			"bind :443", fmt.Sprintf("bind 127.0.0.1:%d", port),
			"/etc/haproxy/game.pem", dir+"/game.pem",
			"log /dev/log local0 notice", "log stdout format raw local0 notice",
			"maxconn 60000", "maxconn 500")
		file := filepath.Join(dir, "haproxy.cfg")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(haproxy, "-c", "-f", file).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return exec.Command(haproxy, "-db", "-f", file)
	})
	c := p.connect(t, "127.0.0.7", false)
	if got := append(p.nodes[0].addresses(t), p.nodes[1].addresses(t)...); len(got) != 1 ||
		got[0] != "127.0.0.7" {
		t.Errorf("the nodes know %q", got)
	}
	c.Disconnect()
	until(t, "nobody is there", func() bool {
		return len(p.nodes[0].addresses(t))+len(p.nodes[1].addresses(t)) == 0
	})
	p.try(t, true)
}

func TestCaddy(t *testing.T) {
	caddy := find(t, "caddy")
	behind(t, nil, func(dir string, port int, nodes []int) *exec.Cmd {
		text := replaced(t, read(t, "proxies/Caddyfile"),
			"127.0.0.1:3001", fmt.Sprintf("127.0.0.1:%d", nodes[0]),
			"127.0.0.1:3002", fmt.Sprintf("127.0.0.1:%d", nodes[1]),
			"game.example {", fmt.Sprintf("https://127.0.0.1:%d {\n\tbind 127.0.0.1\n\ttls %s %s",
				port, dir+"/game.pem", dir+"/game.key"))
		file := filepath.Join(dir, "Caddyfile")
		text = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + text
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(caddy, "run", "--config", file, "--adapter", "caddyfile")
		cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
		return cmd
	}).try(t, true)
}

// The file of compose.yaml is one that HAProxy reads. Its names are resolved by Docker alone.
func TestHAProxyOfCompose(t *testing.T) {
	haproxy := find(t, "haproxy")
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	text := replaced(t, read(t, "compose/haproxy.cfg"), "maxconn 50000", "maxconn 500")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(haproxy, "-c", "-f", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
