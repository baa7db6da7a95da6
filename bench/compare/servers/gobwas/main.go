//go:build unix

// Command gobwas is github.com/gobwas/ws on netpoll's EventLoop, which is the plain way to put a
// WebSocket on netpoll. It answers all messages that have arrived with one flush.
package main

import (
	"context"
	"io"

	"github.com/cloudwego/netpoll"
	"github.com/gobwas/ws"

	"github.com/smartsocket/smartsocket/bench/compare/crowd"
	"github.com/smartsocket/smartsocket/bench/serve"
)

var all crowd.Crowd[netpoll.Connection]

// peer is what the context of a connection holds.
type peer struct{ upgraded, broadcast bool }

type peerKey struct{}

func main() {
	serve.Main(func() (string, error) {
		l, err := netpoll.CreateListener("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		loop, err := netpoll.NewEventLoop(take,
			netpoll.WithOnPrepare(func(c netpoll.Connection) context.Context {
				_ = c.AddCloseCallback(func(c netpoll.Connection) error {
					all.Remove(c)
					return nil
				})
				return context.WithValue(context.Background(), peerKey{}, new(peer))
			}))
		if err != nil {
			return "", err
		}
		go loop.Serve(l)
		return l.Addr().String(), nil
	})
}

// take answers what has arrived.
func take(ctx context.Context, c netpoll.Connection) error {
	p := ctx.Value(peerKey{}).(*peer)
	if !p.upgraded {
		return open(p, c)
	}
	for c.Reader().Len() > 0 {
		if err := message(p, c); err != nil {
			return c.Close()
		}
	}
	return c.Writer().Flush()
}

func open(p *peer, c netpoll.Connection) error {
	up := ws.Upgrader{OnRequest: func(uri []byte) error {
		p.broadcast = string(uri) == crowd.Path
		return nil
	}}
	if _, err := up.Upgrade(c); err != nil {
		return c.Close()
	}
	p.upgraded = true
	if p.broadcast {
		all.Add(c)
	}
	return nil
}

// message reads one frame, unmasks it in netpoll's buffer and answers it.
func message(p *peer, c netpoll.Connection) error {
	h, err := ws.ReadHeader(c)
	if err != nil {
		return err
	}
	payload, err := c.Reader().Next(int(h.Length))
	if err != nil {
		return err
	}
	ws.Cipher(payload, h.Mask, 0)
	if h.OpCode.IsControl() {
		return io.EOF
	}
	head := ws.Header{Fin: true, OpCode: h.OpCode, Length: h.Length}
	if !p.broadcast {
		return put(c.Writer(), head, payload)
	}
	all.Each(func(c netpoll.Connection) {
		if put(c.Writer(), head, payload) == nil {
			_ = c.Writer().Flush()
		}
	})
	return nil
}

// put writes one frame into the connection's output buffer.
func put(w netpoll.Writer, h ws.Header, payload []byte) error {
	if err := ws.WriteHeader(writer{w}, h); err != nil {
		return err
	}
	_, err := w.WriteBinary(append([]byte(nil), payload...))
	return err
}

// writer makes netpoll's buffer an io.Writer.
type writer struct{ netpoll.Writer }

func (w writer) Write(p []byte) (int, error) {
	b, err := w.Malloc(len(p))
	return copy(b, p), err
}
