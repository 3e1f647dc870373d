package console

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/trace"
)

const (
	liveEvents = 100                    // shown when the page is opened
	pollEvery  = 100 * time.Millisecond // while a page is open
	maxPending = 200                    // events whose outcome is awaited at a time
)

// A filter selects lines of the live page.
type filter struct {
	Tenant, Schema, Outcome, Text string
}

func filterOf(r *http.Request) filter {
	q := r.URL.Query()
	return filter{Tenant: q.Get("tenant"), Schema: q.Get("schema"), Outcome: q.Get("outcome"), Text: q.Get("text")}
}

func (f *filter) matches(l *line) bool {
	return (f.Tenant == "" || f.Tenant == string(l.Tenant)) &&
		(f.Schema == "" || f.Schema == string(l.Schema)) &&
		(f.Outcome == "" || f.Outcome == l.Class) &&
		(f.Text == "" || strings.Contains(strings.ToLower(l.text()), strings.ToLower(f.Text)))
}

// A line is an event on the live page.
type line struct {
	trace.Outcome
	ID         string
	Received   time.Time
	Source     string
	DetailType string
	Class      string // accepted, rejected, failed, delivered or waiting
}

func (l *line) text() string {
	return strings.Join([]string{l.ID, l.Source, l.DetailType, l.Outcome.String(), l.Record()}, " ")
}

// classOf groups the states of an outcome.
func classOf(o *trace.Outcome) string {
	switch o.State {
	case "":
		return "waiting"
	case trace.Rejected:
		return "rejected"
	case trace.Failed, trace.Undelivered, trace.NoRule:
		return "failed"
	case trace.Delivered, trace.Ignored:
		return "delivered"
	}
	return "accepted"
}

// classes are in the order in which the page offers them.
var classes = []string{"accepted", "rejected", "failed", "delivered", "waiting"}

// live shows the newest events; a script then appends what the stream sends.
func (c livePages) live(r *http.Request) (*page, error) {
	f := filterOf(r)
	lines, next, err := c.lines(r.Context(), -liveEvents)
	if err != nil {
		return nil, err
	}
	shown := lines[:0]
	for i := range lines {
		if f.matches(&lines[i]) {
			shown = append(shown, lines[i])
		}
	}
	for i, j := 0, len(shown)-1; i < j; i, j = i+1, j-1 { // the newest first
		shown[i], shown[j] = shown[j], shown[i]
	}
	tenants, err := c.c.Tenants(r.Context())
	if err != nil {
		return nil, err
	}
	return &page{name: "live", title: "Live", data: map[string]any{
		"Lines": shown, "Next": next, "Filter": f, "Tenants": tenants, "Classes": classes, "Query": r.URL.RawQuery,
	}}, nil
}

// lines reads events from a position with their outcomes.
func (c livePages) lines(ctx context.Context, from int64) (lines []line, next int64, err error) {
	events, err := c.c.Admin.Tail(ctx, admin.TailQuery{From: from})
	if err != nil {
		return nil, 0, err
	}
	lines = make([]line, len(events.Events))
	queries := make([]admin.OutcomeQuery, len(events.Events))
	for i := range events.Events {
		lines[i] = newLine(&events.Events[i])
		queries[i] = admin.OutcomeQuery{EventID: lines[i].ID}
	}
	if len(queries) == 0 {
		return lines, events.Next, nil
	}
	outcomes, err := c.c.Admin.Outcomes(ctx, queries)
	if err != nil {
		return nil, 0, err
	}
	for i := range outcomes {
		lines[i].Outcome, lines[i].Class = outcomes[i], classOf(&outcomes[i])
	}
	return lines, events.Next, nil
}

// stream sends the lines of events as server-sent events: one message for each line,
// whose data is HTML, and again when the outcome is known.
func (c livePages) stream(w http.ResponseWriter, r *http.Request) {
	var from int64
	if _, err := fmt.Sscan(r.URL.Query().Get("from"), &from); err != nil || from < 0 {
		http.Error(w, "from is the position at which the stream begins", http.StatusBadRequest)
		return
	}
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	f := filterOf(r)
	pending := map[string]line{}
	var order []string
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for idle := 0; ; idle++ {
		lines, next, err := c.lines(r.Context(), from)
		if err != nil {
			return // the browser connects again
		}
		from = next
		var out bytes.Buffer
		for i := range lines {
			l := &lines[i]
			c.sendLine(&out, l, &f, from)
			if unfinished(l) && len(order) < maxPending {
				pending[l.ID] = *l
				order = append(order, l.ID)
			}
		}
		if order, err = c.sendOutcomes(r.Context(), &out, pending, order, &f, from); err != nil {
			return
		}
		if out.Len() == 0 && idle%150 == 0 {
			out.WriteString(": the connection is alive\n\n")
		}
		if out.Len() > 0 {
			_ = control.SetWriteDeadline(c.c.Clock().Add(10 * time.Second))
			if _, err := w.Write(out.Bytes()); err != nil || control.Flush() != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-c.closed:
			return
		case <-tick.C:
		}
	}
}

func unfinished(l *line) bool { return l.Class == "waiting" || l.Running }

// sendOutcomes sends pending lines again whose outcome has become known.
func (c livePages) sendOutcomes(ctx context.Context, out *bytes.Buffer, pending map[string]line, order []string, f *filter, from int64) ([]string, error) {
	if len(order) == 0 {
		return order, nil
	}
	queries := make([]admin.OutcomeQuery, len(order))
	for i, id := range order {
		queries[i].EventID = id
	}
	outcomes, err := c.c.Admin.Outcomes(ctx, queries)
	if err != nil {
		return nil, err
	}
	left := order[:0]
	for i, id := range order {
		l := pending[id]
		before := l.Outcome.String()
		l.Outcome, l.Class = outcomes[i], classOf(&outcomes[i])
		if l.Outcome.String() != before {
			c.sendLine(out, &l, f, from)
		}
		if unfinished(&l) && c.c.Clock().Sub(l.Received) < time.Minute {
			pending[id] = l
			left = append(left, id)
			continue
		}
		delete(pending, id)
	}
	return left, nil
}

// sendLine appends a message. Lines that do not match the filter are left out.
func (c livePages) sendLine(out *bytes.Buffer, l *line, f *filter, from int64) {
	if !f.matches(l) {
		return
	}
	var b bytes.Buffer
	if err := c.pages["live"].ExecuteTemplate(&b, "line", l); err != nil {
		c.c.Log.Error("console", "error", err)
		return
	}
	fmt.Fprintf(out, "id: %d\nevent: line\n", from)
	for text := range strings.Lines(b.String()) {
		if text = strings.TrimSpace(text); text != "" {
			out.WriteString("data: " + text + "\n")
		}
	}
	out.WriteString("\n")
}
