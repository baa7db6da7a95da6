package cluster

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/smartsocket/smartsocket"
)

// Options configure a Cluster. Either URL or Conn must be given.
type Options struct {
	// URL is the address of a NATS server, nats://[user:password@]host:port or tls://…. Several are
	// separated by commas. Credentials in it are never logged.
	URL string
	// Conn is a connection to use instead of URL. The Cluster does not close it. The program must
	// then set what the Cluster sets for a URL. Above all it must turn off the buffer for
	// reconnecting, because otherwise old broadcasts arrive in a burst, and allow unlimited
	// reconnects.
	Conn *nats.Conn
	// NATS are further options for the connection to URL, such as credentials files and TLS. They
	// are applied after the package's own options.
	NATS []nats.Option
	// Name is the name of the cluster, which all its servers share. "" means "smartsocket".
	// Clusters with different names on the same NATS do not hear each other.
	Name string
	// Node is the name of this server in the logs and gaps of the others. It has at most
	// smartsocket.MaxNodeName bytes. "" means the host name and the process id.
	Node string
	// OnGap is called for every gap in what another node published, so that the program can send
	// the current state again. It is called before the next broadcast of that node is delivered,
	// and delays it. Return soon, and do not call Close. It may be called concurrently.
	OnGap func(Gap)
	// MaxAge is how old a broadcast may be when it comes out of the queue here or arrives from
	// another node. What is older is dropped, and counts as lost or late. 0 means 2 s. Clocks that
	// differ do no harm, see docs/CLUSTER.md.
	MaxAge time.Duration
	// Logger receives the cluster's log. nil means slog.Default().
	Logger *slog.Logger

	heartbeat time.Duration // for tests; 0 means 1 s
	silence   time.Duration // for tests; 0 means 2.5 s
}

// Gap is a gap in what one node published to one namespace. It is noticed when the node's next
// broadcast arrives. Whatever came before the first broadcast that was heard of a node does not
// count as a gap.
type Gap struct {
	Node      string // the node that published
	Namespace string
	Missed    uint64 // number of missing broadcasts; not all of them need have had receivers here
}

// OptionError says which field of Options cannot be used, and how to mend it. It never contains a
// URL, because that may have credentials.
type OptionError struct {
	Field string // name of the field in Go
	Fix   string
}

// Error names the field and the fix.
func (e *OptionError) Error() string { return "cluster: Options." + e.Field + ": " + e.Fix }

const (
	defaultMaxAge = 2 * time.Second
	// defaultHeartbeat is how often a node greets the others and asks NATS for an answer.
	defaultHeartbeat = time.Second
	// defaultSilence is how long nothing may be heard of a node, or of NATS.
	defaultSilence = 2500 * time.Millisecond
	// patience is for what NATS should do at once: a write, a round trip, a drain.
	patience = 2 * time.Second
)

// Check returns what New would refuse, as an *OptionError, or nil. It does not connect.
func (o Options) Check() error {
	if (o.URL == "") == (o.Conn == nil) {
		return &OptionError{"URL", "give either the URL of a NATS server or a Conn"}
	}
	if o.URL != "" {
		for i, text := range strings.Split(o.URL, ",") {
			u, err := url.Parse(strings.TrimSpace(text))
			if err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls" &&
				u.Scheme != "ws" && u.Scheme != "wss" {
				return &OptionError{"URL",
					fmt.Sprintf("address %d is not one of a NATS server: write nats://host:4222 "+
						"or tls://host:4222", i+1)}
			}
		}
	}
	if len(o.Node) > smartsocket.MaxNodeName {
		return &OptionError{"Node", fmt.Sprintf("the name has %d bytes: use at most %d",
			len(o.Node), smartsocket.MaxNodeName)}
	}
	if o.MaxAge < 0 {
		return &OptionError{"MaxAge", "it is negative: give a duration, or 0 for 2 s"}
	}
	return nil
}

