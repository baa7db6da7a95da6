// Package test has the tests that see the server and the client only from outside.
package test
