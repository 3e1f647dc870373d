package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/internal/admin"
)

type traceCommand struct {
	ID      string `arg:"" name:"id" help:"The event's id, as PutEvents answers it and tail shows it."`
	Explain bool   `help:"Draw for each rule why it matched or did not."`
}

// Run tells the story.
func (c *traceCommand) Run(s *session) error {
	story, err := s.admin.Trace(s.ctx, c.ID)
	if err != nil {
		return err
	}
	if done, err := s.print.value(story); done {
		return err
	}
	t := &storyteller{printer: s.print, explain: c.Explain}
	t.event(&story)
	return t.failed
}

// A storyteller prints a trace, what an event led to below it and further in.
type storyteller struct {
	printer
	explain bool
	indent  string
	failed  error
}

func (t *storyteller) say(what, format string, args ...any) {
	t.painted(func(s string) string { return s }, what, format, args...)
}

func (t *storyteller) painted(paint func(string) string, what, format string, args ...any) {
	t.line("%s%s %s", t.indent, paint(fmt.Sprintf("%-10s", what)), fmt.Sprintf(format, args...))
}

func (t *storyteller) event(story *admin.Trace) {
	if len(story.Arrivals) == 0 {
		t.line("%s%s %s", t.indent, t.bold("event "+story.EventID), t.faint("(told above)"))
		return
	}
	sent := read(&story.Arrivals[0].EventInfo)
	t.line("%s%s  %s from %s", t.indent, t.bold("event "+story.EventID), sent.DetailType, sent.Source)
	outer := t.indent
	t.indent += "  "
	for i := range story.Arrivals {
		t.arrival(&story.Arrivals[i])
	}
	for i := range story.Lines {
		t.logged(&story.Lines[i])
	}
	for i := range story.Effects {
		t.effect(&story.Effects[i])
	}
	if len(story.Effects) == 0 && sent.IsInput() {
		t.say("effect", "none")
	}
	t.indent = outer
}

func (t *storyteller) arrival(a *admin.Arrival) {
	replay := ""
	if a.Replay != "" {
		replay = ", by the replay " + a.Replay
	}
	t.say("received", "%s on %s%s", stamp(a.Received), busName(a.Bus), replay)
	if t.explain {
		t.say("", "%s", a.Event)
	}
	for i := range a.Rules {
		t.rule(&a.Rules[i])
	}
	for i := range a.Deliveries {
		t.delivery(&a.Deliveries[i])
	}
}

func (t *storyteller) rule(r *admin.RuleVerdict) {
	why := r.Why
	if r.Explanation != nil && !r.Explanation.Matched && !r.Matches {
		why = strings.Join(shortfalls(r.Explanation), "; ")
	}
	if why != "" {
		why = ": " + why
	}
	if r.Matches {
		t.painted(t.green, "matched by", "%s%s", r.Rule, why)
	} else {
		t.painted(t.faint, "refused by", "%s%s", r.Rule, why)
	}
	if t.explain && r.Explanation != nil {
		if err := t.explanation(r.Explanation, t.indent+"           ", false); err != nil {
			t.failed = err
		}
	}
}

// shortfalls names the fields that do not hold, and what they lack.
func shortfalls(x *pattern.Explanation) []string {
	if x.Matched {
		return nil
	}
	var all []string
	for _, c := range x.Children {
		all = append(all, shortfalls(c)...)
	}
	if x.Wanted != nil {
		found := strings.Join(x.Found, ", ")
		all = append(all, fmt.Sprintf("%s must be %s, and is %s", x.Path, x.Wanted, found))
	}
	return append(all, x.Notes...)
}

func (t *storyteller) delivery(d *admin.Delivery) {
	paint := t.faint
	switch d.State {
	case "delivered":
		paint = t.green
	case "given up":
		paint = t.red
	}
	said := "to " + targetName(d.Target) + " by " + d.Rule
	if d.Attempts > 1 || d.State != "delivered" {
		said += fmt.Sprintf(", attempts: %d", d.Attempts)
	}
	if !d.Due.IsZero() {
		said += ", tried again at " + stamp(d.Due)
	}
	if d.LastError != "" {
		said += fmt.Sprintf(", last error: %q", d.LastError)
	}
	if d.Queue != "" {
		said += ", now in the queue " + targetName(d.Queue)
	}
	t.painted(paint, d.State, "%s", said)
}

// logged shows a line of a function's log; of the router's own the part that
// people ask for.
func (t *storyteller) logged(l *admin.FunctionLine) {
	text := l.Text
	var canonical struct {
		Message   string  `json:"msg"`
		Status    int     `json:"status"`
		RequestID string  `json:"requestId"`
		Code      string  `json:"code"`
		Error     string  `json:"error"`
		Reason    string  `json:"reason"`
		Duration  float64 `json:"Duration"`
	}
	if json.Unmarshal([]byte(text), &canonical) == nil && canonical.Message != "" {
		text = fmt.Sprintf("%s, status %d, %.1f ms, request %s", canonical.Message, canonical.Status, canonical.Duration, canonical.RequestID)
		for _, why := range []string{canonical.Code, canonical.Error, canonical.Reason} {
			if why != "" {
				text += ": " + why
			}
		}
	}
	const width = 160
	if r := []rune(text); len(r) > width {
		text = string(r[:width]) + "…"
	}
	t.say("logged", "%s %s", l.Function, t.faint(l.Time.UTC().Format("15:04:05.000")+" "+text))
}

func (t *storyteller) effect(e *admin.Effect) {
	record := strings.TrimRight(fmt.Sprintf("%s/%s/%s", e.Tenant, e.Schema, e.Key), "/")
	if e.Rejected != "" {
		t.say("effect", "none: %s %s was rejected: %s", e.Operation, record, e.Rejected)
	} else {
		t.say("effect", "%s %s, revision %d, at %s", e.Operation, record, e.Revision, stamp(e.Time))
	}
	if e.Tokens > 0 {
		t.say("bill", "%d tokens for %s in %s, key %s", e.Tokens, e.Tenant, e.Month, e.KeyID)
	} else {
		t.say("bill", "nothing")
	}
	for i := range e.Outputs {
		t.output(&e.Outputs[i])
	}
}

func (t *storyteller) output(o *admin.Output) {
	failed := ""
	if o.Error != "" {
		failed = ", last error: " + o.Error
	}
	t.say("output", "%s to %s, %s%s", o.DetailType, busName(string(o.Bus)), o.State, failed)
	outer := t.indent
	t.indent += "  "
	for i := range o.Traces {
		t.event(&o.Traces[i])
	}
	t.indent = outer
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05.000") }