func (o *Options) setDefaults() {
	if o.Name == "" {
		o.Name = "smartsocket"
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	for _, d := range [...]struct {
		option *time.Duration
		value  time.Duration
	}{
		{&o.MaxAge, defaultMaxAge}, {&o.heartbeat, defaultHeartbeat}, {&o.silence, defaultSilence},
	} {
		if *d.option == 0 {
			*d.option = d.value
		}
	}
}

// Cluster is a smartsocket.Broker on NATS, for one Server. All methods are safe for concurrent use.
// The package comment describes its locks.
type Cluster struct {
	opts    Options
	node    string
	epoch   uint64
	subject subjects
	log     *slog.Logger
	started time.Time
	nc      *nats.Conn
	status  chan nats.Status
	life    context.Context // ends when Close begins
	end     context.CancelFunc
	watched chan struct{} // closed by the watcher when it ends
	done    chan struct{} // closed by the writer when it ends

	link       link
	maxPayload atomic.Int64 // limit of the NATS server; 0 means not known yet
	stats      counters
	lost       burst // log of what was not sent
	gaps       burst // log of gaps
	tooLate    burst // log of what came too late
	invalid    burst // log of what was not understood
	trouble    burst // log of what NATS complains about

	out   outbox
	peers peers

	mu      sync.Mutex // guards deliver, shards and others
	deliver func(*smartsocket.Envelope) error
	shards  map[int]*nats.Subscription
	others  *nats.Subscription // presence

	known sync.Map // paths of the namespaces that exist here

	gate   sync.RWMutex // read-locked while something is delivered
	closed bool         // guarded by gate
	ended  sync.Once
	endErr error
}

// New checks the options and connects in the background. It does not fail if a NATS server is away;
// the Cluster is degraded until the server comes. Give the Cluster to one Server as Options.Broker;
// the Server's Shutdown and Close close it. If no Server is started with it, call Close yourself.
func New(o Options) (*Cluster, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	o.setDefaults()
	c := &Cluster{
		opts: o, node: nodeName(o.Node), subject: newSubjects(o.Name), log: o.Logger,
		started: time.Now(), nc: o.Conn,
		watched: make(chan struct{}), done: make(chan struct{}),
		shards: make(map[int]*nats.Subscription),
	}
	c.life, c.end = context.WithCancel(context.Background())
	var random [8]byte
	rand.Read(random[:])
	c.epoch = binary.BigEndian.Uint64(random[:])
	c.out.wake = make(chan struct{}, 1)
	c.out.namespaces = make(map[string]*outNamespace)
	c.peers.all = make(map[peerKey]*peer)
	if c.nc == nil {
		if err := c.connect(); err != nil {
			return nil, err
		}
	}
	c.status = c.nc.StatusChanged()
	c.refresh()
	if !c.up(c.now()) {
		c.log.Warn("NATS is not there yet: broadcasts stay on this server until it is", "node",
			c.node)
	}
	go c.watch()
	go c.write()
	return c, nil
}

func nodeName(name string) string {
	if name != "" {
		return name
	}
	host, _ := os.Hostname() // without a host name the process id must do
	return defaultName(host, os.Getpid())
}

// defaultName cuts the host's name, if need be.
func defaultName(host string, process int) string {
	id := fmt.Sprintf("-%d", process)
	return host[:min(len(host), smartsocket.MaxNodeName-len(id))] + id
}

// connect makes the connection to URL.
func (c *Cluster) connect() error {
	options := append([]nats.Option{
		nats.Name("smartsocket " + c.node),
		nats.NoEcho(),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, 250*time.Millisecond),
		nats.ReconnectBufSize(-1), // what could not be sent in time is useless later
		nats.ReconnectOnFlusherError(),
		nats.FlusherTimeout(patience),
		nats.DrainTimeout(patience),
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.IgnoreAuthErrorAbort(), // credentials may be corrected while the server runs
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.failed(err) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { c.failed(err) }),
	}, c.opts.NATS...)
	nc, err := nats.Connect(c.opts.URL, options...)
	if err != nil {
		return &OptionError{"URL", "NATS cannot be used: " + c.redact(err)}
	}
	c.nc = nc
	return nil
}

