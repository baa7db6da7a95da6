package succession

import (
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/pool"
)

// greeting is what each side says first.
const greeting = "smartsocket sessions 1\n"

const (
	maxFrame  = 4 * MaxBytes // of what is read
	maxEvents = 16 << 20     // bytes of events that wait to be written
	maxQueued = 8 * MaxBytes // of all that waits
	maxTo     = 1 << 20      // receivers of events that wait
)

var errOther = errors.New("the other process speaks another version")

// Line is one end of the connection. Its methods may be called concurrently and never wait, except
// Close.
type Line struct {
	conn    net.Conn
	written chan struct{} // closed when the writer has ended

	mu      sync.Mutex
	changed sync.Cond
	queue   []queued
	bytes   int
	to      int  // receivers
	closed  bool // nothing more is taken
}

// queued is a frame that waits. An event is retained, so that one for many is there once.
type queued struct {
	frame
	event *pool.Shared
	size  int
}

// usable reports whether there is a connection, and a registry for what comes or goes there. It
// closes one that is of no use.
func usable(conn net.Conn, r *session.Registry) bool {
	if conn != nil && r == nil {
		_ = conn.Close()
	}
	return conn != nil && r != nil
}

// open begins to speak over conn, which it takes. receive is called with each frame, one at a time,
// and ended once, when the connection is over.
func open(conn net.Conn, log *slog.Logger, receive func(*frame), ended func()) *Line {
	l := &Line{conn: conn, written: make(chan struct{})}
	l.changed.L = &l.mu
	go l.write()
	go func() {
		err := l.read(receive)
		l.end()
		_ = conn.Close() // so that the writer ends too
		if err != nil {
			log.Warn("no more sessions move between this process and the other", "error", err)
		}
		ended()
	}()
	return l
}

// fits reports whether a session of this size can go now.
func (l *Line) fits(size int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.closed && size <= MaxBytes && l.bytes+size <= maxQueued/2
}

// send queues a frame. It reports false when it is lost. Only an event may be lost while the
// connection is there, or what a taker has asked for in vain.
func (l *Line) send(f frame) bool {
	n := len(f.B)
	if f.Session != nil {
		n += f.Session.size()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.bytes+n > maxQueued {
		return false
	}
	l.push(queued{frame: f, size: n})
	return true
}

// sendEvent queues an event for the session with a number. Of one for many there is one copy.
func (l *Line) sendEvent(event *pool.Shared, to uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.to >= maxTo {
		return false
	}
	if n := len(l.queue); n > 0 && l.queue[n-1].event == event {
		l.queue[n-1].To = append(l.queue[n-1].To, to)
		l.to++
		return true
	}
	n := len(event.Bytes())
	if l.bytes+n > maxEvents {
		return false
	}
	event.Retain()
	l.to++
	l.push(queued{frame: frame{Kind: kindEvent, To: []uint64{to}}, event: event, size: n})
	return true
}

// push adds q. mu is held.
func (l *Line) push(q queued) {
	l.queue = append(l.queue, q)
	l.bytes += q.size
	l.changed.Signal()
}

// take waits for frames. The caller owns them.
func (l *Line) take() (list []queued, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) == 0 && !l.closed {
		l.changed.Wait()
	}
	list, l.queue = l.queue, nil
	l.bytes, l.to = 0, 0
	return list, len(list) > 0
}

// write writes what is queued, until the line is closed and nothing is left.
func (l *Line) write() {
	defer close(l.written)
	w := bufio.NewWriterSize(l.conn, 64<<10)
	_, err := io.WriteString(w, greeting)
	encoder := gob.NewEncoder(w)
	for err == nil {
		if err = w.Flush(); err != nil {
			break
		}
		list, more := l.take()
		if !more {
			return
		}
		for i := range list {
			q := &list[i]
			if q.event != nil {
				q.B = q.event.Bytes()
			}
			if err == nil {
				err = encoder.Encode(&q.frame)
			}
			if q.event != nil {
				q.event.Release()
			}
		}
	}
	l.end()
	for list, more := l.take(); more; list, more = l.take() {
		for _, q := range list {
			if q.event != nil {
				q.event.Release()
			}
		}
	}
	_ = l.conn.Close() // so that the reader ends too
}

// read reads until the connection is over.
func (l *Line) read(receive func(*frame)) error {
	r := &io.LimitedReader{R: l.conn, N: int64(len(greeting))}
	begin := make([]byte, len(greeting))
	if _, err := io.ReadFull(r, begin); err != nil {
		return over(err)
	}
	if string(begin) != greeting {
		return errOther
	}
	decoder := gob.NewDecoder(r)
	for {
		r.N = maxFrame
		f := new(frame)
		if err := decoder.Decode(f); err != nil {
			return over(err)
		}
		receive(f)
	}
}

// over is nil if err says that the connection has ended.
func over(err error) error {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET} {
		if errors.Is(err, end) {
			return nil
		}
	}
	return err
}

// end takes nothing more.
func (l *Line) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.changed.Broadcast()
}

// closeTime is how long the other process may take to read the rest.
const closeTime = 2 * time.Second

// close ends the line when all that is queued is written, or when ctx ends, soon in any case.
func (l *Line) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	l.end()
	select {
	case <-l.written:
	case <-ctx.Done():
	}
	_ = l.conn.Close()
}
