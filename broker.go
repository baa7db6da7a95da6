package smartsocket

import (
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/smartsocket/smartsocket/internal/envelope"
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/message"
)

// Broker joins several servers into one for broadcasts: what one of them emits
// reaches the matching sockets of all. Package cluster has one on NATS. A
// Broker belongs to one Server, which calls its methods concurrently.
type Broker interface {
	// Open is called once, by Start, with the paths of the namespaces that exist.
	// From then on deliver is called for every broadcast of another node in these
	// namespaces and in those of Subscribe: at most once per broadcast, and for
	// each (node, namespace) one at a time, in the order in which that node
	// published. Broadcasts may be missing, never repeated and never reordered.
	// There is no order between nodes.
	//
	// deliver borrows the Envelope until it returns; it queues for the local
	// sockets and waits for none. Its error says that the broadcast was not one
	// that a server could have sent.
	Open(namespaces []string, deliver func(*Envelope) error) error
	// Subscribe adds a namespace that Open was not told of. It may be called while
	// Open runs, and must not wait for the network.
	Subscribe(namespace string)
	// Publish passes a broadcast on to all other nodes: at most once, and in the
	// order of the calls for all that one namespace has. It fills in Node, Epoch
	// and Seq and borrows the rest for the call. It never waits: what cannot be
	// sent soon is lost, and the Broker counts it.
	Publish(e Envelope)
	// Close is called once the last client is gone. When it returns, deliver is
	// not running and is not called any more. Idempotent.
	Close() error
}

// MaxNodeName is the longest Envelope.Node in bytes.
const MaxNodeName = envelope.MaxNode

// Envelope is one broadcast on its way between nodes.
type Envelope struct {
	// Node is the name of the node that publishes.
	Node string
	// Epoch is random for each life of the node, so that the numbers of a new life are not taken
	// for those of the old one.
	Epoch uint64
	// Seq counts the node's broadcasts in the namespace from 1, lost ones too: a hole is a loss.
	Seq       uint64
	Namespace string   // path
	Names     []string // rooms and socket ids; none means the whole namespace
	Except    []string // rooms and socket ids that are left out
	Event     string
	// Options are what the publisher chose. A deadline begins anew at the receiver, because clocks
	// differ.
	Options EmitOption
	Binary  bool   // Payload is raw bytes, otherwise it is JSON text; empty means no data
	Payload []byte // what Emit was given, encoded
}

// Append appends the envelope's wire form to dst, for ParseEnvelope.
func (e *Envelope) Append(dst []byte) []byte {
	return (&envelope.Envelope{
		Node: e.Node, Epoch: e.Epoch, Seq: e.Seq, Namespace: e.Namespace, Names: e.Names,
		Except: e.Except, Event: e.Event, Options: e.Options.how, Binary: e.Binary,
		Payload: e.Payload,
	}).Append(dst)
}

// ParseEnvelope reads what Append wrote. The result's Payload borrows p; its texts are copies.
// Anything else gives ERR_MSG_001. What it allocates is bounded by a small multiple of len(p),
// whatever p announces.
func ParseEnvelope(p []byte) (Envelope, error) {
	e, err := envelope.Parse(p)
	return Envelope{
		Node: e.Node, Epoch: e.Epoch, Seq: e.Seq, Namespace: e.Namespace, Names: e.Names,
		Except: e.Except, Event: e.Event, Options: EmitOption{e.Options}, Binary: e.Binary,
		Payload: e.Payload,
	}, err
}

// publish passes the broadcast on to the other nodes. It runs before the local
// sockets are sent to: what a client answers to this broadcast is then
// published behind it.
func (t *Target) publish(b Broker, o *outgoing.Event) {
	names := usable(t.names)
	if len(t.names) > 0 && !t.mayBeElsewhere(names) {
		return
	}
	except := usable(t.except)
	if len(t.out) > 0 {
		all := make([]string, 0, len(except)+len(t.out))
		all = append(all, except...)
		for _, s := range t.out {
			all = append(all, s.place.ID)
		}
		except = all
	}
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

// mayBeElsewhere reports whether other nodes may have any of the names: not when
// all of them are the ids of sockets that are here.
func (t *Target) mayBeElsewhere(names []string) bool {
	for _, name := range names {
		if !isSocketID(name) {
			return true
		}
		if _, here := t.ns.srv.ids.Load(name); !here {
			return true
		}
	}
	return false
}

// usable leaves out the names that no room and no socket can have. It copies only if there are any.
func usable(names []string) []string {
	for i, name := range names {
		if name != "" && len(name) <= maxRoomName {
			continue
		}
		kept := append([]string(nil), names[:i]...)
		for _, name := range names[i+1:] {
			if name != "" && len(name) <= maxRoomName {
				kept = append(kept, name)
			}
		}
		return kept
	}
	return names
}

// deliver sends a broadcast of another node to the sockets that are here.
func (v *Server) deliver(e *Envelope) error {
	v.mu.RLock()
	ns := v.namespaces[e.Namespace]
	v.mu.RUnlock()
	if ns == nil {
		return fault.Errorf(message.CodeInvalidNamespace, "no namespace %.40q here", e.Namespace)
	}
	if err := outgoing.CheckEvent(e.Event); err != nil {
		return err
	}
	if err := outgoing.CheckSize(e.Event, len(e.Payload), v.fixed.MaxMessageBytes); err != nil {
		return err
	}
	if !e.Binary && len(e.Payload) > 0 &&
		!(message.ValidJSON(e.Payload) && utf8.Valid(e.Payload)) {
		return errBadJSON
	}
	o := outgoing.New(e.Event, len(e.Payload), v.current().deflater())
	defer o.Release()
	o.Options = e.Options.how
	if e.Binary {
		o.Flags = message.FlagBinary
	}
	o.Payload.B = append(o.Payload.B, e.Payload...)
	(&Target{ns: ns, names: e.Names, except: e.Except, local: true}).send(o)
	return nil
}

// openBroker joins the other nodes.
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
