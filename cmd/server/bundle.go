package main

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// maxProfileTime is in seconds: whoever waits for a report waits for it.
	maxProfileTime = 60
	// maxPart bounds what is kept of one answer.
	maxPart = 64 << 20
)

// part is a file of a report, and what it is asked of.
type part struct{ name, path string }

// parts are those of a report, in the order in which they are asked for. The profile takes its
// time, so that the metrics before and after it tell rates.
func parts(seconds int) []part {
	list := []part{
		{"info.json", "/api/info"}, {"healthz.txt", "/healthz"}, {"readyz.json", "/readyz"},
		{"nodes.json", "/api/nodes"}, {"namespaces.json", "/api/namespaces"},
		{"stats.json", "/stats"}, {"metrics-1.txt", "/metrics"},
		{"goroutines-1.txt", "/debug/pprof/goroutine?debug=2"},
		{"heap.pb.gz", "/debug/pprof/heap"},
	}
	if seconds > 0 {
		list = append(list,
			part{"cpu.pb.gz", "/debug/pprof/profile?seconds=" + strconv.Itoa(seconds)})
	}
	return append(list, part{"metrics-2.txt", "/metrics"},
		part{"goroutines-2.txt", "/debug/pprof/goroutine?debug=2"})
}

// report writes what a report of a fault needs into a ZIP file.
func (o *operator) report(ctx context.Context) (err error) {
	if len(o.args) > 1 {
		return errUsage{fmt.Errorf("unexpected argument %q: report takes the name of one file",
			o.args[1])}
	}
	if o.Seconds < 0 || o.Seconds > maxProfileTime {
		return errUsage{fmt.Errorf("seconds is %d: the profile takes 0, which is none, to %d",
			o.Seconds, maxProfileTime)}
	}
	first, err := o.ask(ctx, http.MethodGet, "/api/info", nil) // whether we are answered at all
	if err != nil {
		return err
	}
	_ = first.Body.Close()
	now := time.Now().UTC()
	name := "smartsocket-" + now.Format("20060102-150405") + ".zip"
	if len(o.args) == 1 {
		name = o.args[0]
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(name) // half a report could not be read
		}
	}()
	z := zip.NewWriter(f)
	var problems []string
	list := parts(o.Seconds)
	for _, p := range list {
		if err := o.add(ctx, z, p); err != nil {
			problems = append(problems, p.name+": "+err.Error())
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if len(problems) > 0 {
		err = addText(z, "problems.txt", strings.Join(problems, "\n")+"\n")
	}
	if err = errors.Join(err, z.Close()); err != nil {
		return err
	}
	fmt.Fprintf(o.stdout, "%s has %d files of %s. Add the log of that time, and "+
		"what smartsocket-server -print-config prints, which hides secrets.\n", name,
		len(list)-len(problems), o.OpsAddr)
	for _, p := range problems {
		fmt.Fprintf(o.stdout, "missing: %s\n", p)
	}
	return nil
}

// add asks for a part and puts it into z. What the server says is kept whatever its status is: a
// server that is not ready answers 503.
func (o *operator) add(ctx context.Context, z *zip.Writer, p part) error {
	answer, err := o.send(ctx, http.MethodGet, p.path, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxPart))
	if err != nil {
		return err
	}
	switch answer.StatusCode {
	case http.StatusOK, http.StatusServiceUnavailable:
		return addText(z, p.name, string(text))
	}
	return fmt.Errorf("%s answers %s: %s", o.OpsAddr, answer.Status,
		cmp.Or(strings.TrimSpace(string(text)), "nothing"))
}

func addText(z *zip.Writer, name, text string) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate,
		Modified: time.Now().UTC()})
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	return err
}
