package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/smartsocket/smartsocket/config"
	"github.com/smartsocket/smartsocket/internal/tail"
	"github.com/smartsocket/smartsocket/ops"
)

const operatorUsage = `smartsocket-server tail, emit, report: through a server's operations address

  smartsocket-server tail [flags]                show what happens, until Ctrl-C
  smartsocket-server emit EVENT [JSON] [flags]   emit an event to sockets of all nodes
  smartsocket-server report [FILE] [flags]       gather what a report of a fault needs in a ZIP
                                                 file: metrics, statistics, profiles

  smartsocket-server tail -event 'mo*' -kind in,refused
  smartsocket-server emit news '{"text":"restart at noon"}' -to lobby

The server must have opsAddr. The token is that of the server (opsToken): give
its file, or the variable that the server has.

Exit code: 0, 1 if the server refuses or is not there, 2 if the command line is
wrong.
`

// operatorSettings are the flags of tail and emit.
type operatorSettings struct {
	OpsAddr  string `config:"opsAddr"`
	OpsToken string `config:"opsToken" secret:"true"`

	Namespace string   `config:"namespace"`
	Event     string   `config:"event"`
	Socket    string   `config:"socket"`
	Kind      []string `config:"kind"`
	Sample    int      `config:"sample"`
	Data      bool     `config:"data"`
	JSON      bool     `config:"json"`

	To []string `config:"to"`

	Seconds int `config:"seconds"`
}

var operatorHelp = map[string]string{
	"opsAddr":   "host:port or unix:/path of the server's operations address",
	"opsToken":  "its token",
	"namespace": "tail: of this namespace alone; emit: into it, / without",
	"event":     "tail: events of this name; mo* is all that begin with mo",
	"socket":    "tail: what concerns the socket with this id",
	"kind":      "tail: kinds to show; without it all",
	"sample":    "tail: show one of so many",
	"data":      "tail: show data too, which the server logs",
	"json":      "tail: show each as the server sends it",
	"seconds":   "report: of the CPU profile; 0 for none",
	"to":        "emit: rooms or ids of sockets; without it the whole namespace",
}

// operator talks to an operations address.
type operator struct {
	operatorSettings
	args   []string // what is no flag
	client http.Client
	stdout io.Writer
}

// runTail is the word tail.
func runTail(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	return operate(ctx, args, environ, stdout, stderr, (*operator).tail)
}

// runEmit is the word emit.
func runEmit(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	return operate(ctx, args, environ, stdout, stderr, (*operator).emit)
}

// runReport is the word report.
func runReport(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	return operate(ctx, args, environ, stdout, stderr, (*operator).report)
}

// errUsage is an error of the command line.
type errUsage struct{ error }

// operate reads the command line and does what do says. It returns the exit code.
func operate(
	ctx context.Context, args, environ []string, stdout, stderr io.Writer,
	do func(*operator, context.Context) error,
) int {
	o := &operator{stdout: stdout}
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		o.args, args = append(o.args, args[0]), args[1:]
	}
	o.OpsAddr, o.Sample, o.Seconds = "127.0.0.1:9090", 1, 5
	loaded, err := config.Load(&o.operatorSettings, config.Source{
		EnvPrefix: "SMARTSOCKET_", Environ: operatorEnviron(environ), Args: args,
		Usage: operatorUsage, Help: operatorHelp,
	})
	if errors.Is(err, config.Help) {
		loaded.Help(stdout)
		return 0
	}
	if err == nil {
		err = ops.CheckAddr(o.OpsAddr, "a token that is long enough")
	}
	if err != nil {
		err = errUsage{err}
	} else {
		o.connect()
		err = do(o, ctx)
	}
	o.client.CloseIdleConnections()
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "smartsocket-server: %v\n", err)
	if errors.As(err, &errUsage{}) {
		return exitUsage
	}
	return exitFailed
}

// operatorEnviron keeps those of the server's variables that are an operator's too.
func operatorEnviron(environ []string) []string {
	return slices.DeleteFunc(append([]string{}, environ...), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name != "SMARTSOCKET_OPS_ADDR" && !strings.HasPrefix(name, "SMARTSOCKET_OPS_TOKEN")
	})
}

// connect prepares the way to the address.
func (o *operator) connect() {
	network, addr := "tcp", o.OpsAddr
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unix", path
	}
	o.client.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
}

