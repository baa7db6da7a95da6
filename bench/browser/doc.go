// Package browser measures the codec engines of the browser client in real browsers, beside plain
// JSON and Socket.IO's parser. It consists of tests: make bench-browser runs the benchmark, and go
// test checks that all of them agree.
//
// Read site_test.go (what the page talks to), then bench_test.go.
package browser
