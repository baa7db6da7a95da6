//go:build linux

package websocket

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
)

// kinds counts the descriptors of this process by what they are: socket, pipe, file, …
func kinds(t *testing.T) map[string]int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	found := make(map[string]int)
	for _, name := range names {
		if to, err := os.Readlink("/proc/self/fd/" + name.Name()); err == nil {
			found[number.ReplaceAllString(to, "")]++
		}
	}
	return found
}

var number = regexp.MustCompile(`:\[\d+\]$|/\d+/`)

// wrapped is a listener whose connections the loops cannot watch, so that they are bridged.
type wrapped struct{ net.Listener }

func (w wrapped) Accept() (net.Conn, error) {
	nc, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return struct{ net.Conn }{nc}, nil
}

// reset closes the TCP connection below with a RST.
func reset(nc net.Conn) {
	if tc, ok := nc.(*tls.Conn); ok {
		nc = tc.NetConn()
	}
	nc.(*net.TCPConn).SetLinger(0)
	nc.Close()
}

// bridgeEnds are the ways in which a connection over the bridge can end. Each begins with a TCP
// connection and gets the server's ends of those that were upgraded.
var bridgeEnds = map[string]func(t *testing.T, nc net.Conn, addr string, conns <-chan *Conn){
	"the client closes": func(t *testing.T, nc net.Conn, addr string, conns <-chan *Conn) {
		p, _ := upgradeOver(t, secure(nc, 0), addr, "")
		<-conns
		p.Close()
	},
	"the client says goodbye first": func(t *testing.T, nc net.Conn, addr string,
		conns <-chan *Conn) {
		p, _ := upgradeOver(t, secure(nc, 0), addr, "")
		<-conns
		p.send(frame.Close, "\x03\xe8")
		io.Copy(io.Discard, p.br)
		p.Close()
	},
	"the client resets": func(t *testing.T, nc net.Conn, addr string, conns <-chan *Conn) {
		p, _ := upgradeOver(t, secure(nc, 0), addr, "")
		<-conns
		reset(p.Conn)
	},
	"TCP closes, TLS does not": func(t *testing.T, nc net.Conn, addr string, conns <-chan *Conn) {
		upgradeOver(t, secure(nc, 0), addr, "")
		<-conns
		nc.Close()
	},
	"the server closes": func(t *testing.T, nc net.Conn, addr string, conns <-chan *Conn) {
		p, _ := upgradeOver(t, secure(nc, 0), addr, "")
		(<-conns).Close(frame.CloseNormal, "")
		p.send(frame.Close, "\x03\xe8")
		io.Copy(io.Discard, p.br)
		p.Close()
	},
	"the server aborts": func(t *testing.T, nc net.Conn, addr string, conns <-chan *Conn) {
		p, _ := upgradeOver(t, secure(nc, 0), addr, "")
		(<-conns).Abort(nil)
		io.Copy(io.Discard, p.br)
		p.Close()
	},
	"the client reads nothing": func(t *testing.T, nc net.Conn, addr string, conns <-chan *Conn) {
		upgradeOver(t, secure(nc, 0), addr, "")
		c := <-conns
		c.Send(frame.Binary, make([]byte, 4<<20))
		c.Abort(nil)
		for err := error(nil); err == nil; time.Sleep(time.Millisecond) { // until it is hung up
			_, err = nc.Write([]byte{0})
		}
		nc.Close()
	},
	"both at once": func(t *testing.T, nc net.Conn, addr string, conns <-chan *Conn) {
		p, _ := upgradeOver(t, secure(nc, 0), addr, "")
		c := <-conns
		go c.Abort(nil)
		p.Close()
	},
	"refused": func(t *testing.T, nc net.Conn, addr string, _ <-chan *Conn) {
		p, status := upgradeOver(t, secure(nc, 0), addr, "Authorization: none\r\n")
		if status != http.StatusForbidden {
			t.Errorf("status %d", status)
		}
		io.Copy(io.Discard, p.br)
		p.Close()
	},
	"refused by net/http": func(t *testing.T, nc net.Conn, addr string, _ <-chan *Conn) {
		tc := secure(nc, 0)
		fmt.Fprintf(tc, "POST / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", addr)
		if resp, err := http.ReadResponse(bufio.NewReader(tc), nil); err == nil {
			io.Copy(io.Discard, resp.Body)
		}
		tc.Close()
	},
	"a reset in the TLS handshake": func(_ *testing.T, nc net.Conn, _ string, _ <-chan *Conn) {
		nc.Write([]byte{22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3})
		reset(nc)
	},
	"a close in the TLS handshake": func(_ *testing.T, nc net.Conn, _ string, _ <-chan *Conn) {
		nc.Write([]byte{22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3})
		nc.Close()
	},
	"no TLS": func(_ *testing.T, nc net.Conn, addr string, _ <-chan *Conn) {
		nc.Write(upgradeRequest(addr, ""))
		io.Copy(io.Discard, nc)
		nc.Close()
	},
	"a reset behind the TLS handshake": func(_ *testing.T, nc net.Conn, _ string, _ <-chan *Conn) {
		tc := secure(nc, 0)
		tc.Handshake()
		reset(tc)
	},
	"a reset in the request": func(_ *testing.T, nc net.Conn, addr string, _ <-chan *Conn) {
		tc := secure(nc, 0)
		tc.Write(upgradeRequest(addr, "")[:40])
		reset(tc)
	},
	"a reset behind the request": func(_ *testing.T, nc net.Conn, addr string,
		conns <-chan *Conn) {
		tc := secure(nc, 0)
		tc.Write(upgradeRequest(addr, ""))
		reset(tc)
		select { // it may have been accepted before that was known, and need not
		case <-conns:
		case <-time.After(10 * time.Millisecond):
		}
	},
}

