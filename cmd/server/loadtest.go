package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/cmd/server/loadtest"
	"github.com/smartsocket/smartsocket/cmd/server/netsim"
	"github.com/smartsocket/smartsocket/config"
)

const loadtestUsage = `smartsocket-server loadtest: many clients against a server

  smartsocket-server loadtest ws://host:port/namespace [flags]

  smartsocket-server loadtest ws://localhost:3000 -clients 1000 -for 10s
  smartsocket-server loadtest wss://game.example -mix mix.yaml -network 4g \
      -html report.html -fail 'p99>50ms,errors>0.1%'

Without -mix each client sends an event with -rate, and asks for an ack.
docs/LOADTEST.md says what a mix has, and how to read the figures.

Exit code: 0, or 1 if a limit of -fail was crossed or a file cannot be written,
2 if the command line is wrong, 3 if the first client cannot connect.
`

// loadtestSettings are the flags of loadtest. loadtestHelp says what they do.
type loadtestSettings struct {
	Clients   int           `config:"clients"`
	Ramp      time.Duration `config:"ramp"`
	For       time.Duration `config:"for"`
	MaxEvents int64         `config:"maxEvents"`
	Grace     time.Duration `config:"grace"`
	Seed      uint64        `config:"seed"`

	Mix   string  `config:"mix"`
	Event string  `config:"event"`
	Data  string  `config:"data"`
	Rate  float64 `config:"rate"`
	Ack   bool    `config:"ack"`
	Gaps  string  `config:"gaps"`

	Network string   `config:"network"`
	From    []string `config:"from"`

	HTML  string `config:"html"`
	JSON  string `config:"json"`
	Fail  limits `config:"fail"`
	Quiet bool   `config:"quiet"`

	APIKey        string `config:"apiKey" secret:"true"`
	EncryptionKey string `config:"encryptionKey" secret:"true"`
	Origin        string `config:"origin"`
	TLSCA         string `config:"tlsCA"`
	TLSInsecure   bool   `config:"tlsInsecure"`
}

var loadtestHelp = map[string]string{
	"clients":       "how many clients",
	"ramp":          "time in which they connect, before the measured time; -1ms = by number",
	"for":           "the measured time",
	"maxEvents":     "the test ends after so many events",
	"grace":         "how long the last answers may take",
	"seed":          "the same seed repeats the same events; 0 = any",
	"mix":           "JSON or YAML file with the events, instead of the next four",
	"event":         "name of the event",
	"data":          "its data as JSON, in which \"${int 0 9}\" and others are filled in",
	"rate":          "how many each client sends in a second",
	"ack":           "ask for an answer; the latency is taken from it",
	"gaps":          "an event of the server that comes regularly: measure its gaps",
	"network":       "lan, fiber, wifi, 4g, 3g, satellite, or delay=40ms,jitter=10ms,loss=1%,...",
	"from":          "addresses of this machine to connect from in turn",
	"html":          "write a report with plots to this file",
	"json":          "write the figures to this file; - = standard output, instead of text",
	"fail":          "limits that must not be crossed, as in p99>50ms,errors>1%",
	"quiet":         "show no progress",
	"apiKey":        "key to present",
	"encryptionKey": "base64 of the server's key",
	"origin":        "Origin header of the requests",
	"tlsCA":         "PEM file with the authority to trust, for wss",
	"tlsInsecure":   "do not check the server's certificate",
}

// limits are those of -fail, which may be given more than once.
type limits []loadtest.Limit

// UnmarshalText adds limits that are separated by commas.
func (l *limits) UnmarshalText(b []byte) error {
	for text := range strings.SplitSeq(string(b), ",") {
		one, err := loadtest.ParseLimit(text)
		if err != nil {
			return err
		}
		*l = append(*l, one)
	}
	return nil
}

// Exit codes of loadtest besides 0.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitNoStart = 3
)

// runLoadtest is the word loadtest. It returns the exit code.
func runLoadtest(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	url, args := targetOf(args)
	s := &loadtestSettings{
		Clients: 100, For: 10 * time.Second, MaxEvents: 10_000_000, Grace: 5 * time.Second,
		Event: "echo", Data: `{"text":"${text 32}","seq":"${seq}"}`, Rate: 1, Ack: true, Ramp: -1,
	}
	loaded, err := config.Load(s, config.Source{
		EnvPrefix: "LOADTEST_", Args: args, Environ: append([]string{}, environ...),
		Usage: loadtestUsage, Help: loadtestHelp,
	})
	if errors.Is(err, config.Help) {
		loaded.Help(stdout)
		return 0
	}
	var p *loadtest.Plan
	if err == nil {
		p, err = s.plan(url, loaded)
	}
	if err == nil {
		err = p.Check()
	}
	if err != nil {
		fmt.Fprintf(stderr, "smartsocket-server loadtest: %v\n", loadtestFault(loaded, err))
		return exitUsage
	}
	r, err := loadtest.Run(ctx, p, s.progress(p, stderr))
	if err != nil {
		fmt.Fprintf(stderr, "smartsocket-server loadtest: the first client cannot connect: %v\n",
			err)
		return exitNoStart
	}
	passed := r.Judge(s.Fail)
	if err := s.report(r, stdout); err != nil {
		fmt.Fprintf(stderr, "smartsocket-server loadtest: %v\n", err)
		return exitFailed
	}
	if !passed {
		return exitFailed
	}
	return 0
}

