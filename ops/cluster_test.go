package ops

import (
	"crypto/tls"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/cluster"
	"github.com/smartsocket/smartsocket/internal/selfsigned"
)

// The broker and the other nodes have their figures.
func TestClusterIsShown(t *testing.T) {
	broker, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	broker.Start()
	t.Cleanup(func() { broker.Shutdown(); broker.WaitForShutdown() })
	if !broker.ReadyForConnections(30 * time.Second) {
		t.Fatal("NATS is not ready")
	}
	var nodes []*cluster.Cluster
	var servers []*smartsocket.Server
	for _, name := range []string{"red", "blue"} {
		c, err := cluster.New(cluster.Options{URL: broker.ClientURL(), Node: name,
			Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, c)
		o := smartsocket.Options{Broker: c}
		if name == "red" { // which has all metrics that there are
			certificate, err := selfsigned.New(1)
			if err != nil {
				t.Fatal(err)
			}
			o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
		}
		servers = append(servers, start(t, o, nil))
	}
	h := Handler(servers[0], Options{Cluster: nodes[0]})
	deadline := time.Now().Add(30 * time.Second)
	for nodes[0].Stats().Nodes < 2 || nodes[0].Stats().Received < 3 {
		if time.Now().After(deadline) {
			t.Fatalf("the nodes do not meet: %+v", nodes[0].Stats())
		}
		if _, err := servers[1].Emit("news", 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	for name, want := range map[string]float64{
		"smartsocket_broker_connected":                 1,
		"smartsocket_broker_nodes":                     2,
		`smartsocket_broker_node_info{node="red"}`:     1,
		`smartsocket_broker_peer_present{peer="blue"}`: 1,
	} {
		if got, ok := metric(t, h, name); !ok || got != want {
			t.Errorf("%s is %v (there: %t), want %v", name, got, ok, want)
		}
	}
	checkPage(t, h)
	received, _ := metric(t, h, "smartsocket_broker_received_total")
	if of, ok := metric(t, h, `smartsocket_broker_peer_received_total{peer="blue"}`); !ok ||
		received < 3 || of < 3 {
		t.Errorf("%v received, %v of blue", received, of)
	}
	list := get[NodeList](t, h, "/api/nodes")
	if list.Cluster != "connected" || len(list.Nodes) != 2 || !list.Nodes[0].Self ||
		list.Nodes[0].Node != "red" || list.Nodes[1].Node != "blue" || !list.Nodes[1].Present {
		t.Errorf("%+v", list)
	}
	if _, text := ask(t, h, "GET", "/stats", ""); !strings.Contains(text, `"state":"connected"`) {
		t.Errorf("/stats: %s", text)
	}
}
