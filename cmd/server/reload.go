package main

import (
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"sync"
	"syscall"

	"github.com/smartsocket/smartsocket"
)

// reloads reads file, environment and flags again and applies them. What cannot be used, or needs a
// restart, is logged and changes nothing.
type reloads struct {
	srv   *smartsocket.Server
	log   *slog.Logger
	level *slog.LevelVar

	mu      sync.Mutex // held while settings are read and applied
	inForce *settings  // guarded by mu
}

// now does it once, and returns the names of the settings that changed.
func (r *reloads) now() (changed []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh, changed, err := r.inForce.reload(r.inForce, r.srv)
	if err != nil {
		r.log.Error("the configuration was not reloaded, the old one stays", "error", err)
		return nil, err
	}
	fresh.again = r.inForce.again
	r.inForce = fresh
	r.level.Set(fresh.slogLevel())
	if len(changed) == 0 {
		r.log.Info("the configuration was reloaded; nothing changed")
	} else {
		r.log.Info("the configuration was reloaded", "changed", strings.Join(changed, ", "))
	}
	return changed, nil
}

// followReloads reloads at each SIGHUP until stop is called. It returns nil if the settings cannot
// change.
func followReloads(
	c *settings, srv *smartsocket.Server, log *slog.Logger,
) (r *reloads, stop func()) {
	if c.again == nil {
		return nil, func() {}
	}
	r = &reloads{srv: srv, log: log, level: &c.level, inForce: c}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-hangups:
				_, _ = r.now() // its error is in the log
			}
		}
	}()
	return r, func() {
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
