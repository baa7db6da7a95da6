// Package browser measures the browser client's codec engines in real browsers, beside plain JSON and Socket.IO's parser.
// It consists of tests: make bench-browser runs the benchmark, go test the check that all of them agree.
package browser
