package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"

	"github.com/smartsocket/smartsocket"
)

// validate checks what belongs to this program, and lets the library check its options.
func (c *settings) validate() error {
	if _, ok := levels[c.LogLevel]; !ok {
		return c.loaded.Error("logLevel",
			fmt.Errorf("%q is no level: write error, warn, info, debug or trace", c.LogLevel))
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		return c.loaded.Error("logFormat", fmt.Errorf("%q is no format: write text or json",
			c.LogFormat))
	}
	if c.Echo && c.Demo {
		return c.loaded.Error("echo", errors.New(
			"echo and demo exclude each other: switch one of them off"))
	}
	switch name := c.unheeded(); {
	case name == "":
	case c.Echo:
		return c.loaded.Error(name, errors.New(
			"echo lets everybody in and encrypts nothing: switch one of them off"))
	case c.Demo:
		return c.loaded.Error(name, errors.New(
			"the demo's pages are for everybody and know no key: switch one of them off"))
	}
	if c.Port < 0 || c.Port > 65535 {
		return c.loaded.Error("port",
			fmt.Errorf("%d is no port: write 1 to 65535, or 0 for any free one", c.Port))
	}
	if c.ProfileAddr != "" {
		if _, _, err := net.SplitHostPort(c.ProfileAddr); err != nil {
			return c.loaded.Error("profileAddr",
				fmt.Errorf("%q is no address: write host:port, as in 127.0.0.1:6060",
					c.ProfileAddr))
		}
	}
	if err := cmp.Or(c.checkListen(), c.checkNodes()); err != nil {
		return err
	}
	if err := c.checkOps(); err != nil {
		return err
	}
	_, err := smartsocket.New(c.options(nil))
	var bad *smartsocket.OptionError
	if !errors.As(err, &bad) {
		return err
	}
	return c.loaded.Error(bad.Field, errors.New(bad.Fix))
}

// unheeded returns a setting that protects the server, but that echo would ignore and the pages of
// the demo would not satisfy. "" means that there is none.
func (c *settings) unheeded() string {
	switch {
	case c.EncryptionKey != "":
		return "encryptionKey"
	case c.PreviousEncryptionKey != "":
		return "previousEncryptionKey"
	case c.EnableEncryption == smartsocket.Enabled:
		return "enableEncryption"
	case len(c.APIKeys) > 0:
		return "apiKeys"
	case c.RequireAuth:
		return "requireAuth"
	}
	return ""
}

// demoDefaults sets what the demo needs and the user did not set.
func (c *settings) demoDefaults() {
	unset := func(name string) bool { return c.loaded.Get(name).Origin == "" }
	if unset("rateLimitMaxRequests") {
		c.RateLimitMaxRequests = demoMaxRequests
	}
	if unset("enableMessageCache") {
		c.EnableMessageCache = true
	}
	if unset("sendBufferBytes") {
		c.SendBufferBytes = demoSendBuffer
	}
}