// However the connections of a bridge end, many at once, nothing of them is left: neither of those
// of a TLS server of net/http, nor of those of a listener of another kind.
func TestBridgeLeavesNoDescriptors(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // finalizers would close what was forgotten
	accept := func(conns chan *Conn) Acceptor {
		return func(req *frame.Request, c *Conn) (Handler, string, error) {
			if string(req.Authorization) == "none" {
				return nil, "", &frame.HandshakeError{Status: http.StatusForbidden, Reason: "no"}
			}
			return &funcs{open: func(c *Conn) { conns <- c }}, "", nil
		}
	}
	for _, mounted := range []bool{true, false} {
		for name, end := range bridgeEnds {
			t.Run(fmt.Sprintf("%s, mounted %v", name, mounted), func(t *testing.T) {
				const many = 40
				r := newReactor(t)
				conns := make(chan *Conn, many+1)
				o := Options{}
				if !mounted {
					o.TLSConfig = serverTLS(t)
				}
				s := NewServer(r, o, accept(conns))
				s.stall = time.Second
				var addr string
				if mounted {
					hs := httptest.NewUnstartedServer(s)
					hs.Config.ErrorLog = log.New(io.Discard, "", 0)
					hs.TLS = serverTLS(t)
					hs.StartTLS()
					defer hs.Close()
					addr = hs.Listener.Addr().String()
				} else {
					ln, err := net.Listen("tcp", "127.0.0.1:0")
					if err != nil {
						t.Fatal(err)
					}
					addr = ln.Addr().String()
					served := make(chan error, 1)
					go func() { served <- s.Serve(wrapped{ln}) }()
					defer func() { ln.Close(); <-served }()
				}
				before := kinds(t)
				var wg sync.WaitGroup
				for range many {
					nc, err := net.Dial("tcp", addr)
					if err != nil {
						t.Fatal(err)
					}
					nc.SetDeadline(time.Now().Add(hang))
					wg.Go(func() { end(t, nc, addr, conns) })
				}
				wg.Wait()
				last, err := net.Dial("tcp", addr) // accepted behind all others
				if err != nil {
					t.Fatal(err)
				}
				last.SetDeadline(time.Now().Add(hang))
				p, _ := upgradeOver(t, secure(last, 0), addr, "")
				p.Close()
				for late := time.Now().Add(hang); ; time.Sleep(time.Millisecond) {
					after := kinds(t)
					if maps.Equal(before, after) {
						return
					}
					if time.Now().After(late) {
						t.Fatalf("%v before, %v after; %+v", before, after, r.Stats())
					}
				}
			})
		}
	}
}
