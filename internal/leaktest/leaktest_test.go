package leaktest

import "testing"

func TestOursAreFoundAndNobodyElses(t *testing.T) {
	const stacks = "goroutine 1 [running]:\n" +
		"github.com/smartsocket/smartsocket/reactor.TestMain()\n\n" +
		"goroutine 2 [select]:\ngithub.com/smartsocket/smartsocket/reactor.(*loop).run()\n\n" +
		"goroutine 3 [IO wait]:\nnet/http.(*Server).Serve()\n\n" +
		"goroutine 4 [select]:\ngithub.com/cloudwego/netpoll.(*defaultPoll).Wait()"
	const want = "goroutine 2 [select]:\n" +
		"github.com/smartsocket/smartsocket/reactor.(*loop).run()\n\n" +
		"goroutine 4 [select]:\ngithub.com/cloudwego/netpoll.(*defaultPoll).Wait()\n\n"
	if got := ours(stacks); got != want {
		t.Errorf("%q", got)
	}
}

func TestARunningGoroutineIsLeftUntilItEnds(t *testing.T) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() { <-stop; close(done) }()
	if ours(Stacks()) == "" {
		t.Error("not found while it runs")
	}
	close(stop)
	<-done
}
