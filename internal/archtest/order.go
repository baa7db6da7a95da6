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
	"doc.go", "serve.go", "shutdown.go", "housekeeper.go",
	// The way of a message and of a resume.
	"accept.go", "connect.go", "conn.go", "resume.go", "event.go", "ratelimit.go", "job.go",
	"middleware.go", "clock.go", "auth.go",
	// What an application calls.
	"emit.go", "broker.go", "handlers.go", "call.go", "ack.go", "answer.go", "lifecycle.go",
	// What all of them stand on.
	"stats.go", "data.go", "reload.go", "namespace.go", "server.go", "options.go", "socket.go",
	"errors.go",
}