// send sends a request and returns the answer, whatever it says.
func (o *operator) send(ctx context.Context, method, path string, body []byte) (
	*http.Response, error,
) {
	host := o.OpsAddr
	if strings.HasPrefix(host, "unix:") {
		host = "localhost"
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if o.OpsToken != "" {
		r.Header.Set("Authorization", "Bearer "+o.OpsToken)
	}
	answer, err := o.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%s does not answer: start the server with opsAddr, and give the "+
			"same here: %w", o.OpsAddr, err)
	}
	return answer, nil
}

// ask sends a request and returns the answer, which is no error.
func (o *operator) ask(ctx context.Context, method, path string, body []byte) (
	*http.Response, error,
) {
	answer, err := o.send(ctx, method, path, body)
	if err != nil || answer.StatusCode == http.StatusOK {
		return answer, err
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxHealthText))
	problem := ops.Problem{Code: answer.Status, Message: string(text)}
	_ = json.Unmarshal(text, &problem) // otherwise it is another server's text
	return nil, fmt.Errorf("%s refuses: %w", o.OpsAddr, &problem)
}

// tail shows what happens until ctx ends.
func (o *operator) tail(ctx context.Context) error {
	if len(o.args) > 0 {
		return errUsage{fmt.Errorf("unexpected argument %q: tail has flags alone", o.args[0])}
	}
	q := url.Values{"kind": o.Kind, "sample": {strconv.Itoa(o.Sample)}}
	for name, value := range map[string]string{"namespace": o.Namespace, "event": o.Event,
		"socket": o.Socket} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if o.Data {
		q.Set("data", "1")
	}
	answer, err := o.ask(ctx, http.MethodGet, "/api/tail?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	missed := false
	lines := bufio.NewReader(answer.Body)
	for {
		line, err := lines.ReadString('\n')
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s has ended the tail: %w", o.OpsAddr, err)
		}
		line = strings.TrimSuffix(line, "\n")
		data, isData := strings.CutPrefix(line, "data: ")
		switch {
		case strings.HasPrefix(line, "event: "):
			missed = line == "event: missed"
		case isData && (o.JSON || missed):
			fmt.Fprintln(o.stdout, unobeyed(data))
			missed = false
		case isData:
			o.show(data)
		}
	}
}

// show writes an event of the tail for people.
func (o *operator) show(text string) {
	var e tail.Event
	if json.Unmarshal([]byte(text), &e) != nil {
		fmt.Fprintln(o.stdout, unobeyed(text)) // of a newer server
		return
	}
	line := fmt.Sprintf("%s %-12s %s", e.Time.Local().Format("15:04:05.000"), e.Kind, e.Event)
	for _, part := range [][2]string{{"namespace", e.Namespace}, {"socket", e.Socket},
		{"room", e.Room}, {"peer", e.Peer}, {"code", e.Code}, {"reason", e.Reason},
		{"data", e.Data}} {
		if part[1] != "" {
			line += " " + part[0] + "=" + part[1]
		}
	}
	for i, n := range []int{e.Bytes, e.Queued, e.Dropped} {
		if n > 0 {
			line += " " + []string{"bytes", "queued", "dropped"}[i] + "=" + strconv.Itoa(n)
		}
	}
	fmt.Fprintln(o.stdout, unobeyed(line))
}

// unobeyed is text with what a terminal would obey in place of showing it written as JSON escapes
// it. Clients choose the data of events and the reasons of close frames, and must not write on an
// operator's terminal.
func unobeyed(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// emit emits an event and tells who gets it.
func (o *operator) emit(ctx context.Context) error {
	if len(o.args) < 1 || len(o.args) > 2 {
		return errUsage{errors.New("write the name of an event behind emit, and perhaps its data " +
			`as JSON, as in emit news '{"text":"hello"}'`)}
	}
	what := map[string]any{"event": o.args[0]}
	if len(o.args) == 2 {
		if !json.Valid([]byte(o.args[1])) {
			return errUsage{fmt.Errorf("%s is no JSON: a text needs quotes within the shell's, as "+
				`in '"hello"'`, o.args[1])}
		}
		what["data"] = json.RawMessage(o.args[1])
	}
	if o.Namespace != "" {
		what["namespace"] = o.Namespace
	}
	if len(o.To) > 0 {
		what["to"] = o.To
	}
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	answer, err := o.ask(ctx, http.MethodPost, "/api/emit", body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var got struct{ Queued, Dropped int }
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		return err
	}
	fmt.Fprintf(o.stdout, "queued for %d sockets here, dropped for %d\n", got.Queued, got.Dropped)
	return nil
}
