package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/config"
	"github.com/smartsocket/smartsocket/handover"
)

// settings is everything that can be set: the options of the library, and what only this program
// has. Package config says what the tags mean.
type settings struct {
	// Addr stands for host and port. It comes first, so that they win if they are given too.
	Addr address `config:"addr" help:"host:port, instead of host and port"`

	// Listen are the addresses to listen on, in place of host and port: see parsePlace.
	Listen []string `config:"listen"`

	smartsocket.Options

	// Echo serves a bare WebSocket echo instead of events.
	Echo bool `config:"echo" help:"serve a bare WebSocket echo instead of events"`
	// Demo serves the arena, the chat and their pages on the same port.
	Demo bool `config:"demo" help:"serve the demo too: an arena and a chat, with their pages"`
	// LogLevel is error, warn, info, debug or trace.
	LogLevel string `config:"logLevel" help:"error, warn, info, debug or trace"`
	// LogFormat is text or json.
	LogFormat string `config:"logFormat" help:"text or json"`
	// OpsAddr serves what operators need, see package ops; "" means off.
	OpsAddr string `config:"opsAddr"`
	// OpsToken must be presented there. Without one OpsAddr must be on this machine alone.
	OpsToken string `config:"opsToken" secret:"true"`
	// ProfileAddr serves net/http/pprof; "" means off.
	ProfileAddr string `config:"profileAddr" help:"host:port for profiles alone; empty = off"`
	// NATS is the URL of a NATS server that joins several servers into one. "" means off.
	NATS string `config:"nats" secret:"url"`
	// NodeName is this server's name among them. "" means the host name and the process id.
	NodeName string `config:"nodeName"`

	sockets *handover.Sockets  // those that this process listens on
	drain   context.CancelFunc // ends the program as SIGTERM does
	handed  bool               // another process has taken the sockets over

	loaded *config.Settings          // where each value came from
	level  slog.LevelVar             // level of the logger
	again  func() (*settings, error) // reads the settings again; nil means that they cannot change
}

// defaultSettings returns the defaults of the library and of this program.
func defaultSettings() *settings {
	c := &settings{Options: smartsocket.DefaultOptions(), LogLevel: "info", LogFormat: "text"}
	c.Addr.to = &c.Options
	return c
}

// actions of the program, besides config.Help and config.Print.
const (
	keygen        config.Action = "keygen"
	defaultConfig config.Action = "defaultconfig"
	checkConfig   config.Action = "checkconfig"
	version       config.Action = "version"
	health        config.Action = "health"
)

// source returns where settings come from.
func source(args, environ []string) config.Source {
	return config.Source{
		EnvPrefix: "SMARTSOCKET_", Args: args, Environ: append([]string{}, environ...),
		Usage: usage, Help: optionHelp,
		Actions: map[config.Action]string{
			keygen:        "print a fresh encryption key",
			defaultConfig: "print the defaults as a config file",
			checkConfig:   "check file, environment and flags",
			version:       "print the version, the commit and how it was built",
			health:        "ask the server with these settings whether it is well",
		},
		Words: wordNames(),
	}
}

// parse reads the settings and checks them. The error is a config.Action if the command line asks
// for one. With config.Print, checkConfig and health everything has been read, with others nothing.
func parse(args, environ []string) (*settings, error) {
	c := defaultSettings()
	var err error
	c.loaded, err = config.Load(c, source(args, environ))
	asked := err
	if errors.Is(asked, config.Print) || errors.Is(asked, checkConfig) ||
		errors.Is(asked, health) {
		err = c.loaded.Read()
	}
	if err != nil {
		return c, err
	}
	if c.Demo {
		c.demoDefaults()
	}
	if err := c.validate(); err != nil {
		return c, err
	}
	return c, asked
}

// address is host:port, which it writes into the options.
type address struct{ to *smartsocket.Options }

// UnmarshalText reads host:port. Without a host it means all addresses.
func (a *address) UnmarshalText(b []byte) error {
	text := string(b)
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("%q is no address: write host:port, as in localhost:3000 or :3000", text)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return fmt.Errorf("%q has no numeric port: write host:port, as in localhost:3000", text)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	a.to.Host, a.to.Port = host, n
	return nil
}

// levels are the values of logLevel.
var levels = map[string]slog.Level{
	"error": slog.LevelError,
	"warn":  slog.LevelWarn,
	"info":  slog.LevelInfo,
	"debug": slog.LevelDebug,
	"trace": smartsocket.LevelTrace,
}
