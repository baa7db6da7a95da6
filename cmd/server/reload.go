package main

import (
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"

	"github.com/smartsocket/smartsocket"
)

// followReloads reads file, environment and flags again at each SIGHUP and applies them, until stop
// is called. What cannot be used, or needs a restart, is logged and changes nothing.
func followReloads(c *settings, srv *smartsocket.Server, log *slog.Logger) (stop func()) {
	if c.again == nil {
		return func() {}
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		inForce := c
		for {
			select {
			case <-quit:
				return
			case <-hangups:
			}
			fresh, changed, err := c.reload(inForce, srv)
			if err == nil {
				inForce = fresh
				c.level.Set(fresh.slogLevel())
			}
			switch {
			case err != nil:
				log.Error("the configuration was not reloaded, the old one stays", "error", err)
			case len(changed) == 0:
				log.Info("the configuration was reloaded; nothing changed")
			default:
				log.Info("the configuration was reloaded", "changed", strings.Join(changed, ", "))
			}
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(quit)
		<-done
	}
}

// reload applies the current configuration in place of old and returns the names of what changed.
// On an error nothing changes.
func (c *settings) reload(
	old *settings, srv *smartsocket.Server,
) (fresh *settings, changed []string, err error) {
	if fresh, err = c.again(); err != nil {
		return nil, nil, err
	}
	own := []string{}
	for _, s := range fresh.loaded.Changed(old.loaded) {
		if isOption(s.Field) {
			continue
		}
		if s.Name != "logLevel" {
			return nil, nil,
				errors.New(s.Name + ": this change needs a restart, and nothing was changed")
		}
		own = append(own, s.Name)
	}
	fields, err := srv.Reload(fresh.options(nil))
	if err != nil {
		return nil, nil, err
	}
	for _, f := range fields {
		changed = append(changed, fresh.loaded.Get(f).Name)
	}
	return fresh, append(changed, own...), nil
}

// isOption reports whether a setting belongs to the library.
func isOption(field string) bool {
	_, ok := reflect.TypeFor[smartsocket.Options]().FieldByName(field)
	return ok
}
