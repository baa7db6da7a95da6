package main

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

const events = `# a line of the compiler
{"Action":"start","Package":"x/a"}
{"Action":"run","Package":"x/a","Test":"TestBad"}
{"Action":"output","Package":"x/a","Test":"TestBad","Output":"=== RUN   TestBad\n"}
{"Action":"output","Package":"x/a","Test":"TestBad","Output":"    a_test.go:5: it broke\n"}
{"Action":"output","Package":"x/a","Test":"TestBad","Output":"--- FAIL: TestBad (0.00s)\n"}
{"Action":"fail","Package":"x/a","Test":"TestBad","Elapsed":0}
{"Action":"output","Package":"x/a","Test":"TestGood","Output":"    a_test.go:9: a log line\n"}
{"Action":"pass","Package":"x/a","Test":"TestGood","Elapsed":0}
{"Action":"output","Package":"x/a","Test":"TestStuck","Output":"panic: test timed out\n"}
{"Action":"output","Package":"x/a","Output":"FAIL\tx/a\t0.1s\n"}
{"Action":"fail","Package":"x/a","Elapsed":0.1}
{"Action":"output","Package":"x/b","Test":"TestSkip/one",` +
	`"Output":"    b_test.go:7: no browser: get one\n"}
{"Action":"output","Package":"x/b","Test":"TestSkip/one",` +
	`"Output":"    --- SKIP: TestSkip/one (0.00s)\n"}
{"Action":"skip","Package":"x/b","Test":"TestSkip/one","Elapsed":0}
{"Action":"output","Package":"x/b","Output":"PASS\n"}
{"Action":"output","Package":"x/b","Output":"ok  \tx/b\t0.2s\n"}
{"Action":"pass","Package":"x/b","Elapsed":0.2}
{"Action":"output","Package":"x/c","Output":"?   \tx/c\t[no test files]\n"}
{"Action":"skip","Package":"x/c","Elapsed":0}
{"ImportPath":"x/d","Action":"build-output","Output":"d.go:1: syntax error\n"}
{"ImportPath":"x/d","Action":"build-fail"}
{"Action":"output","Package":"x/d","Output":"FAIL\tx/d [build failed]\n"}
{"Action":"fail","Package":"x/d","Elapsed":0}`

func TestReport(t *testing.T) {
	var out strings.Builder
	r := newReport(&out)
	if err := r.read(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	want := "# a line of the compiler\n" +
		"    a_test.go:5: it broke\n--- FAIL: TestBad (0.00s)\npanic: test timed " +
		"out\nFAIL\tx/a\t0.1s\nok  \tx/b\t0.2s\n?   \tx/c\t[no test files]\nd.go:1: syntax " +
		"error\nFAIL\tx/d [build failed]\n"
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
	if got, want := r.summary(), "no browser: get one: b.TestSkip/one\n"; got != want {
		t.Errorf("skipped %q, want %q", got, want)
	}
	want = "x/a TestBad\nx/a -\nx/d -\n" // the panic of TestStuck
	if got := strings.Join(r.failed, ""); got != want {
		t.Errorf("failed %q, want %q", got, want)
	}
}

// Only a test that failed by itself can be repeated.
func TestWhatFailed(t *testing.T) {
	line := func(action, test, output string) string {
		return fmt.Sprintf(`{"Action":%q,"Package":"x","Test":%q,"Output":%q}`,
			action, test, output)
	}
	for _, c := range []struct{ name, events, want string }{
		{"a test with a subtest", line("fail", "TestA/one", "") + "\n" + line("fail", "TestA", "") +
			"\n" + line("fail", "", ""), "x TestA\n"},
		{"a race", line("output", "TestA", "WARNING: DATA RACE\n") + "\n" +
			line("fail", "TestA", "") + "\n" + line("fail", "", ""), "x TestA\nx -\n"},
		{"what is found at the end", line("pass", "TestA", "") + "\n" +
			line("output", "", "a goroutine is left\n") + "\n" + line("fail", "", ""), "x -\n"},
		{"nothing", line("pass", "TestA", "") + "\n" + line("pass", "", ""), ""},
	} {
		r := newReport(io.Discard)
		if err := r.read(strings.NewReader(c.events)); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(r.failed, ""); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
