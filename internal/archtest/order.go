package archtest

// readingOrder is the order in which the files of the root package are read: the life of a server,
// the way of a message and of a resume, what an application calls, and the types that all of them
// stand on. A file may name what stands below it in this list. A reference upwards is a loop for
// the reader.
//
// The list has exactly today's files, see TestReadingOrderIsTrue. It was chosen so that few
// references go upwards.
var readingOrder = []string{
	// The life of a server.
	"doc.go", "shutdown.go", "housekeeper.go", "warnings.go",
	// The way of a message and of a resume.
	"accept.go", "connect.go", "event.go", "ratelimit.go", "job.go", "clock.go", "conn.go",
	"answer.go", "resume.go",
	// What an application calls.
	"broker.go", "handlers.go", "middleware.go", "emit.go", "lifecycle.go", "auth.go", "ack.go",
	// What all of them stand on.
	"stats.go", "socket.go", "namespace.go", "server.go", "reload.go", "options.go", "data.go",
	"errors.go", "log.go",
}