// redact returns the text of an error without the URL, which may contain credentials.
func (c *Cluster) redact(err error) string {
	var bad *url.Error
	if errors.As(err, &bad) {
		return "the URL is malformed"
	}
	text := err.Error()
	for _, part := range strings.Split(c.opts.URL, ",") {
		text = strings.ReplaceAll(text, strings.TrimSpace(part), "(URL)")
		if u, err := url.Parse(strings.TrimSpace(part)); err == nil && u.User != nil {
			text = strings.ReplaceAll(text, u.User.String(), "(hidden)")
			if password, ok := u.User.Password(); ok && password != "" {
				text = strings.ReplaceAll(text, password, "(hidden)")
			}
		}
	}
	return text
}

// failed is called by NATS when something goes wrong in the background.
func (c *Cluster) failed(err error) {
	what := "NATS reports errors"
	if errors.Is(err, nats.ErrSlowConsumer) {
		c.stats.slowConsumers.Add(1)
		what = "this server takes the other nodes' broadcasts too slowly: some were dropped"
	}
	if total := c.trouble.note(c.now(), 1); total > 0 {
		c.log.Warn(what, "node", c.node, "count", total, "error", c.redact(err))
	}
}

// Open subscribes to the namespaces. Server.Start calls it. It waits at most 2 s for NATS to
// confirm. Without NATS it does not fail.
func (c *Cluster) Open(namespaces []string, deliver func(*smartsocket.Envelope) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deliver != nil {
		return errors.New("cluster: a Cluster serves one Server: make another one with New")
	}
	c.deliver = deliver
	for _, path := range namespaces {
		c.known.Store(path, true)
	}
	var err error
	c.known.Range(func(path, _ any) bool {
		err = c.subscribe(path.(string))
		return err == nil
	})
	if err != nil {
		return fmt.Errorf("cluster: subscribing: %s", c.redact(err))
	}
	if c.others, err = c.nc.Subscribe(c.subject.presence, c.meet); err != nil {
		return fmt.Errorf("cluster: subscribing: %s", c.redact(err))
	}
	if c.up(c.now()) {
		if err := c.nc.FlushTimeout(patience); err != nil {
			c.log.Warn("NATS does not answer", "node", c.node, "error", c.redact(err))
		}
		c.greet(greetingNew)
	}
	return nil
}

// Subscribe adds a namespace. Other nodes' broadcasts in it arrive as soon as NATS knows of the
// subscription.
func (c *Cluster) Subscribe(namespace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known.Store(namespace, true)
	if c.deliver == nil {
		return // Open will subscribe
	}
	if err := c.subscribe(namespace); err != nil {
		c.log.Error("the namespace does not hear the other nodes", "namespace", namespace, "error",
			c.redact(err))
	}
}

// subscribe subscribes to the shard of the namespace unless that has been done. The caller holds
// mu.
func (c *Cluster) subscribe(namespace string) error {
	shard := c.subject.shardOf(namespace)
	if c.shards[shard] != nil {
		return nil
	}
	sub, err := c.nc.Subscribe(c.subject.shards[shard], c.receive)
	if err != nil {
		return err
	}
	c.shards[shard] = sub
	return sub.SetPendingLimits(maxPendingMessages, maxPendingBytes)
}

// Close sends what is queued, says goodbye, drains and leaves. It takes a few seconds at most, even
// if NATS is away. It may be called more than once.
func (c *Cluster) Close() error {
	c.ended.Do(func() {
		c.gate.Lock()
		c.closed = true
		c.gate.Unlock()
		c.out.close()
		c.end()
		<-c.done
		c.nc.RemoveStatusListener(c.status)
		c.endErr = c.leave()
	})
	return c.endErr
}

// leave ends the subscriptions, and the connection if it is ours.
func (c *Cluster) leave() error {
	if c.opts.Conn != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		var errs []error
		for _, sub := range c.shards {
			errs = append(errs, sub.Unsubscribe())
		}
		if c.others != nil {
			errs = append(errs, c.others.Unsubscribe())
		}
		if c.nc.IsConnected() {
			errs = append(errs, c.nc.FlushTimeout(patience))
		}
		return errors.Join(errs...)
	}
	gone := c.nc.StatusChanged(nats.CLOSED)
	if err := c.nc.Drain(); err == nil {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-gone:
		case <-timer.C:
		}
	}
	c.nc.Close()
	return nil
}

func (c *Cluster) now() time.Duration { return time.Since(c.started) }
