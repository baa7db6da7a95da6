package vetting

import (
	"fmt"
	"strings"

	"github.com/smartsocket/smartsocket/message"
)

// namespacesTold is how many namespaces a client is told at most.
const namespacesTold = 20

// UnknownNamespace is what a client is told that asks for a namespace which does not exist. names
// are those that do, nil if the client must not know.
func UnknownNamespace(names []string) *message.Error {
	if names == nil {
		return message.New(message.CodeInvalidNamespace,
			"no such namespace here: check the path")
	}
	more := ""
	if n := len(names) - namespacesTold; n > 0 {
		names, more = names[:namespacesTold], fmt.Sprintf(" and %d more", n)
	}
	return message.New(message.CodeInvalidNamespace, "no such namespace here: the server has "+
		strings.Join(names, ", ")+more)
}
