package cluster_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/cluster"
)

// startNATS runs a NATS server in this process. Yours runs by itself.
func startNATS() *server.Server {
	nats, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	nats.Start()
	if !nats.ReadyForConnections(30 * time.Second) {
		log.Fatal("the NATS server does not start")
	}
	return nats
}

// Two servers share a NATS server. What one emits reaches the clients of both.
func Example() {
	nats := startNATS()
	defer nats.WaitForShutdown()
	defer nats.Shutdown()
	quiet := slog.New(slog.DiscardHandler)

	var servers [2]*smartsocket.Server
	var nodes [2]*cluster.Cluster
	for i := range servers {
		var err error
		nodes[i], err = cluster.New(cluster.Options{
			URL: nats.ClientURL(), Name: "my-game", Node: fmt.Sprint("node-", i), Logger: quiet,
		})
		if err != nil {
			log.Fatal(err)
		}
		servers[i], err = smartsocket.New(smartsocket.Options{
			Host: "127.0.0.1", Port: -1, Broker: nodes[i], Logger: quiet,
		})
		if err != nil {
			log.Fatal(err)
		}
		if err := servers[i].Start(); err != nil {
			log.Fatal(err)
		}
		defer servers[i].Close() // closes its node too
	}
	for nodes[0].Stats().Nodes < 2 { // node-0 has heard of node-1
		time.Sleep(time.Millisecond)
	}

	c, err := client.New("ws://"+servers[1].Addr().String(), client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	got := make(chan string)
	client.On(c, "news", func(text string, _ client.Ack) { got <- text })
	if err := c.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	defer c.Disconnect()

	sent, err := servers[0].Emit("news", "from the first server")
	fmt.Println(sent.Queued, err) // counts this server's own sockets
	fmt.Println("the second server's client got:", <-got)
	// Output:
	// 0 <nil>
	// the second server's client got: from the first server
}
