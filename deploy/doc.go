// Package deploy has files to run the server with, and tests that use them: with the programs that
// read them, where these are on the machine, and with their libraries. It is a module of its own,
// because those libraries are none of the server's business. README.md lists the files.
package deploy
