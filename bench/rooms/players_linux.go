package rooms

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// slowBytes is how many bytes a second a slow player takes.
const slowBytes = 16 << 10

// watched is of how many rooms the ages of states are noted.
const watched = 10

// players are the load of a round.
type players struct {
	addr     string
	rooms    int
	each     int
	slow     int // so many rooms have a slow player as their first
	counting atomic.Bool
	bytes    atomic.Int64 // that have come while counting is on

	mu    sync.Mutex
	conns []net.Conn
	ages  [2][]float64 // ms from a tick to its arrival: of all but the slow, and of the slow
	err   error
}

// enter connects everybody, a few at a time.
func (p *players) enter(ctx context.Context) error {
	var g sync.WaitGroup
	gate := make(chan struct{}, 32)
	for i := range p.rooms * p.each {
		gate <- struct{}{}
		g.Go(func() {
			defer func() { <-gate }()
			if err := p.open(ctx, i); err != nil {
				p.fail(fmt.Errorf("player %d: %w", i, err))
			}
		})
	}
	g.Wait()
	return p.failure()
}

func (p *players) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = errors.Join(p.err, err)
}

func (p *players) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// leave closes all connections.
func (p *players) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
}

// open lets one player in, who then reads what comes and steers now and then.
func (p *players) open(ctx context.Context, i int) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.conns = append(p.conns, c)
	p.mu.Unlock()
	number := i / p.each
	slow := i%p.each == 0 && number < p.slow
	if slow {
		if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
			return err
		}
	}
	in, err := p.handshake(c)
	if err != nil {
		return err
	}
	play := message.Append(nil, &message.Message{Kind: message.KindEvent, Event: []byte("play"),
		Flags: message.FlagAck, AckID: 1, Payload: fmt.Appendf(nil, `"%d"`, number)})
	if _, err := c.Write(clientFrame(play)); err != nil {
		return err
	}
	go p.steer(c, i)
	go p.read(in, number, slow)
	return nil
}

// handshake upgrades, and opens the session.
func (p *players) handshake(c net.Conn) (*bufio.Reader, error) {
	if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"+
		"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: c21hcnRzb2NrZXQtbG9hZA==\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
		p.addr, message.Subprotocol); err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(c, 4<<10)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("the server answered %s", answer.Status)
	}
	connect := message.AppendConnect(nil, &message.Connect{Version: message.Version,
		Random: make([]byte, message.RandomSize)})
	_, err = c.Write(clientFrame(connect))
	return in, err
}

// steer changes a player's direction twice a second, at its own moments.
func (p *players) steer(c net.Conn, i int) {
	random := rand.New(rand.NewPCG(3, uint64(i)))
	for seq := 1; ; seq++ {
		time.Sleep(time.Duration(300+random.IntN(400)) * time.Millisecond)
		m := message.Append(nil, &message.Message{Kind: message.KindEvent,
			Event: []byte("arena:input"),
			Payload: fmt.Appendf(nil, `{"seq":%d,"at":0,"data":{"angle":%.3f}}`, seq,
				6*random.Float64())})
		if _, err := c.Write(clientFrame(m)); err != nil {
			return
		}
	}
}

// read takes what comes, and notes how old states are that come as deltas.
func (p *players) read(in *bufio.Reader, number int, slow bool) {
	var start, step, origin uint64 // of the newest snapshot: its time and step in µs, and its tick
	for {
		payload, err := serverFrame(in)
		if err != nil {
			return
		}
		if p.counting.Load() {
			p.bytes.Add(int64(len(payload)) + 2)
		}
		if slow {
			time.Sleep(time.Duration(len(payload)+4) * time.Second / slowBytes)
		}
		state, ok := stateOf(payload)
		if !ok || number >= max(p.slow, watched) {
			continue
		}
		kind, rest := state[0]&15, state[1:]
		tick, n := binary.Uvarint(rest)
		if n <= 0 {
			continue
		}
		if kind == 1 {
			rest = rest[n:]
			origin = tick
			start, n = binary.Uvarint(rest)
			step, _ = binary.Uvarint(rest[max(n, 0):])
		}
		if p.counting.Load() && step > 0 {
			age := float64(time.Now().UnixMicro()-int64(start+(tick-origin)*step)) / 1000
			p.mu.Lock()
			if slow {
				p.ages[1] = append(p.ages[1], age)
			} else {
				p.ages[0] = append(p.ages[0], age)
			}
			p.mu.Unlock()
		}
	}
}

// stateOf returns the payload of an event arena that has bytes.
func stateOf(m []byte) (state []byte, ok bool) {
	if len(m) == 0 || message.Kind(m[0]&15) != message.KindEvent ||
		message.Flags(m[0])&message.FlagBinary == 0 ||
		message.Flags(m[0])&message.FlagDeflated != 0 {
		return nil, false
	}
	i := 1
	if message.Flags(m[0])&message.FlagSeq != 0 {
		_, n := binary.Uvarint(m[i:])
		i += max(n, 0)
	}
	if i >= len(m) || i+1+int(m[i]) >= len(m) || string(m[i+1:i+1+int(m[i])]) != "arena" {
		return nil, false
	}
	return m[i+1+int(m[i]):], true
}

// serverFrame reads one frame of a server, and returns its payload.
func serverFrame(in *bufio.Reader) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	n := int(head[1] & 127)
	if n > 125 {
		more := make([]byte, map[int]int{126: 2, 127: 8}[n])
		if _, err := io.ReadFull(in, more); err != nil {
			return nil, err
		}
		n = 0
		for _, b := range more {
			n = n<<8 | int(b)
		}
	}
	p := make([]byte, n)
	_, err := io.ReadFull(in, p)
	return p, err
}

// clientFrame is one binary frame with the mask 0, which is one as any other.
func clientFrame(p []byte) []byte {
	f := []byte{0x82}
	if len(p) < 126 {
		f = append(f, 0x80|byte(len(p)))
	} else {
		f = binary.BigEndian.AppendUint16(append(f, 0x80|126), uint16(len(p)))
	}
	return append(append(f, 0, 0, 0, 0), p...)
}

// quantile of a list in ms, 0 if it is empty.
func quantile(list []float64, percent int) float64 {
	if len(list) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(list))[(len(list)-1)*percent/100]
}
