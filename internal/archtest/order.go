package archtest

// readingOrder is the order in which the files of the root package are read: the life of a server,
// the way of a message, what an application holds in its hands, what all of them use. A file may
// name what stands below it in this list; a reference upwards is a loop for the reader.
//
// The list has files of today and a few that are planned. A root file that is missing here fails
// TestEveryRootFileHasAPlace.
var readingOrder = []string{
	// The life of a server.
	"doc.go", "server.go", "serve.go", "shutdown.go", "reload.go", "options.go", "warnings.go",
	// The way of a message.
	"accept.go", "connect.go", "conn.go", "event.go", "job.go", "answer.go",
	// What an application holds in its hands.
	"socket.go", "namespace.go", "target.go", "emit.go", "ack.go",
	"question.go", "handlers.go", "lifecycle.go", "middleware.go", "resume.go", "clock.go",
	"auth.go", "encryption.go", "limits.go", "ratelimit.go",
	// What all of them use.
	"broker.go", "data.go", "errors.go", "log.go", "stats.go", "housekeeper.go",
}
