package main

import (
	"context"
	"crypto/tls"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/smartsocket/smartsocket/internal/selfsigned"
)

// certificate writes a self-signed certificate and returns the flags that use it.
func certificate(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := selfsigned.Write(cert, key, 1); err != nil {
		t.Fatal(err)
	}
	return []string{"-tls-cert", cert, "-tls-key", key}
}

func TestEchoOverTLS(t *testing.T) {
	r := start(t, append(certificate(t), "-echo")...)
	dialer := ws.Dialer{TLSConfig: &tls.Config{InsecureSkipVerify: true}, Timeout: patience}
	nc, _, _, err := dialer.Dial(context.Background(), "wss://"+r.addr.String()+"/")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	if err := wsutil.WriteClientText(nc, []byte("over TLS")); err != nil {
		t.Fatal(err)
	}
	if got, err := wsutil.ReadServerText(nc); err != nil || string(got) != "over TLS" {
		t.Errorf("%q, %v", got, err)
	}
}

// tlsPage connects with the browser client and shows what comes back.
const tlsPage = `<!doctype html><title>wss</title><p id="out">waiting</p><script type="module">
import { SmartSocketClient } from '/index.js';
const out = document.getElementById('out');
try {
	const client = new SmartSocketClient('SERVER');
	await client.connect();
	const big = 'x'.repeat(300000);
	const text = await client.emitWithAck('echo', { text: 'grüße' });
	const long = await client.emitWithAck('echo', big);
	const bytes = new Uint8Array(await client.emitWithAck('echo', new Uint8Array([1, 2, 255])));
	out.textContent = [text.text, long === big, bytes.join('.')].join(' ');
	client.disconnect();
} catch (err) {
	out.textContent = 'failed: ' + err;
}
</script>`

// TestBrowserOverTLS loads the client from an https site and lets it speak to the server over wss.
func TestBrowserOverTLS(t *testing.T) {
	browser := newBrowser(t, chromedp.Flag("ignore-certificate-errors", true))
	files, err := fs.Sub(web, "web/dist")
	if err != nil {
		t.Fatal(err)
	}
	server := "" // known before the page is asked for
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.FileServerFS(files).ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, strings.ReplaceAll(tlsPage, "SERVER", server))
	}))
	defer site.Close()
	r := start(t, append(certificate(t), "-allowed-origins", site.URL)...)
	server = "wss://" + r.addr.String() + "/"

	ctx, cancel := chromedp.NewContext(browser)
	defer cancel()
	sockets := make(chan string, 8)
	chromedp.ListenTarget(ctx, func(event any) {
		if e, ok := event.(*network.EventWebSocketCreated); ok {
			select {
			case sockets <- e.URL:
			default: // one is enough
			}
		}
	})
	var got string
	err = chromedp.Run(ctx, network.Enable(), chromedp.Navigate(site.URL+"/"),
		chromedp.Poll(`document.getElementById('out').textContent !== 'waiting'`, nil,
			chromedp.WithPollingTimeout(patience)),
		chromedp.Text("#out", &got, chromedp.ByID))
	if err != nil {
		t.Fatal(err)
	}
	if want := "grüße true 1.2.255"; got != want {
		t.Errorf("the page says %q, want %q", got, want)
	}
	select {
	case url := <-sockets:
		if url != server {
			t.Errorf("the page connected to %q, want %q", url, server)
		}
	case <-time.After(patience):
		t.Error("the page opened no WebSocket")
	}
}

// TestDemoOverTLS checks that the page and the events share one port, both over TLS.
func TestDemoOverTLS(t *testing.T) {
	r := start(t, append(certificate(t), "-demo")...)
	insecure := &tls.Config{InsecureSkipVerify: true}
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: insecure}, Timeout: patience}
	defer web.CloseIdleConnections()
	resp, err := web.Get("https://" + r.addr.String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
	dialer := ws.Dialer{TLSConfig: insecure, Timeout: patience}
	nc, _, _, err := dialer.Dial(context.Background(), "wss://"+r.addr.String()+"/")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	if err := wsutil.WriteClientText(nc, []byte(`{"event":"echo","data":7}`)); err != nil {
		t.Fatal(err)
	}
	if got, err := wsutil.ReadServerText(nc); err != nil ||
		string(got) != `{"event":"echo","data":7}` {
		t.Errorf("%q, %v", got, err)
	}
}
