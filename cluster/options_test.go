package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/smartsocket/smartsocket"
)

func quietLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestOptionErrorsHideURLs(t *testing.T) {
	for _, step := range []struct {
		field string
		o     Options
	}{
		{"URL", Options{}},
		{"URL", Options{URL: "nats://a:4222", Conn: new(nats.Conn)}},
		{"URL", Options{URL: "localhost:4222"}},
		{"URL", Options{URL: "http://user:s3cret@localhost"}},
		{"URL", Options{URL: "nats://user:s3cret@ho st:4222"}},
		{"URL", Options{URL: "nats://user:s3cret@"}},
		{"URL", Options{URL: "nats://a:4222,nats://user:s3cret%zz@b"}},
		{"URL", Options{URL: "nats://user:s3cret@127.0.0.1:1",
			NATS: []nats.Option{nats.UserCredentials("/does/not/exist")}}},
		{"MaxAge", Options{URL: "nats://a:4222", MaxAge: -1}},
		{"Node", Options{URL: "nats://a:4222", Node: strings.Repeat("n", 65)}},
	} {
		_, err := New(step.o)
		var bad *OptionError
		if !errors.As(err, &bad) || bad.Field != step.field ||
			strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%+v: %v, want an error about %s", step.o, err, step.field)
		}
	}
	long := nodeName("")
	if long == "" || len(long) > smartsocket.MaxNodeName {
		t.Errorf("the default name is %q", long)
	}
}

