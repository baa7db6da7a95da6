package test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
)

// holder is a server whose event "hold" holds a loop until release is called.
func holder(t *testing.T, o Options) (v *Server, release func()) {
	t.Helper()
	free := make(chan struct{})
	v = startServer(t, o, func(v *Server) {
		v.On("hold", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {
			<-free
		}, smartsocket.Inline)
		v.On("block", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {
			<-free
		})
	})
	released := false
	release = func() {
		if !released {
			released = true
			close(free)
		}
	}
	t.Cleanup(release)
	return v, release
}

// healthOf asks for the health of v, and returns 0 if there is no answer.
func healthOf(v *Server, path string) (status int, body string) {
	nc, err := net.Dial("tcp", v.Addr().String())
	if err != nil {
		return 0, err.Error()
	}
	defer nc.Close()
	_, _ = io.WriteString(nc, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
	r, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return 0, err.Error()
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, err.Error()
	}
	return r.StatusCode, string(text)
}

// unhealthy waits until v says so, and returns the reason.
func unhealthy(t *testing.T, v *Server) (reason string) {
	t.Helper()
	eventually(t, "the held loop to be noticed", func() bool {
		err := v.Healthy()
		if err != nil {
			reason = err.Error()
		}
		return err != nil
	})
	return reason
}

// While one loop is held, every connection that comes goes to the others, and hears 503. The loop
// that accepts may be the one.
func TestHeldLoopIsTold(t *testing.T) {
	for others := range 2 { // connections come to the loops in turn
		v, release := holder(t, Options{Loops: 2})
		for range others {
			dialPlain(t, v, "/")
		}
		dialPlain(t, v, "/").send(frame.Text, []byte(`{"event":"hold"}`))
		if reason := unhealthy(t, v); !strings.Contains(reason, "1 of 2 event loops") {
			t.Errorf("the reason is %q", reason)
		}
		for range 20 { // whichever loop each goes to
			if status, body := healthOf(v, "/healthz"); status != 503 ||
				!strings.Contains(body, `"healthy":false`) {
				t.Fatalf("/healthz: %d %s", status, body)
			}
			if status, body := healthOf(v, "/readyz"); status != 503 ||
				!strings.Contains(body, `"ready":false`) {
				t.Fatalf("/readyz: %d %s", status, body)
			}
			dialFull(t, v, "/").nc.Close() // clients are served
		}
		release()
		eventually(t, "the loop to be back", func() bool {
			status, _ := healthOf(v, "/readyz")
			return status == 200
		})
	}
}

// While all loops are held, whoever comes hears 503 all the same, and so does who came just before.
func TestAllLoopsHeldAreTold(t *testing.T) {
	for _, loops := range []int{1, 2} {
		v, release := holder(t, Options{Loops: loops})
		for range loops {
			dialPlain(t, v, "/").send(frame.Text, []byte(`{"event":"hold"}`))
		}
		early := make(chan int, 1)
		go func() {
			status, _ := healthOf(v, "/healthz")
			early <- status
		}()
		unhealthy(t, v)
		eventually(t, "an answer", func() bool {
			status, body := healthOf(v, "/healthz")
			return status == 503 && strings.Contains(body, `"healthy":false`)
		})
		release()
		if status := <-early; status != 503 && status != 200 {
			t.Errorf("who came before it was noticed has the status %d", status)
		}
		eventually(t, "the loops to be back", func() bool {
			status, _ := healthOf(v, "/healthz")
			return status == 200
		})
		dialFull(t, v, "/")
	}
}

// The goroutines of handlers are asked too.
func TestHeldWorkersAreTold(t *testing.T) {
	v, release := holder(t, Options{Workers: 2})
	for range 3 {
		dialPlain(t, v, "/").send(frame.Text, []byte(`{"event":"block"}`))
	}
	if reason := unhealthy(t, v); !strings.Contains(reason, "goroutines of handlers") {
		t.Errorf("the reason is %q", reason)
	}
	if status, _ := healthOf(v, "/healthz"); status != 503 {
		t.Errorf("/healthz: %d", status)
	}
	release()
	eventually(t, "the goroutines to be back", func() bool { return v.Healthy() == nil })
}
