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
func followReloads(c *config, srv *smartsocket.Server, log *slog.Logger) (stop func()) {
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
func (c *config) reload(
	old *config, srv *smartsocket.Server,
) (fresh *config, changed []string, err error) {
	if fresh, err = c.again(); err != nil {
		return nil, nil, err
	}
	own := []string{}
	for i, s := range fresh.settings() {
		if s.field == "Addr" || isOption(s.field) ||
			reflect.DeepEqual(s.v.Interface(), old.settings()[i].v.Interface()) {
			continue
		}
		if s.name != "logLevel" {
			return nil, nil,
				errors.New(s.name + ": this change needs a restart, and nothing was changed")
		}
		own = append(own, s.name)
	}
	fields, err := srv.Reload(fresh.options(nil))
	if err != nil {
		return nil, nil, err
	}
	names := make(map[string]string)
	for _, s := range fresh.settings() {
		names[s.field] = s.name
	}
	for _, f := range fields {
		changed = append(changed, names[f])
	}
	return fresh, append(changed, own...), nil
}

// isOption reports whether a setting belongs to the library.
func isOption(field string) bool {
	_, ok := reflect.TypeFor[smartsocket.Options]().FieldByName(field)
	return ok
}
