package registry

// The lifecycle events that handlers are registered for by name: what happens to an owner, as
// opposed to what it is sent.
const (
	Connected    = "connected"
	Disconnected = "disconnected"
	Error        = "error"
	Limited      = "rate-limit"
)

// Lifecycle returns the lifecycle event with this name or alias, "" if there is none.
func Lifecycle(event string) string {
	switch event {
	case Connected, "connect", "connection":
		return Connected
	case Disconnected, "disconnect":
		return Disconnected
	case Error, Limited:
		return event
	}
	return ""
}
