// Package browser measures the browser client in real browsers: its codec engines beside plain JSON
// and Socket.IO's parser, how soon a page has its first event, and what memory it keeps. It
// consists of tests: make bench-browser runs the benchmarks, and go test checks that all codecs
// agree.
//
// Read site_test.go (what the page talks to), then bench_test.go and start_test.go.
package browser
