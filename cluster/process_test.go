package cluster

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// natsProcess is set in the environment of a process that runs a NATS server.
const natsProcess = "SMARTSOCKET_TEST_NATS"

// serveNATS runs a NATS server and tells its address, until nobody holds the other end of its
// standard input any more.
func serveNATS() {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true,
		NoSigs: true})
	if err != nil {
		panic(err)
	}
	s.Start()
	if !s.ReadyForConnections(hangs) {
		panic("the NATS server does not start")
	}
	fmt.Println(s.ClientURL())
	io.Copy(io.Discard, os.Stdin)
}

// startProcess runs a NATS server in a process of its own until the test ends.
func startProcess(t *testing.T) (p *os.Process, url string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), natsProcess+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill() // also if it is stopped
		cmd.Wait()
	})
	url, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the NATS server has no address: %v", err)
	}
	return cmd.Process, strings.TrimSpace(url)
}
