package smartsocket

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/internal/envelope"
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/hub"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/socketid"
	"github.com/smartsocket/smartsocket/message"
)

// Broker joins several servers, the nodes: what one emits reaches the matching sockets of all.
// Package cluster has one on NATS. A Broker belongs to one Server. Calls are concurrent.
type Broker interface {
	// Open is called once, by Start, with the paths of the namespaces that exist. From then on it
	// calls deliver for each broadcast of another node in these namespaces and in those of
	// Subscribe. Calls for one node and namespace come one at a time, in the order in which that
	// node published. Broadcasts may be missing, never repeated or reordered. There is no order
	// between nodes.
	//
	// deliver borrows the Envelope until it returns. It queues for the local sockets and waits for
	// none. Its error means that no server could have sent the broadcast.
	Open(namespaces []string, deliver func(*Envelope) error) error
	// Subscribe adds a namespace, perhaps while Open runs. It must not wait for the network.
	Subscribe(namespace string)
	// Publish passes a broadcast on to all other nodes, at most once and in the order of the calls
	// for a namespace. It fills in Node, Epoch, Seq and Sent, and borrows the rest for the call. It
	// never waits: what cannot be sent soon is lost, and the Broker counts it.
	Publish(e Envelope)
	// Close is called when the last client is gone. It returns once deliver has ended. Idempotent.
	Close() error
}

// MaxNodeName is the longest Envelope.Node in bytes.
const MaxNodeName = envelope.MaxNode

// Envelope is one broadcast on its way between nodes.
type Envelope struct {
	// Node is the name of the node that publishes.
	Node string
	// Epoch is random for each life of the node, so that numbers of two lives are not confused.
	Epoch uint64
	// Seq counts the node's broadcasts in the namespace from 1, lost ones too: a hole is a loss.
	Seq uint64
	// Sent is when Publish was called, by a clock of the node alone; 0 means not known.
	Sent      time.Duration
	Namespace string   // path
	Names     []string // rooms and socket ids; none means the whole namespace
	Except    []string // rooms and socket ids that are left out
	Event     string
	// Options are the publisher's. A deadline begins anew at the receiver, because clocks differ.
	Options EmitOption
	Binary  bool   // Payload is raw bytes, otherwise it is JSON text; empty means no data
	Payload []byte // what Emit was given, encoded
}

// Append appends the envelope's wire form to dst, for ParseEnvelope.
func (e *Envelope) Append(dst []byte) []byte {
	return (&envelope.Envelope{
		Node: e.Node, Epoch: e.Epoch, Seq: e.Seq, Sent: e.Sent, Namespace: e.Namespace,
		Names: e.Names, Except: e.Except, Event: e.Event, Options: e.Options.how,
		Binary: e.Binary, Payload: e.Payload,
	}).Append(dst)
}

// ParseEnvelope reads what Append wrote, and gives ERR_MSG_001 for anything else. Payload borrows
// p; the texts are copies. It allocates at most a small multiple of len(p), whatever p announces.
func ParseEnvelope(p []byte) (Envelope, error) {
	e, err := envelope.Parse(p)
	return Envelope{
		Node: e.Node, Epoch: e.Epoch, Seq: e.Seq, Sent: e.Sent, Namespace: e.Namespace,
		Names: e.Names, Except: e.Except, Event: e.Event, Options: EmitOption{e.Options},
		Binary: e.Binary, Payload: e.Payload,
	}, err
}

// publish passes the broadcast on before the local sockets get it, so that their answers follow it.
func (t *Target) publish(b Broker, o *outgoing.Event) {
	buf := nameLists.Get().(*[]string)
	all := appendUsable((*buf)[:0], t.names)
	n := len(all)
	all = appendUsable(all, t.except)
	for _, s := range t.out {
		all = append(all, s.place.ID)
	}
	if t.self != nil {
		all = append(all, t.self.place.ID)
	}
	if len(t.names) == 0 || t.mayBeElsewhere(all[:n]) {
		t.pass(b, o, all[:n:n], all[n:])
	}
	clear(all)
	*buf = all[:0]
	nameLists.Put(buf)
}

// nameLists has buffers for copies of a target's names, which the Broker gets. Whatever is passed
// to the method of an interface must lie on the heap. Because of the copies, the names of a Target
// need not.
var nameLists = sync.Pool{New: func() any { return new([]string) }}

// pass gives the broadcast to b, for one namespace or for all.
func (t *Target) pass(b Broker, o *outgoing.Event, names, except []string) {
	e := Envelope{
		Namespace: t.ns.path, Names: names, Except: except,
		Event: o.Name, Options: EmitOption{o.Options},
		Binary: o.Flags&message.FlagBinary != 0, Payload: o.Payload.B,
	}
	if !t.anywhere {
		b.Publish(e)
		return
	}
	for _, ns := range t.ns.srv.eachNamespace() {
		e.Namespace = ns.path
		b.Publish(e)
	}
}

// mayBeElsewhere reports whether other nodes may have a socket or a room with one of these names.
// They have none only for the ids of sockets that are here.
func (t *Target) mayBeElsewhere(names []string) bool {
	for _, name := range names {
		if !socketid.Is(name) {
			return true
		}
		if _, here := t.ns.srv.members.Find(name); !here {
			return true
		}
	}
	return false
}

// appendUsable appends the names that a room or a socket can have.
func appendUsable(dst, names []string) []string {
	for _, name := range names {
		if name != "" && len(name) <= hub.MaxName {
			dst = append(dst, name)
		}
	}
	return dst
}

// deliver sends a broadcast of another node to the sockets that are here.
func (v *Server) deliver(e *Envelope) error {
	v.mu.RLock()
	ns := v.namespaces[e.Namespace]
	v.mu.RUnlock()
	if ns == nil {
		return fault.Errorf(message.CodeInvalidNamespace, "no namespace %.40q here", e.Namespace)
	}
	o, err := outgoing.Relay(
		e.Event, e.Payload, e.Binary, v.fixed.MaxMessageBytes, v.current().deflater())
	if err != nil {
		return err
	}
	defer o.Release()
	o.Options = e.Options.how
	(&Target{ns: ns, names: e.Names, except: e.Except, local: true}).send(o)
	return nil
}

// openBroker joins the broker, if there is one, with the namespaces that exist by now.
func (v *Server) openBroker() error {
	if v.fixed.Broker == nil {
		return nil
	}
	v.mu.Lock()
	paths := slices.Collect(maps.Keys(v.namespaces))
	v.joined = true
	v.mu.Unlock()
	return v.fixed.Broker.Open(paths, v.deliver)
}
