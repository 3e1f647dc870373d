package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/listen"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/internal/trace"
	"github.com/blockforger/eventrouter/local/eventbridge"
	"github.com/blockforger/eventrouter/local/logs"
	"github.com/blockforger/eventrouter/local/program"
	"github.com/blockforger/eventrouter/store"
)

// eventsCommands are the commands that show events.
type eventsCommands struct {
	Tail  tailCommand  `cmd:"" help:"Show the events that the buses receive, as they arrive. API keys are masked."`
	Trace traceCommand `cmd:"" help:"Show what happened to one event: rules, deliveries, effect, bill, and the events that it caused."`
}

type tailCommand struct {
	Bus      string `help:"Only events of this bus: its name or ARN."`
	Pattern  string `help:"Only events that match this event pattern: file://PATH, or the JSON itself."`
	Limit    int    `short:"n" aliases:"last" default:"10" help:"The number of the newest events to show first."`
	Follow   bool   `short:"f" help:"Continue to show events as they arrive, until interrupted."`
	NoFollow bool   `hidden:"" help:"The default; accepted because it was a flag."`
}

// Run shows the newest events and, with --follow, those that arrive.
func (c *tailCommand) Run(s *session) error {
	q, err := c.query(s)
	if err != nil {
		return err
	}
	for {
		page, err := s.admin.Tail(s.ctx, q)
		if err != nil {
			if s.ctx.Err() != nil {
				return nil
			}
			return err
		}
		if c.Limit <= 0 && q.From < 0 {
			page.Events = nil // one event was requested only to find the end
		}
		outcomes, err := s.tailOutcomes(page.Events)
		if err != nil {
			return err
		}
		for i := range page.Events {
			if err := s.printEvent(&page.Events[i], &outcomes[i]); err != nil {
				return err
			}
		}
		more := q.From >= 0 && page.Next > q.From
		q.From = page.Next
		switch {
		case more: // there may be another page
			continue
		case !c.Follow:
			return nil
		}
		select {
		case <-s.ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
	}
}

func (c *tailCommand) query(s *session) (admin.TailQuery, error) {
	q := admin.TailQuery{Bus: c.Bus, From: -int64(max(c.Limit, 1))}
	if c.Pattern == "" {
		return q, nil
	}
	text, err := fileOrText("--pattern", c.Pattern)
	if err != nil {
		return q, err
	}
	if _, err := pattern.Compile(text); err != nil {
		return q, s.patternError(err, text)
	}
	q.Pattern = string(text)
	return q, nil
}

// tailOutcome is how long an event waits for its outcome before it is shown.
const tailOutcome = 2 * time.Second

// tailOutcomes returns the outcomes of events, and waits a moment for those of new
// ones.
func (s *session) tailOutcomes(page []trace.Info) ([]trace.Outcome, error) {
	if len(page) == 0 {
		return nil, nil
	}
	queries := make([]admin.OutcomeQuery, len(page))
	for i := range page {
		queries[i].EventID = page[i].ID
	}
	for began := time.Now(); ; {
		outcomes, err := s.admin.Outcomes(s.ctx, queries)
		if err != nil {
			return nil, err
		}
		running := false
		for i := range outcomes {
			fresh := time.Since(page[i].Received) < tailOutcome && time.Since(began) < tailOutcome
			running = running || fresh && (outcomes[i].State == "" || outcomes[i].Running)
		}
		if !running {
			return outcomes, nil
		}
		select {
		case <-s.ctx.Done():
			return outcomes, nil
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// printEvent prints an event on one line, with its outcome before its detail.
func (s *session) printEvent(e *trace.Info, o *trace.Outcome) error {
	if s.print.json {
		line, err := json.Marshal(struct {
			*trace.Info
			Outcome *trace.Outcome `json:"outcome"`
		}{e, o}, jsontext.AllowDuplicateNames(true))
		if err == nil {
			s.print.line("%s", line)
		}
		return err
	}
	at, sent := s.print.faint(e.Received.UTC().Format("15:04:05.000")), envelopeOf(e)
	replay := ""
	if e.Replay != "" {
		replay = "  " + s.print.faint("replay "+e.Replay)
	}
	paint := s.print.red
	if o.Succeeded() {
		paint = s.print.green
	}
	used := len("15:04:05.000  "+busName(e.Bus)+"  "+e.ID+"  "+sent.Source+"  "+string(sent.DetailType)) + len(replay) + 2
	outcome := s.print.clip(used, o.Short())
	detail := s.print.clip(used+len([]rune(outcome))+2, string(sent.Detail))
	s.print.line("%s  %s  %s  %s  %s%s  %s  %s", at, busName(e.Bus), e.ID, sent.Source, s.print.bold(string(sent.DetailType)), replay, paint(outcome), detail)
	return nil
}

// envelopeOf returns the event as its sender wrote it; fields that cannot be read are empty.
func envelopeOf(e *trace.Info) (sent events.Envelope) {
	_ = json.Unmarshal(e.Event, &sent, jsontext.AllowDuplicateNames(true))
	return sent
}

// busName returns the name in a bus's ARN.
func busName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

type traceCommand struct {
	ID      string `arg:"" name:"id" help:"The event's id, as PutEvents returns it and tail shows it."`
	Explain bool   `help:"Show for each rule why it matched or did not."`
}

// Run prints the trace of an event.
func (c *traceCommand) Run(s *session) error {
	one, err := s.admin.Trace(s.ctx, c.ID)
	if err != nil {
		return err
	}
	if done, err := s.print.printJSON(one); done {
		return err
	}
	t := &tracePrinter{printer: s.print, explain: c.Explain}
	t.event(&one)
	return t.err
}

// tracePrinter prints a trace; the events that an event caused are indented below it.
type tracePrinter struct {
	printer
	explain bool
	indent  string
	err     error
}

func (t *tracePrinter) field(what, format string, args ...any) {
	t.colouredField(func(s string) string { return s }, what, format, args...)
}

func (t *tracePrinter) colouredField(paint func(string) string, what, format string, args ...any) {
	t.line("%s%s %s", t.indent, paint(fmt.Sprintf("%-10s", what)), fmt.Sprintf(format, args...))
}

func (t *tracePrinter) event(e *trace.Event) {
	if len(e.Arrivals) == 0 {
		t.line("%s%s %s", t.indent, t.bold("event "+e.EventID), t.faint("(see above)"))
		return
	}
	sent := envelopeOf(&e.Arrivals[0].Info)
	t.line("%s%s  %s from %s", t.indent, t.bold("event "+e.EventID), sent.DetailType, sent.Source)
	outer := t.indent
	t.indent += "  "
	if outer == "" {
		paint := t.red
		if e.Outcome.Succeeded() {
			paint = t.green
		}
		t.colouredField(paint, "outcome", "%s", &e.Outcome)
	}
	for i := range e.Arrivals {
		t.arrival(&e.Arrivals[i])
	}
	for i := range e.Lines {
		t.logged(&e.Lines[i])
	}
	for i := range e.Effects {
		t.effect(&e.Effects[i])
	}
	if len(e.Effects) == 0 && sent.IsInput() {
		t.field("effect", "none")
	}
	t.indent = outer
}

func (t *tracePrinter) arrival(a *trace.Arrival) {
	replay := ""
	if a.Replay != "" {
		replay = ", by the replay " + a.Replay
	}
	t.field("received", "%s on %s%s", formatTime(a.Received), busName(a.Bus), replay)
	if t.explain {
		t.field("", "%s", a.Event)
	}
	for i := range a.Rules {
		t.rule(&a.Rules[i])
	}
	for i := range a.Deliveries {
		t.delivery(&a.Deliveries[i])
	}
}

func (t *tracePrinter) rule(r *trace.Rule) {
	why := r.Why
	if r.Explanation != nil && !r.Explanation.Matched && !r.Matches {
		why = strings.Join(unmetConditions(r.Explanation), "; ")
	}
	if why != "" {
		why = ": " + why
	}
	if r.Matches {
		t.colouredField(t.green, "matched by", "%s%s", r.Rule, why)
	} else {
		t.colouredField(t.faint, "refused by", "%s%s", r.Rule, why)
	}
	if t.explain && r.Explanation != nil {
		if err := t.explanation(r.Explanation, t.indent+"           ", false); err != nil {
			t.err = err
		}
	}
}

// unmetConditions names the fields that do not match, with the wanted and the actual value.
func unmetConditions(x *pattern.Explanation) []string {
	if x.Matched {
		return nil
	}
	var all []string
	for _, c := range x.Children {
		all = append(all, unmetConditions(c)...)
	}
	if x.Wanted != nil {
		found := strings.Join(x.Found, ", ")
		if found == "nothing" {
			found = "missing"
		}
		all = append(all, fmt.Sprintf("%s must be %s, and is %s", x.Path, x.Wanted, found))
	}
	return append(all, x.Notes...)
}

func (t *tracePrinter) delivery(d *trace.Delivery) {
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
		said += ", tried again at " + formatTime(d.Due)
	}
	if d.LastError != "" {
		said += fmt.Sprintf(", last error: %q", d.LastError)
	}
	if d.Queue != "" {
		said += ", now in the queue " + targetName(d.Queue)
	}
	t.colouredField(paint, d.State, "%s", said)
}

// logged prints a line of a function's log; of the router's own lines only the most
// useful members.
func (t *tracePrinter) logged(l *trace.Line) {
	text := l.Text
	var canonical struct {
		Message   string            `json:"msg"`
		Status    int               `json:"status"`
		RequestID string            `json:"requestId"`
		Code      string            `json:"code"`
		Error     string            `json:"error"`
		Problems  []fault.Violation `json:"problems"`
		Reason    string            `json:"reason"`
		Duration  float64           `json:"Duration"`
	}
	if json.Unmarshal([]byte(text), &canonical) == nil && canonical.Message != "" {
		text = fmt.Sprintf("%s, status %d, %.1f ms, request %s", canonical.Message, canonical.Status, canonical.Duration, canonical.RequestID)
		reason := (&trace.Outcome{Problems: canonical.Problems, Message: canonical.Error}).Reason()
		for _, why := range []string{canonical.Code, reason, canonical.Reason} {
			if why != "" {
				text += ": " + why
			}
		}
	}
	const width = 160
	if r := []rune(text); len(r) > width {
		text = string(r[:width]) + "…"
	}
	t.field("logged", "%s %s", l.Function, t.faint(l.Time.UTC().Format("15:04:05.000")+" "+text))
}

func (t *tracePrinter) effect(e *trace.Effect) {
	record := strings.TrimRight(fmt.Sprintf("%s/%s/%s", e.Tenant, e.Schema, e.Key), "/")
	if e.Rejected != "" {
		t.field("effect", "none: %s %s was rejected: %s", e.Operation, record, e.Rejected)
	} else {
		t.field("effect", "%s %s, revision %d, at %s", e.Operation, record, e.Revision, formatTime(e.Time))
	}
	if e.Tokens > 0 {
		t.field("bill", "%d tokens for %s in %s, key %s", e.Tokens, e.Tenant, e.Month, e.KeyID)
	} else {
		t.field("bill", "nothing")
	}
	for i := range e.Outputs {
		t.output(&e.Outputs[i])
	}
}

func (t *tracePrinter) output(o *trace.Output) {
	failed := ""
	if o.Error != "" {
		failed = ", last error: " + o.Error
	}
	bus := busName(string(o.Bus))
	if o.NotServed {
		bus = fmt.Sprintf("%s, a bus that is not served here", o.Bus)
	}
	t.field("output", "%s to %s, %s%s", o.DetailType, bus, o.State, failed)
	outer := t.indent
	t.indent += "  "
	for i := range o.Traces {
		t.event(&o.Traces[i])
	}
	t.indent = outer
}

func formatTime(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05.000") }

// Tail implements [admin.Events]. API keys are masked.
func (f functions) Tail(_ context.Context, q admin.TailQuery) (admin.EventPage, error) {
	query := eventbridge.EventQuery{Bus: q.Bus}
	if q.Pattern != "" {
		p, err := pattern.Compile([]byte(q.Pattern))
		if err != nil {
			return admin.EventPage{}, err
		}
		query.Pattern = p
	}
	page := admin.EventPage{Events: []trace.Info{}}
	for from := uint64(max(q.From, 0)); ; {
		batch, next, err := f.local.EventBridge.EventsFrom(from, query)
		if err != nil {
			return page, err
		}
		for i := range batch {
			page.Events = append(page.Events, batch[i].Info())
		}
		page.Next = int64(next)
		if q.From >= 0 || next == from {
			return page, nil
		}
		page.Events = page.Events[max(0, len(page.Events)+int(q.From)):]
		from = next
	}
}

// Trace implements [admin.Events]. It also traces the events that the event caused.
func (f functions) Trace(ctx context.Context, eventID string) (trace.Event, error) {
	t := tracer{functions: f, visited: map[string]bool{}}
	return t.trace(ctx, eventID)
}

// tracer traces an event and all events that it caused.
type tracer struct {
	functions
	visited  map[string]bool // event ids; stops the trace at a cycle of events
	received map[[sha256.Size]byte][]eventbridge.Event
}

func (t *tracer) trace(ctx context.Context, eventID string) (trace.Event, error) {
	one := trace.Event{EventID: eventID, Arrivals: []trace.Arrival{}, Lines: []trace.Line{}, Effects: []trace.Effect{}}
	if t.visited[eventID] {
		return one, nil
	}
	t.visited[eventID] = true
	var err error
	if one.Arrivals, err = t.local.EventBridge.Arrivals(eventID); err != nil {
		return one, err
	}
	if one.Lines, err = t.lines(ctx, eventID); err != nil {
		return one, err
	}
	if one.Effects, err = t.effects(ctx, eventID, one.Arrivals[0].Received); err != nil {
		return one, err
	}
	one.Outcome, err = t.outcome(ctx, one.Arrivals)
	return one, err
}

// targetName returns the last part of a target's ARN.
func targetName(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

// lines returns the log lines of all functions that contain the event's id.
func (t *tracer) lines(ctx context.Context, eventID string) ([]trace.Line, error) {
	found := []trace.Line{}
	for _, name := range t.local.Functions.Names() {
		lines, err := t.local.Functions.Logs(ctx, name, logs.Query{})
		if err != nil {
			return nil, err
		}
		for l := range lines {
			if strings.Contains(l.Text, eventID) {
				found = append(found, trace.Line{Function: name, Time: l.Time, Text: l.Text})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b trace.Line) int { return a.Time.Compare(b.Time) })
	return found, nil
}

const recordsPerPage = 500

// effects returns the effects of the event's requests, from the ledger.
func (t *tracer) effects(ctx context.Context, eventID string, received time.Time) ([]trace.Effect, error) {
	effects := []trace.Effect{}
	for cursor := ""; ; {
		marks, next, err := t.records.IdempotencyRecords(ctx, cursor, recordsPerPage)
		if err != nil {
			return effects, fault.Wrap("trace", fault.Unavailable, err)
		}
		for i := range marks {
			if marks[i].Outputs.InputEventID != eventID {
				continue
			}
			effect, err := t.effect(ctx, &marks[i], received)
			if err != nil {
				return effects, err
			}
			effects = append(effects, effect)
		}
		if cursor = next; cursor == "" {
			return effects, nil
		}
	}
}

func (t *tracer) effect(ctx context.Context, m *store.IdempotencyRecord, received time.Time) (trace.Effect, error) {
	r := &m.Result
	e := trace.Effect{Tenant: r.Ref.Tenant, Schema: r.Ref.Schema, Operation: r.Operation, Key: r.Ref.Key, Revision: r.Revision, Time: r.Time,
		Tokens: m.Bill.Tokens, Month: m.Bill.Month, KeyID: apikey.ID(m.Bill.KeyID), Outputs: []trace.Output{}}
	if r.Rejected {
		e.Rejected = cmp.Or(r.Message, r.Code.String())
	}
	for i, info := range admin.EntriesOf(m) {
		out := trace.Output{Entry: info, NotServed: !t.place.serves(info.Bus), Traces: []trace.Event{}}
		rendered, err := m.Render(i)
		if err != nil {
			return e, err
		}
		same, err := t.equal(ctx, &rendered)
		if err != nil {
			return e, err
		}
		for _, taken := range same {
			if taken.Received.Before(received) {
				continue // received before its cause, so another event
			}
			caused, err := t.trace(ctx, taken.ID)
			if err != nil {
				return e, err
			}
			out.Traces = append(out.Traces, caused)
		}
		e.Outputs = append(e.Outputs, out)
	}
	return e, nil
}

// equal returns the received events with the same content as an entry. They are
// compared by content because EventBridge assigns the event's id.
func (t *tracer) equal(ctx context.Context, entry *events.Entry) ([]eventbridge.Event, error) {
	if t.received == nil {
		t.received = map[[sha256.Size]byte][]eventbridge.Event{}
		for e, err := range t.local.EventBridge.Events(ctx, eventbridge.EventQuery{}) {
			if err != nil {
				return nil, err
			}
			var sent events.Envelope
			if json.Unmarshal(e.JSON, &sent, jsontext.AllowDuplicateNames(true)) != nil || e.Replay != "" {
				continue
			}
			at, err := sent.Time.Time()
			if err != nil {
				continue
			}
			e.JSON = nil // saves memory
			key := digest(e.Bus, sent.Source, string(sent.DetailType), sent.Resources, at, sent.Detail)
			t.received[key] = append(t.received[key], e)
		}
	}
	detail := jsontext.Value(bytes.Clone(entry.Detail))
	if err := detail.Compact(); err != nil {
		return nil, fault.Wrap("trace", fault.Internal, err)
	}
	return t.received[digest(string(entry.Bus), entry.Source, string(entry.DetailType), entry.Resources, entry.Time, detail)], nil
}

// digest returns a hash of the fields that the sender of an event sets. The time is
// compared in seconds, as in events.
func digest(bus, source, detailType string, resources []string, at time.Time, detail jsontext.Value) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %d %s", bus, source, detailType, resources, at.Unix(), detail))
}

// listenCommand forwards events to a web server of the developer.
type listenCommand struct {
	Forward string `required:"" placeholder:"URL" help:"A web server on this machine, such as http://127.0.0.1:3000/events. Each event is the body of a POST request."`
	Pattern string `default:"{\"source\":[\"blockforger-output\"]}" help:"The events to forward: an event pattern, file://PATH or the JSON itself. Default: the output events of the router."`
	Bus     string `default:"default" help:"The name of the event bus."`
}

// Run forwards events until it is interrupted.
func (c *listenCommand) Run(s *session) error {
	u, err := program.LoopbackURL(c.Forward)
	if err != nil {
		return fault.Errorf(fault.Invalid, "--forward: %s", fault.MessageOf(err))
	}
	text, err := fileOrText("--pattern", c.Pattern)
	if err != nil {
		return err
	}
	if _, err := pattern.Compile(text); err != nil {
		return fault.Errorf(fault.Invalid, "--pattern: %s", fault.MessageOf(err))
	}
	cfg := aws.Config{Region: names.LocalRegion, Credentials: localCredentials, BaseEndpoint: &s.endpoint}
	if s.deployment != nil {
		cfg = s.deployment.cfg
	}
	l := &listen.Listener{Events: awseventbridge.NewFromConfig(cfg), Queues: sqs.NewFromConfig(cfg), Bus: c.Bus, Pattern: string(text), URL: u.String(), Web: program.LoopbackClient(),
		Warn:   func(text string) { s.print.note("%s", text) },
		Report: func(f listen.Forward) { s.print.forward(&f) },
		Ready: func() {
			if !s.print.json {
				s.print.line("forwarding events of the bus %s to %s; Ctrl-C ends it", c.Bus, u)
			}
		}}
	return l.Run(s.ctx)
}

// forward prints the result of one request.
func (p printer) forward(f *listen.Forward) {
	ms := f.Duration.Milliseconds()
	if p.json {
		_, _ = p.printJSON(map[string]any{"event": f.Event, "source": f.Source, "detailType": f.DetailType, "status": f.Status, "durationMs": ms, "problem": f.Problem})
		return
	}
	status := strconv.Itoa(f.Status)
	switch {
	case f.Problem != "":
		status = p.red("failed")
	case f.Status >= 300:
		status = p.red(status)
	default:
		status = p.green(status)
	}
	line := fmt.Sprintf("%s %s %d ms  %s %s", time.Now().Format(time.TimeOnly), status, ms, f.DetailType, f.Event)
	if f.Problem != "" {
		line += "  " + f.Problem
	}
	p.line("%s", line)
}
