package ops

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket/internal/tail"
)

// quiet is after how long without an event a comment shows that the connection lives.
const quiet = 15 * time.Second

// stall is after how long without a byte taken somebody does not look on any more, so that another
// may. Other answers have to be taken within that time.
const stall = 30 * time.Second

// tail streams what happens, as server-sent events: each has the JSON of a tail.Event, and one of
// the type "missed" the number of those that were too fast. Data is shown only to who asks for it,
// and that is logged.
func (h *handler) tail(w http.ResponseWriter, r *http.Request) error {
	f, err := filterOf(r)
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead { // who has the answer already would keep a place
		w.Header().Set("Content-Type", "text/event-stream")
		return nil
	}
	l, err := h.server.Tail().Listen(f)
	if err != nil {
		return problem(http.StatusTooManyRequests, codeFailed, err.Error())
	}
	defer l.Close()
	action := "tail"
	if f.Data {
		action = "tail with data"
	}
	h.acted(r, action, "namespace", f.Namespace, "event", f.Event, "socket", f.Socket, "kinds",
		f.Kinds, "sample", f.Every)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep events until it has 4 KiB
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	beat := time.NewTicker(quiet)
	defer beat.Stop()
	haste := func() { _ = out.SetWriteDeadline(time.Now().Add(stall)) }
	haste()
	fmt.Fprint(w, ": tailing\n\n")
	for {
		if n := l.Missed(); n > 0 {
			fmt.Fprintf(w, "event: missed\ndata: {\"missed\":%d}\n\n", n)
		}
		if out.Flush() != nil {
			return nil
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-beat.C:
			haste()
			fmt.Fprint(w, ": still here\n\n")
		case e := <-l.Events:
			haste()
			writeEvents(w, l, e)
		}
	}
}

// writeEvents writes e, and what else is there already, so that one write takes many.
func writeEvents(w http.ResponseWriter, l *tail.Listener, e tail.Event) {
	for range 64 {
		text, _ := json.Marshal(&e) // texts and numbers
		fmt.Fprintf(w, "data: %s\n\n", text)
		select {
		case e = <-l.Events:
		default:
			return
		}
	}
	text, _ := json.Marshal(&e)
	fmt.Fprintf(w, "data: %s\n\n", text)
}

// filterOf reads the filter out of the query.
func filterOf(r *http.Request) (f tail.Filter, err error) {
	f = tail.Filter{Event: r.FormValue("event"), Socket: r.FormValue("socket")}
	if path := r.FormValue("namespace"); path != "" {
		f.Namespace = "/" + strings.Trim(path, "/")
	}
	for _, text := range r.Form["kind"] {
		for _, kind := range strings.Split(text, ",") {
			if !slices.Contains(tail.Kinds, tail.Kind(kind)) {
				return f, problem(http.StatusBadRequest, codeRequest,
					fmt.Sprintf("kind: give some of %v", tail.Kinds))
			}
			f.Kinds = append(f.Kinds, tail.Kind(kind))
		}
	}
	if text := r.FormValue("sample"); text != "" {
		f.Every, err = strconv.Atoi(text)
		if err != nil || f.Every < 1 {
			return f, problem(http.StatusBadRequest, codeRequest,
				"sample: give 1 for all events, or n for one of n")
		}
	}
	switch r.FormValue("data") {
	case "", "0", "false":
	case "1", "true":
		f.Data = true
	default:
		return f, problem(http.StatusBadRequest, codeRequest, "data: give 1 to see it")
	}
	return f, nil
}
