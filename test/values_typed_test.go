package test

import (
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// The typed getters return a zero value where there is nothing, or something else.
func TestTypedGetters(t *testing.T) {
	f := smartsockettest.NewFake(t, "/", nil)
	if err := f.Authenticated("ann"); err != nil {
		t.Fatal(err)
	}
	f.Set("lives", 3)
	if who := smartsocket.IdentityOf[string](f.Socket); who != "ann" {
		t.Errorf("the identity is %q", who)
	}
	if n := smartsocket.IdentityOf[int](f.Socket); n != 0 {
		t.Errorf("as an int it is %d", n)
	}
	if n := smartsocket.Value[int](f.Socket, "lives"); n != 3 {
		t.Errorf("%d lives", n)
	}
	for _, key := range []string{"lives", "none"} {
		if s := smartsocket.Value[string](f.Socket, key); s != "" {
			t.Errorf("%s as a string is %q", key, s)
		}
	}
}
