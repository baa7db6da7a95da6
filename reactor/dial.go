//go:build linux || darwin

package reactor

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/cloudwego/netpoll"
)

var errDialTimeout = fmt.Errorf("reactor: dial: %w", context.DeadlineExceeded)

// dialing is the Handler of a connection until its connect has finished.
type dialing struct {
	Handler  // the user's Handler
	r        *Reactor
	ctx      context.Context
	network  string
	local    *net.TCPAddr
	addr     *net.TCPAddr   // being tried
	rest     []*net.TCPAddr // to be tried after addr
	unfollow func() bool    // stops following ctx
}

// Dial connects in the background. h.OnOpen or h.OnClose(err) reports the outcome. local is the
// source address and may be nil; with several of them a load generator can have more than 28 000
// ports.
//
// network is tcp, tcp4 or tcp6. The addresses of a name are tried one after the other. ctx limits
// name resolution and connecting, but not the connection. Dial returns an error, and does not call
// h, only if the arguments are wrong or the Reactor is closed.
func (r *Reactor) Dial(ctx context.Context, network, addr string, local net.Addr, h Handler) error {
	if h == nil {
		return ErrNoHandler
	}
	d := &dialing{Handler: h, r: r, ctx: ctx, network: network}
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return net.UnknownNetworkError(network)
	}
	if local != nil {
		var ok bool
		if d.local, ok = local.(*net.TCPAddr); !ok {
			return &net.OpError{Op: "dial", Net: network,
				Err: &net.AddrError{Err: "local address must be a *net.TCPAddr",
					Addr: local.String()}}
		}
	}
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return &net.OpError{Op: "dial", Net: network, Err: err}
	}
	if !r.join() {
		return ErrClosed
	}
	if host == "" {
		host = "127.0.0.1"
		if network == "tcp6" {
			host = "::1"
		}
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if ip := net.ParseIP(host); ip != nil && err == nil {
		d.rest = []*net.TCPAddr{{IP: ip, Port: int(port)}}
		d.next(nil)
		return nil
	}
	go d.resolve(host, service)
	return nil
}

// resolve looks up the name, on its own goroutine.
func (d *dialing) resolve(host, service string) {
	ctx, cancel := context.WithCancel(d.ctx)
	defer cancel()
	defer context.AfterFunc(d.r.ctx, cancel)()
	port, err := net.DefaultResolver.LookupPort(ctx, d.network, service)
	if err != nil {
		d.fail(err)
		return
	}
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		d.fail(err)
		return
	}
	for _, ip := range ips {
		d.rest = append(d.rest, &net.TCPAddr{IP: ip.IP, Port: port, Zone: ip.Zone})
	}
	d.next(nil)
}

// next tries the next address of the right family. If none is left the dial has failed with err.
// next never blocks.
func (d *dialing) next(err error) {
	for len(d.rest) > 0 && d.ctx.Err() == nil {
		d.addr, d.rest = d.rest[0], d.rest[1:]
		is4 := d.addr.IP.To4() != nil
		if d.network == "tcp4" && !is4 || d.network == "tcp6" && is4 {
			continue
		}
		fd, e := d.connect()
		if e != nil {
			err = e
			continue
		}
		c := newConn(d.r.pick(), fd, stateDialing, d)
		c.loop.post(task{kind: taskDial, c: c})
		return
	}
	if e := d.ctx.Err(); e != nil {
		err = fmt.Errorf("reactor: dial: %w", e)
	} else if err == nil {
		err = &net.AddrError{Err: "no suitable address", Addr: d.network}
	}
	d.fail(err)
}

// connect starts connecting to d.addr.
func (d *dialing) connect() (int, error) {
	sa, family := fromAddr(d.addr)
	fd, err := sysSocket(family)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	setStream(fd, &d.r.opts)
	if d.local != nil {
		if d.local.Port == 0 {
			setLatePort(fd)
		} else {
			_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
		}
		lsa, _ := fromAddr(d.local)
		if err := syscall.Bind(fd, lsa); err != nil {
			syscall.Close(fd)
			return -1, os.NewSyscallError("bind", err)
		}
	}
	if err := syscall.Connect(fd, sa); err != nil && err != syscall.EINPROGRESS &&
		err != syscall.EINTR {
		syscall.Close(fd)
		return -1, os.NewSyscallError("connect", err)
	}
	return fd, nil
}

// fail reports, on a loop, a dial that has no socket.
func (d *dialing) fail(err error) {
	c := newConn(d.r.pick(), -1, stateClosed, d.Handler)
	c.err = d.wrap(err)
	c.loop.post(task{kind: taskFunc, f: func() {
		c.callClose(c.err)
		d.r.live.Done()
	}})
}

func (d *dialing) wrap(err error) error {
	e := &net.OpError{Op: "dial", Net: d.network, Err: err}
	if d.addr != nil {
		e.Addr = d.addr
	}
	return e
}

// registerDial waits for the connect of c to finish. On the loop.
func (c *Conn) registerDial() {
	d := c.handler.(*dialing)
	err := c.attach(netpoll.PollWritable)
	if err != nil {
		c.lose(err, false)
		return
	}
	if d.r.closing.Load() {
		c.lose(ErrClosed, false)
		return
	}
	if at, ok := d.ctx.Deadline(); ok {
		c.SetTimer(max(time.Until(at), 1))
	}
	if d.ctx.Done() != nil {
		d.unfollow = context.AfterFunc(d.ctx, func() {
			c.doom(fmt.Errorf("reactor: dial: %w", d.ctx.Err()), false)
		})
	}
}

// connected finishes the dial, with or without success. On the loop, outside the operator's
// callback.
func (c *Conn) connected() {
	d, ok := c.handler.(*dialing)
	if !ok || c.fd < 0 {
		return
	}
	c.mu.Lock()
	doomed := c.state != stateDialing
	c.mu.Unlock()
	if doomed {
		c.teardown()
		return
	}
	if e := socketError(int(c.fd)); e != 0 {
		c.lose(os.NewSyscallError("connect", e), false)
		return
	}
	if d.unfollow != nil {
		d.unfollow()
	}
	c.loop.wheel.cancel(c)
	c.handler = d.Handler
	d.r.dialed.Add(1)
	c.mu.Lock()
	err := c.op.Control(netpoll.PollRW2R)
	if eofWithData && err == nil { // kqueue: reading is another filter
		err = c.op.Control(netpoll.PollReadable)
	}
	c.mu.Unlock()
	c.opened()
	if err != nil && err != syscall.ENOENT { // ENOENT: netpoll has detached it and OnHup follows
		c.Abort(err)
	}
	c.end()
	if d.r.closing.Load() {
		c.Close(ErrClosed)
	}
}

// OnClose runs if the connection is torn down before it was open.
func (d *dialing) OnClose(c *Conn, err error) {
	if d.unfollow != nil {
		d.unfollow()
	}
	if d.ctx.Err() == nil && !d.r.closing.Load() && len(d.rest) > 0 && d.r.join() {
		d.next(err) // the next attempt inherits the count of c
		return
	}
	d.Handler.OnClose(c, d.wrap(err))
}
