package main

import (
	"errors"
	"log/slog"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/cluster"
)

// nodes are the options of the cluster package as configured.
func (c *config) nodes(log *slog.Logger) cluster.Options {
	return cluster.Options{URL: c.NATS, Node: c.NodeName, Logger: log}
}

// checkNodes checks what joins this server with others.
func (cmd *command) checkNodes() error {
	c := cmd.config
	if c.NATS == "" {
		if c.NodeName != "" {
			return cmd.reject("nodeName", errors.New("a single server needs no name: give nats too, the URL of a NATS server that joins several"))
		}
		return nil
	}
	if c.Echo {
		return cmd.reject("nats", errors.New("echo has no events that other nodes could get: switch one of them off"))
	}
	var bad *cluster.OptionError
	if err := c.nodes(nil).Check(); errors.As(err, &bad) {
		name := map[string]string{"URL": "nats", "Node": "nodeName"}[bad.Field]
		return cmd.reject(name, errors.New(bad.Fix))
	}
	return nil
}

// newServer makes the configured server, joined with others if that is asked for. leave
// is to be called at the end; a server that was started has left by then.
func newServer(c *config, log *slog.Logger) (srv *smartsocket.Server, leave func(), err error) {
	o := c.options(log)
	leave = func() {}
	if c.NATS != "" {
		joined, err := cluster.New(c.nodes(log))
		if err != nil {
			return nil, nil, err
		}
		o.Broker = joined
		leave = func() {
			if err := joined.Close(); err != nil {
				log.Warn("leaving the cluster", "error", err)
			}
		}
	}
	if srv, err = smartsocket.New(o); err != nil {
		leave()
		return nil, nil, err
	}
	return srv, leave, nil
}
