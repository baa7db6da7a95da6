package ops

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"strconv"
	"time"
)

// maxProfile is the longest profile in seconds.
const maxProfile = 300

// profile answers /debug/pprof/ as net/http/pprof does, with what go tool pprof asks for. That
// package is not used because it registers itself with http.DefaultServeMux, which a program that
// imports this one may show to everybody. The command line is not shown, as it may have keys.
func profile(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	switch name {
	case "":
		return profileIndex(w)
	case "profile":
		return record(w, r, 30, pprof.StartCPUProfile, pprof.StopCPUProfile)
	case "trace":
		return record(w, r, 1, trace.Start, trace.Stop)
	}
	p := pprof.Lookup(name)
	if p == nil {
		return problem(http.StatusNotFound, codeUnknown,
			"there is no such profile: see /debug/pprof/")
	}
	level, _ := strconv.Atoi(r.FormValue("debug")) // 0 without one
	if name == "heap" && r.FormValue("gc") != "" {
		runtime.GC()
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if level > 0 {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	return p.WriteTo(w, level)
}

// profileIndex lists the profiles.
func profileIndex(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	all := pprof.Profiles()
	slices.SortFunc(all, func(a, b *pprof.Profile) int { return cmp.Compare(a.Name(), b.Name()) })
	fmt.Fprintln(w, "/debug/pprof/profile?seconds=30\n/debug/pprof/trace?seconds=1")
	for _, p := range all {
		fmt.Fprintf(w, "/debug/pprof/%s?debug=1 (%d)\n", p.Name(), p.Count())
	}
	return nil
}

// record records for as many seconds as r says.
func record(
	w http.ResponseWriter, r *http.Request, seconds int, start func(io.Writer) error, stop func(),
) error {
	if text := r.FormValue("seconds"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxProfile {
			return problem(http.StatusBadRequest, codeRequest, "seconds: give 1 to 300")
		}
		seconds = n
	}
	http.NewResponseController(w).SetWriteDeadline(time.Time{})
	w.Header().Set("Content-Type", "application/octet-stream")
	if r.Method == http.MethodHead {
		return nil
	}
	if err := start(w); err != nil {
		w.Header().Del("Content-Type")
		return problem(http.StatusConflict, codeFailed,
			"another one is being recorded: "+err.Error())
	}
	defer stop()
	timer := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
	return nil
}
