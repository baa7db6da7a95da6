package smartsocket

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"time"
	"unicode/utf8"

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

// Envelope is one broadcast on its way between nodes.
type Envelope struct {
	Node      string   // the publishing node's name
	Epoch     uint64   // random per life of the node, so that a new life's numbers are not taken for the old one's
	Seq       uint64   // counts the node's broadcasts in the namespace from 1, lost ones too: a hole is a loss
	Namespace string   // path
	Names     []string // rooms and socket ids; none = the whole namespace
	Except    []string // rooms and socket ids that are left out
	Event     string
	Options   EmitOption // what the publisher chose; a deadline begins anew at the receiver, since clocks differ
	Binary    bool       // Payload is raw bytes, else JSON text; empty = no data
	Payload   []byte     // what Emit was given, encoded
}

const (
	envelopeVersion = 1

	// The flags.
	envelopeBinary   = 0x01
	envelopeVolatile = 0x02
	envelopeState    = 0x04 // a key follows the event
	envelopeDeadline = 0x08 // nanoseconds follow
	envelopeFlags    = 0x0f

	// MaxNodeName is the longest Envelope.Node in bytes.
	MaxNodeName = 64
)

// Append appends the envelope's wire form to dst:
//
//	version (1)  flags  epoch (8, big endian)  seq  node  namespace  event
//	[state's key]  [deadline in ns]
//	number of names, names…  number of excepted names, names…  payload (the rest)
//
// Numbers are unsigned varints; text is its length as a number, then its bytes.
func (e *Envelope) Append(dst []byte) []byte {
	dst = append(dst, envelopeVersion, e.flags())
	dst = binary.BigEndian.AppendUint64(dst, e.Epoch)
	dst = binary.AppendUvarint(dst, e.Seq)
	for _, text := range [...]string{e.Node, e.Namespace, e.Event} {
		dst = appendText(dst, text)
	}
	if e.Options.how.State {
		dst = appendText(dst, e.Options.how.Key)
	}
	if e.Options.how.Within > 0 {
		dst = binary.AppendUvarint(dst, uint64(e.Options.how.Within))
	}
	for _, list := range [...][]string{e.Names, e.Except} {
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, text := range list {
			dst = appendText(dst, text)
		}
	}
	return append(dst, e.Payload...)
}

func (e *Envelope) flags() (flags byte) {
	if e.Binary {
		flags |= envelopeBinary
	}
	if e.Options.how.Volatile {
		flags |= envelopeVolatile
	}
	if e.Options.how.State {
		flags |= envelopeState
	}
	if e.Options.how.Within > 0 {
		flags |= envelopeDeadline
	}
	return flags
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// ParseEnvelope reads what Append wrote. The result's Payload borrows p; its
// texts are copies. Anything else gives ERR_MSG_001; what it allocates is
// bounded by a small multiple of len(p), whatever p announces.
func ParseEnvelope(p []byte) (Envelope, error) {
	var e Envelope
	if len(p) < 10 || p[0] != envelopeVersion || p[1]&^envelopeFlags != 0 {
		return e, errEnvelope
	}
	r := envelopeReader{p: p[10:]}
	flags := p[1]
	e.Binary = flags&envelopeBinary != 0
	e.Options.how.Volatile = flags&envelopeVolatile != 0
	e.Epoch = binary.BigEndian.Uint64(p[2:])
	e.Seq = r.number(math.MaxUint64)
	e.Node = r.text(MaxNodeName)
	e.Namespace = r.text(math.MaxInt)
	e.Event = r.text(message.MaxEventName)
	if e.Options.how.State = flags&envelopeState != 0; e.Options.how.State {
		e.Options.how.Key = r.text(math.MaxInt)
	}
	if flags&envelopeDeadline != 0 {
		e.Options.how.Within = time.Duration(r.number(math.MaxInt64))
		r.bad = r.bad || e.Options.how.Within == 0
	}
	e.Names = r.list()
	e.Except = r.list()
	e.Payload = r.p
	if r.bad || e.Node == "" || e.Seq == 0 {
		return Envelope{}, errEnvelope
	}
	return e, nil
}

var errEnvelope = &Error{Code: message.CodeInvalidFormat, Message: "not a broadcast of this version between nodes: run one version on all of them, and let nobody else publish to their subjects"}

// envelopeReader takes an envelope apart; bad sticks.
type envelopeReader struct {
	p   []byte
	bad bool
}

func (r *envelopeReader) number(limit uint64) uint64 {
	n, size := binary.Uvarint(r.p)
	if size <= 0 || n > limit || size > 1 && r.p[size-1] == 0 { // the last: not the shortest form
		r.bad, r.p = true, nil
		return 0
	}
	r.p = r.p[size:]
	return n
}

func (r *envelopeReader) text(limit int) string {
	n := r.number(uint64(min(limit, len(r.p))))
	if n > uint64(len(r.p)) {
		r.bad, r.p = true, nil
		return ""
	}
	text := string(r.p[:n])
	r.p = r.p[n:]
	return text
}

// list grows with what is there and not with what is announced.
func (r *envelopeReader) list() []string {
	var list []string
	for n := r.number(math.MaxUint64); n > 0 && !r.bad; n-- {
		text := r.text(maxRoomName)
		if text == "" {
			r.bad = true
		}
		list = append(list, text)
	}
	return list
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
			all = append(all, s.id)
		}
		except = all
	}
	e := Envelope{
		Namespace: t.ns.path, Names: names, Except: except,
		Event: o.Name, Options: EmitOption{o.Options}, Binary: o.Flags&message.FlagBinary != 0, Payload: o.Payload.B,
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
		return errorf(message.CodeInvalidNamespace, "no namespace %.40q here", e.Namespace)
	}
	if err := checkEmit(e.Event); err != nil {
		return err
	}
	if err := v.checkSize(e.Event, len(e.Payload)); err != nil {
		return err
	}
	if !e.Binary && len(e.Payload) > 0 && !(message.ValidJSON(e.Payload) && utf8.Valid(e.Payload)) {
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
	if v.opts.Broker == nil {
		return nil
	}
	v.mu.Lock()
	paths := slices.Collect(maps.Keys(v.namespaces))
	v.joined = true
	v.mu.Unlock()
	return v.opts.Broker.Open(paths, v.deliver)
}

func (v *Server) closeBroker() error {
	if v.opts.Broker == nil {
		return nil
	}
	return v.opts.Broker.Close()
}