// targetOf takes the URL out of the arguments: the first word, or the last.
func targetOf(args []string) (url string, rest []string) {
	isURL := func(text string) bool {
		return !strings.HasPrefix(text, "-") && strings.Contains(text, "://")
	}
	switch n := len(args); {
	case n > 0 && !strings.HasPrefix(args[0], "-"):
		return args[0], args[1:]
	case n > 0 && isURL(args[n-1]):
		return args[n-1], args[:n-1]
	}
	return "", args
}

// loadtestFault names the flag that an error of the plan is about.
func loadtestFault(loaded *config.Settings, err error) error {
	var bad *loadtest.Error
	if !errors.As(err, &bad) || loaded == nil {
		return err
	}
	if x := loaded.Get(strings.TrimPrefix(bad.Field, "events[0].")); x.Name != "" {
		return loaded.Error(x.Name, errors.New(bad.Fix))
	}
	return err
}

// plan makes the plan of the settings.
func (s *loadtestSettings) plan(
	url string, loaded *config.Settings,
) (*loadtest.Plan, error) {
	p := &loadtest.Plan{
		URL: url, Clients: s.Clients, Ramp: s.Ramp, For: s.For, MaxEvents: s.MaxEvents,
		Grace: s.Grace, Seed: s.Seed, Addresses: s.From,
		Client: client.Options{APIKey: s.APIKey, EncryptionKey: s.EncryptionKey, Origin: s.Origin},
	}
	if p.Ramp < 0 {
		// 500 handshakes a second are far below what a server can do.
		p.Ramp = max(time.Second, time.Duration(s.Clients)*2*time.Millisecond)
	}
	if p.Seed == 0 {
		p.Seed = rand.Uint64N(1 << 31)
	}
	var err error
	if p.Network, err = netsim.Parse(s.Network); err != nil {
		return nil, &loadtest.Error{Field: "network", Fix: err.Error()}
	}
	if p.Mix, err = s.mix(loaded); err != nil {
		return nil, err
	}
	if p.Client.TLSConfig, err = s.tls(); err != nil {
		return nil, err
	}
	// Besides connections there are files and pollers.
	if limit, known := descriptorLimit(); known && limit < uint64(s.Clients+64) {
		return nil, &loadtest.Error{Field: "clients", Fix: fmt.Sprintf("this process may open %d "+
			"files, too few for %d clients: raise the limit, ulimit -n %d", limit, s.Clients,
			s.Clients+64)}
	}
	return p, nil
}

// mix returns that of the file, or the one event of the flags.
func (s *loadtestSettings) mix(loaded *config.Settings) (m loadtest.Mix, err error) {
	if s.Mix != "" {
		for _, name := range []string{"event", "data", "rate", "ack"} {
			if loaded.Get(name).Origin != "" {
				return m, &loadtest.Error{Field: name,
					Fix: "the file of mix says which events there are: keep one of them"}
			}
		}
		m, err = loadtest.ReadMix(s.Mix)
	} else {
		if s.Rate <= 0 {
			return m, &loadtest.Error{Field: "rate",
				Fix: "each client must send something: write how much a second, as in 0.5"}
		}
		m.Events = []loadtest.Event{{Event: s.Event, Rate: s.Rate, Ack: s.Ack,
			Data: json.RawMessage(s.Data)}}
	}
	if s.Gaps != "" {
		m.Gaps = s.Gaps
	}
	return m, err
}

// tls returns how to check the server's certificate, nil for the usual way.
func (s *loadtestSettings) tls() (*tls.Config, error) {
	if s.TLSCA == "" && !s.TLSInsecure {
		return nil, nil
	}
	c := &tls.Config{InsecureSkipVerify: s.TLSInsecure}
	if s.TLSCA != "" {
		pem, err := os.ReadFile(s.TLSCA)
		if err != nil {
			return nil, &loadtest.Error{Field: "tlsCA", Fix: err.Error()}
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &loadtest.Error{Field: "tlsCA",
				Fix: s.TLSCA + " has no certificate in PEM: give the one of the authority"}
		}
	}
	return c, nil
}

// progress returns what shows it: on a terminal one line that changes, otherwise one each second.
func (s *loadtestSettings) progress(p *loadtest.Plan, w io.Writer) func(loadtest.Sample) {
	if s.Quiet {
		return nil
	}
	begin, end := "", "\n"
	if isTerminal(w) {
		begin, end = "\r\x1b[K", ""
	}
	whole := p.Whole().Seconds()
	return func(sample loadtest.Sample) {
		line := end
		if sample.At+0.5 >= whole && end == "" {
			line = "\n"
		}
		fmt.Fprint(w, begin+sample.Line(whole, p.Clients)+line)
	}
}

// isTerminal reports whether w shows what is written to a person.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// report writes the result in the forms that are asked for.
func (s *loadtestSettings) report(r *loadtest.Result, stdout io.Writer) error {
	if s.HTML != "" {
		if err := createFile(s.HTML, r.WriteHTML); err != nil {
			return err
		}
	}
	switch s.JSON {
	case "-":
		return r.WriteJSON(stdout)
	case "":
	default:
		if err := createFile(s.JSON, r.WriteJSON); err != nil {
			return err
		}
	}
	return r.WriteText(stdout)
}

// createFile makes a file of what write writes.
func createFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
