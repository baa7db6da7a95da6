package main

import (
	"errors"
	"log/slog"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/cluster"
)

// clusterOptions returns the options of the cluster package as configured.
func (c *settings) clusterOptions(log *slog.Logger) cluster.Options {
	return cluster.Options{URL: c.NATS, Node: c.NodeName, Logger: log}
}

// checkNodes checks the settings that join this server with others.
func (c *settings) checkNodes() error {
	if c.NATS == "" {
		if c.NodeName != "" {
			return c.loaded.Error("nodeName",
				errors.New("a single server needs no name: give nats too, the URL of a NATS "+
					"server that joins several"))
		}
		return nil
	}
	if c.Echo {
		return c.loaded.Error("nats", errors.New(
			"echo has no events that other nodes could get: switch one of them off"))
	}
	var bad *cluster.OptionError
	if err := c.clusterOptions(nil).Check(); errors.As(err, &bad) {
		name := map[string]string{"URL": "nats", "Node": "nodeName"}[bad.Field]
		return c.loaded.Error(name, errors.New(bad.Fix))
	}
	return nil
}

// newServer makes the configured server, joined with others if the configuration says that.
func newServer(c *settings, log *slog.Logger) (*smartsocket.Server, *nodes, error) {
	o := c.options(log)
	joined := new(nodes)
	if c.NATS != "" {
		var err error
		if joined.cluster, err = cluster.New(c.clusterOptions(log)); err != nil {
			return nil, nil, err
		}
		o.Broker = joined.cluster
	}
	srv, err := smartsocket.New(o)
	if err != nil {
		joined.leave(log)
		return nil, nil, err
	}
	return srv, joined, nil
}

// nodes are the other servers that this one is joined with, if any.
type nodes struct {
	cluster *cluster.Cluster // nil if this server is not joined with others
}

// leave ends what newServer began. A server that was started and stopped has already left.
func (n *nodes) leave(log *slog.Logger) {
	if n.cluster == nil {
		return
	}
	if err := n.cluster.Close(); err != nil {
		log.Warn("leaving the cluster", "error", err)
	}
}

// stats returns those of the cluster, or nil without one.
func (n *nodes) stats() *cluster.Stats {
	if n.cluster == nil {
		return nil
	}
	st := n.cluster.Stats()
	return &st
}
