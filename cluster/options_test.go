package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

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
		}
	}
	stopNATS(broker)
	eventually(t, "the goroutines of NATS to end", func() bool {
		return !strings.Contains(stacks(), "nats.go.(*Conn)")
	})
}
