//go:build linux || darwin

package smartsockettest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
)

// Any is the data to expect where all will do.
var Any any = anything{}

type anything struct{}

// Emit sends an event. It returns when that is on its way: Server.Quiet waits until it is handled.
func (c *Client) Emit(event string, data any) {
	c.t.Helper()
	if err := c.Client.Emit(event, data); err != nil {
		c.t.Fatalf("emitting %q failed: %v", event, err)
	}
}

// Call sends an event and returns the answer, which the caller owns. It may return before the
// handler has, so a test that reads what the handler wrote calls Server.Quiet first.
func (c *Client) Call(event string, data any) client.Data {
	c.t.Helper()
	ctx, cancel := c.context()
	defer cancel()
	d, err := c.EmitWithAck(ctx, event, data)
	if err != nil {
		c.t.Fatalf("%q was not answered: %v", event, err)
	}
	return d
}

// Call is Client.Call with the answer decoded into a Res.
func Call[Res any](c *Client, event string, data any) (res Res) {
	c.t.Helper()
	d := c.Call(event, data)
	if err := d.Decode(&res); err != nil {
		c.t.Fatalf("the answer to %q is %s: %v", event, shown(d), err)
	}
	return res
}

// CallFails sends an event that the server is to answer with an error of this code. It returns the
// error.
func (c *Client) CallFails(event string, data any, code message.Code) *client.Error {
	c.t.Helper()
	ctx, cancel := c.context()
	defer cancel()
	d, err := c.EmitWithAck(ctx, event, data)
	if err == nil {
		c.t.Fatalf("the answer to %q is %s, want the error %s", event, shown(d), code)
	}
	return wantCode(c.t, "the answer to \""+event+"\" is an error", err, code)
}

// Expect waits for the next event with this name, checks its data, and returns them. Other events
// that come meanwhile stay for other calls of Expect; so events of one name are expected in order,
// and those of different names in any.
//
// want is what the server gave to Emit, and compared as JSON: a struct, a map, a number. []byte is
// compared as bytes, nil is no data, and Any fits all. If nothing comes, or something else with
// this name, the test fails and lists what the client has got.
func (c *Client) Expect(name string, want any) client.Data {
	c.t.Helper()
	i, ok := c.next(func(i *item) bool { return i.kind == event && i.event == name })
	if !ok {
		c.t.Fatalf("%q did not come within %v. %s", name, c.s.patience, &c.record)
	}
	if different := compare(i.data, want); different != "" {
		c.t.Fatalf("%q came with other data.\n\tgot  %s\n\twant %s\n%s", name, shown(i.data),
			different, &c.record)
	}
	return i.data
}

// ExpectNothing checks that the client has got no event that was not expected, now that all is
// quiet, see Server.Quiet. It needs no time to pass, because the connection is in order: behind a
// round trip, nothing can be on its way any more.
func (c *Client) ExpectNothing() {
	c.t.Helper()
	c.s.Quiet()
	if n := c.record.waiting(); n > 0 {
		c.t.Fatalf("%d events came that were not expected. %s", n, &c.record)
	}
}

// ExpectClosed waits until the connection has ended with this close code, as
// message.CloseKicked. It returns the reason.
func (c *Client) ExpectClosed(code uint16) client.Reason {
	c.t.Helper()
	i, ok := c.next(func(i *item) bool { return i.kind == disconnected })
	if !ok {
		c.t.Fatalf("the connection did not end within %v. %s", c.s.patience, &c.record)
	}
	if i.why.Code != code {
		c.t.Fatalf("the connection ended with close code %d (%s), want %d. %s", i.why.Code,
			i.why.Text, code, &c.record)
	}
	return i.why
}

// next waits for an item that fits.
func (c *Client) next(fits func(*item) bool) (item, bool) {
	end := time.NewTimer(c.s.patience)
	defer end.Stop()
	for {
		i, ok, change := c.record.take(fits)
		if ok {
			return i, true
		}
		select {
		case <-change:
		case <-end.C:
			return item{}, false
		}
	}
}

// payload is the data of an event: client.Data, or what a Fake was sent.
type payload interface {
	Bytes() []byte
	Binary() bool
	Empty() bool
}

// compare returns "" if d is what want says, or want as a failing test shows it.
func compare(d payload, want any) string {
	switch want := want.(type) {
	case anything:
		return ""
	case nil:
		if d.Empty() {
			return ""
		}
		return "no data"
	case []byte:
		if d.Binary() && bytes.Equal(d.Bytes(), want) {
			return ""
		}
		return fmt.Sprintf("bytes %x", want)
	}
	text, err := json.Marshal(want)
	if err != nil {
		return "what is no JSON: " + err.Error()
	}
	var a, b any
	if !d.Binary() && json.Unmarshal(d.Bytes(), &a) == nil && json.Unmarshal(text, &b) == nil &&
		reflect.DeepEqual(a, b) {
		return ""
	}
	return string(text)
}