// Whatever text has a part of the URL, it comes out without.
func TestRedact(t *testing.T) {
	c := &Cluster{opts: Options{
		URL: "nats://user:s3cret@one:4222, nats://two:4222,nats://t0ken@three:4222,nats://a:@four"}}
	for text, want := range map[string]string{
		"cannot reach nats://user:s3cret@one:4222 now": "cannot reach (URL) now",
		"bad user:s3cret":    "bad (hidden)",
		"s3cret is wrong":    "(hidden) is wrong",
		"nats://two:4222":    "(URL)",
		"t0ken, or none":     "(hidden), or none",
		"two words stay":     "two words stay",
		"a:, and :4222 stay": "(hidden), and :4222 stay",
	} {
		if got := c.redact(errors.New(text)); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
	bad := &url.Error{URL: "nats://user:s3cret@ho st", Err: errors.New("a space")}
	if got := c.redact(fmt.Errorf("connecting: %w", bad)); got != "the URL is malformed" {
		t.Errorf("a URL that cannot be read gives %q", got)
	}
}

// Every scheme of NATS is taken, and no other. The error says which of the addresses is wrong.
func TestAddressesOfNATS(t *testing.T) {
	for _, good := range []string{"nats://a", "tls://a:1", "ws://a", "wss://a:1",
		"nats://a:1, tls://u:p@b:2 ,wss://c"} {
		if err := (Options{URL: good}).Check(); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, number := range map[string]int{"http://a": 1, "natss://a": 1, "nats:": 1, "a:4222": 1,
		"nats://a,": 2, "nats://a,tls://b,nats//c": 3, "nats://a,nats://b:port": 2} {
		err := Options{URL: bad}.Check()
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("address %d is not", number)) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	ok := Options{URL: "nats://a", Node: strings.Repeat("n", smartsocket.MaxNodeName)}
	if err := ok.Check(); err != nil {
		t.Errorf("the longest name: %v", err)
	}
}

// What is not given has the values that the documentation names.
func TestDefaultsOfOptions(t *testing.T) {
	var o Options
	o.setDefaults()
	if o.Name != "smartsocket" || o.Logger == nil || o.MaxAge != 2*time.Second ||
		o.heartbeat != time.Second || o.silence != 2500*time.Millisecond {
		t.Errorf("%+v", o)
	}
	given := Options{Name: "a", MaxAge: 1, heartbeat: 2, silence: 3, Logger: quietLogger()}
	o = given
	if o.setDefaults(); !reflect.DeepEqual(o, given) {
		t.Errorf("%+v became %+v", given, o)
	}
	if name := nodeName("given"); name != "given" {
		t.Errorf("the name is %q", name)
	}
	long := strings.Repeat("h", 100)
	for host, want := range map[string]string{"": "-123", "host": "host-123",
		long: long[:smartsocket.MaxNodeName-4] + "-123"} {
		if got := defaultName(host, 123); got != want {
			t.Errorf("process 123 on %q is %q", host, got)
		}
	}
	if name, end := nodeName(""), fmt.Sprintf("-%d", os.Getpid()); !strings.HasSuffix(name, end) {
		t.Errorf("the name is %q, want %s at its end", name, end)
	}
}

// A wrong password is not a reason to write it into the log.
func TestCredentialsAreNotLogged(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true,
		NoSigs: true, Username: "u", Password: "right"})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer stopNATS(s)
	if !s.ReadyForConnections(hangs) {
		t.Fatal("the NATS server does not start")
	}
	log := new(logBook)
	logger := slog.New(smartsocket.NewLogHandler(log, smartsocket.LevelTrace))
	wrong, err := New(Options{URL: fmt.Sprintf("nats://u:s3cret@%s", s.Addr()), Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	right, err := New(Options{URL: fmt.Sprintf("nats://u:right@%s", s.Addr()), Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the right password to work", func() bool {
		return right.Stats().State == Connected
	})
	eventually(t, "the refusal to be logged", func() bool {
		return log.count("Authorization Violation") > 0
	})
	if st := wrong.Stats(); st.State != Degraded {
		t.Errorf("with the wrong password: %+v", st)
	}
	wrong.Close()
	right.Close()
	if log.count("s3cret")+log.count("u:right") != 0 {
		t.Errorf("a password is in the log: %s", log.text.String())
	}
}

// A connection that the program made itself is used, and left as it was.
func TestGivenConnection(t *testing.T) {
	broker := startNATS(t, -1)
	nc := connect(t, broker)
	c, err := New(Options{Conn: nc, Node: "given", Logger: quietLogger()})
	if err != nil {
		t.Fatal(err)
	}
	own := make(chan string, 10)
	if err := c.Open([]string{"/"}, func(e *smartsocket.Envelope) error {
		own <- e.Node
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if c.Open(nil, nil) == nil {
		t.Error("one Cluster was opened by two servers")
	}
	n := startNode(t, broker.ClientURL(), "n")
	eventually(t, "both to know each other", func() bool {
		return c.Stats().Nodes == 2 && n.cluster.Stats().Nodes == 2
	})
	u := n.dial("/")
	c.Publish(smartsocket.Envelope{Namespace: "/", Event: "msg"})
	u.want("msg ")
	emit(t, n.server, "msg", 1)
	if from := <-own; from != "n" {
		t.Errorf("heard %q: the connection's echo was not left out", from)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	if !nc.IsConnected() || nc.NumSubscriptions() != 0 {
		t.Errorf("connected %v, %d subscriptions: want an open connection without any",
			nc.IsConnected(), nc.NumSubscriptions())
	}
}

// Close leaves none of the goroutines of NATS behind, whether NATS is there or not.
func TestCloseLeavesNothing(t *testing.T) {
	broker := startNATS(t, -1)
	for _, url := range []string{broker.ClientURL(), "nats://127.0.0.1:1"} {
		for range 3 {
			c, err := New(Options{URL: url, Logger: quietLogger()})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Open([]string{"/a", "/b"}, func(*smartsocket.Envelope) error {
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			if !c.gate.TryRLock() {
				t.Error("a message that came during Close waits without end")
			}
		}
	}
	stopNATS(broker)
	eventually(t, "the goroutines of NATS to end", func() bool {
		return !strings.Contains(stacks(), "nats.go.(*Conn)")
	})
}
