package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/internal/trace"
	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/logs"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
)

// routerPrefix opens the names of functions that are the router.
const routerPrefix = "eventrouter-"

// Outcomes implements [admin.Events]. An outcome is known when every delivery of the
// event has succeeded, failed or been attempted, and the router has written its log
// line.
func (f functions) Outcomes(ctx context.Context, queries []admin.OutcomeQuery) ([]trace.Outcome, error) {
	outcomes := make([]trace.Outcome, len(queries))
	for i, q := range queries {
		arrivals, err := f.local.EventBridge.Arrivals(q.EventID)
		if err == nil {
			outcomes[i], err = f.outcome(ctx, arrivals)
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		outcomes[i].EventID = q.EventID
	}
	return outcomes, nil
}

// outcome returns how an event ended that a bus received.
func (f functions) outcome(ctx context.Context, arrivals []trace.Arrival) (trace.Outcome, error) {
	ends := deliveryEnds(arrivals, time.Now())
	// The line is written before the delivery ends: read it after the deliveries.
	if err := f.logged.read(ctx, f.local); err != nil {
		return trace.Outcome{}, err
	}
	o, routed := f.logged.of(arrivals[0].ID)
	switch {
	case routed:
	case ends.running || ends.routed && len(ends.failures) == 0:
		// A crash may have lost the line.
		if m, err := f.result(ctx, &arrivals[0]); err == nil && !ends.running {
			o = storedOutcome(&m)
		} else if err != nil && !fault.Is(err, fault.NotFound) {
			return o, err
		}
	case !ends.matched:
		o = trace.Outcome{State: trace.NoRule, Message: whyNoRule(arrivals)}
	case len(ends.failures) > 0:
		o.State = trace.Undelivered
	default:
		o.State = trace.Delivered
	}
	o.EventID = arrivals[0].ID
	o.Targets, o.Failures, o.Running = ends.targets, ends.failures, ends.running
	if o.State == trace.Ignored && len(o.Targets) > 1 {
		o.State = trace.Delivered // the router's line is not all
	}
	if m, err := f.result(ctx, &arrivals[0]); err == nil {
		addResult(&o, &m, func(b events.BusARN) string {
			if !f.place.serves(b) {
				return string(b) + ", a bus that is not served here"
			}
			return busName(string(b))
		})
	} else if !fault.Is(err, fault.NotFound) {
		return o, err
	}
	return o, nil
}

// deliveryState sums up the deliveries of an event.
type deliveryState struct {
	matched  bool     // by a rule
	routed   bool     // the router is a target
	running  bool     // a delivery is under way, or is retried within outcomeWithin
	targets  []string // that received the event
	failures []string // of targets other than the router, and of the router's dead letters
}

func deliveryEnds(arrivals []trace.Arrival, now time.Time) (ends deliveryState) {
	for i := range arrivals {
		for _, r := range arrivals[i].Rules {
			ends.matched = ends.matched || r.Matches && len(r.Targets) > 0
		}
		for _, d := range arrivals[i].Deliveries {
			name := targetName(d.Target)
			isRouter := strings.HasPrefix(name, routerPrefix)
			ends.routed = ends.routed || isRouter
			switch delivery.State(d.State) {
			case delivery.Delivered:
				if !slices.Contains(ends.targets, name) {
					ends.targets = append(ends.targets, name)
				}
			case delivery.Waiting:
				ends.running = ends.running || d.LastError == "" || d.Due.Before(now.Add(outcomeWithin))
				if d.LastError != "" && !isRouter {
					ends.failures = append(ends.failures, fmt.Sprintf("%s: %s, tried again at %s", name, d.LastError, d.Due.UTC().Format("15:04:05")))
				}
			default:
				ends.failures = append(ends.failures, fmt.Sprintf("%s: %s, given up after %d attempts", name, d.LastError, d.Attempts))
			}
		}
	}
	return ends
}

// whyNoRule lists for each rule of the first bus what does not match.
func whyNoRule(arrivals []trace.Arrival) string {
	const most = 3
	var why []string
	for _, r := range arrivals[0].Rules {
		reason := r.Why
		if r.Explanation != nil && !r.Explanation.Matched {
			reason = strings.Join(unmetConditions(r.Explanation), ", ")
		}
		if len(why) == most {
			why = append(why, "and more")
			break
		}
		why = append(why, r.Rule+": "+reason)
	}
	if why == nil {
		return "the bus " + busName(arrivals[0].Bus) + " has no rules, or does not exist here"
	}
	return strings.Join(why, "; ")
}

// result returns the stored result of an input event; NotFound if there is none.
func (f functions) result(ctx context.Context, a *trace.Arrival) (store.IdempotencyRecord, error) {
	var e events.Envelope
	if err := json.Unmarshal(a.Event, &e, jsontext.AllowDuplicateNames(true)); err != nil || !e.IsInput() {
		return store.IdempotencyRecord{}, fault.Errorf(fault.NotFound, "event %s is not an input event", a.ID)
	}
	in, err := events.DecodeInput(&e)
	if err != nil {
		return store.IdempotencyRecord{}, fault.Errorf(fault.NotFound, "event %s is malformed", a.ID)
	}
	return f.records.IdempotencyRecord(ctx, resultKey(a.ID, in.Tenant, in.IdempotencyKey))
}

// resultKey returns the key of an input event's result.
func resultKey(eventID string, t events.TenantID, idempotencyKey string) store.IdempotencyKey {
	if idempotencyKey != "" {
		return store.IdempotencyKey{Tenant: t, Origin: store.OriginEventKey, Value: idempotencyKey}
	}
	return store.IdempotencyKey{Tenant: t, Origin: store.OriginEventID, Value: eventID}
}

// storedOutcome returns the outcome of a stored result, without its problems: whose
// names the schema declares is not known here.
func storedOutcome(m *store.IdempotencyRecord) trace.Outcome {
	if m.Result.Rejected {
		return trace.Outcome{State: trace.Rejected, Status: m.Result.Status(), Message: m.Result.Message}
	}
	return trace.Outcome{State: trace.StateOf(m.Result.Operation), Tokens: m.Bill.Tokens}
}

// addResult adds the record and the output events of a stored result.
func addResult(o *trace.Outcome, m *store.IdempotencyRecord, nameOf func(events.BusARN) string) {
	o.Tenant, o.Schema, o.Operation, o.Key = m.Result.Ref.Tenant, m.Result.Ref.Schema, m.Result.Operation, m.Result.Ref.Key
	if m.Result.Rejected {
		return
	}
	if o.State == trace.Repeated {
		if m.Outputs.InputEventID != o.EventID && m.Key.Origin != store.OriginEventID {
			return
		}
		// The line of the delivery that carried it out was lost.
		o.State, o.Tokens = trace.StateOf(m.Result.Operation), m.Bill.Tokens
	}
	o.Status = m.Result.Status()
	for i := range m.Outputs.Entries {
		e := &m.Outputs.Entries[i]
		name := nameOf(e.Bus)
		switch e.State {
		case store.EntryPublished:
			if !slices.Contains(o.Published, name) {
				o.Published = append(o.Published, name)
			}
		case store.EntryPending:
			if !slices.Contains(o.Pending, name) {
				o.Pending = append(o.Pending, name)
			}
		default:
			o.Failures = append(o.Failures, fmt.Sprintf("bus %s: %s, %s", name, e.Error, e.State))
		}
	}
}

// A loggedOutcomes holds the outcomes that the router's log lines report, by event id.
type loggedOutcomes struct {
	mu      sync.Mutex
	last    map[string]uint64 // the last line that was read, by function
	byEvent map[string]trace.Outcome
}

// read adds the lines that were written since the last call.
func (l *loggedOutcomes) read(ctx context.Context, s *local.Server) error {
	const most = 50_000
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byEvent == nil || len(l.byEvent) > most {
		l.byEvent, l.last = map[string]trace.Outcome{}, map[string]uint64{}
	}
	for _, name := range s.Functions.Names() {
		if !strings.HasPrefix(name, routerPrefix) {
			continue
		}
		lines, err := s.Functions.Logs(ctx, name, logs.Query{After: l.last[name]})
		if err != nil {
			return err
		}
		for line := range lines {
			l.last[name] = line.Seq
			if o, ok := trace.ParseLine(line.Text); ok && o.EventID != "" && supersedes(&o, l.byEvent[o.EventID].State) {
				l.byEvent[o.EventID] = o
			}
		}
	}
	return nil
}

// supersedes reports whether the outcome of a later line replaces an earlier one. The
// line of a redelivery does not, unless the first delivery failed.
func supersedes(later *trace.Outcome, earlier trace.State) bool {
	return earlier == "" || earlier == trace.Failed || later.State != trace.Repeated && later.State != trace.Failed
}

func (l *loggedOutcomes) of(eventID string) (trace.Outcome, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o, ok := l.byEvent[eventID]
	return o, ok
}

// predict returns the outcome of an entry that the router would reject, or nil.
func predict(e *admin.ExplainEntry, check func(*events.Envelope) (*router.Report, error)) *trace.Outcome {
	at := e.Time
	if at.IsZero() {
		at = time.Now()
	}
	envelope := events.Envelope{ID: "00000000-0000-0000-0000-000000000000", Source: e.Source, DetailType: events.DetailType(e.DetailType),
		Time: events.Timestamp(at.UTC().Format(time.RFC3339)), Detail: jsontext.Value(e.Detail)}
	if !envelope.IsInput() {
		return nil
	}
	report, err := check(&envelope)
	if !fault.IsRejection(err) {
		return nil
	}
	return &trace.Outcome{State: trace.Rejected, Status: events.Status(report.Code, report.Operation), Tenant: report.Tenant, Schema: report.Schema,
		Operation: report.Operation, Problems: report.Problems(), Message: fault.MessageOf(err)}
}

// Outcomes implements [admin.Events]. The result in the ledger is read first; a
// rejection that is not stored is only in the log.
func (f *awsFunctions) Outcomes(ctx context.Context, queries []admin.OutcomeQuery) ([]trace.Outcome, error) {
	outcomes := make([]trace.Outcome, len(queries))
	for i, q := range queries {
		o := trace.Outcome{EventID: q.EventID}
		stored := false
		if q.Tenant != "" {
			m, err := f.records.IdempotencyRecord(ctx, resultKey(q.EventID, q.Tenant, q.IdempotencyKey))
			if err != nil && !fault.Is(err, fault.NotFound) {
				return nil, err
			}
			if stored = err == nil && !m.Result.Rejected && m.Outputs.InputEventID == q.EventID; stored {
				o.State, o.Tokens = trace.StateOf(m.Result.Operation), m.Bill.Tokens
				addResult(&o, &m, func(b events.BusARN) string { return busName(string(b)) })
				o.Running = len(o.Pending) > 0
			}
		}
		if !stored {
			if err := f.loggedOutcome(ctx, &q, &o); err != nil {
				return nil, err
			}
		}
		outcomes[i] = o
	}
	return outcomes, nil
}

// loggedOutcome sets the outcome that the newest line of the router's log about an
// event reports.
func (f *awsFunctions) loggedOutcome(ctx context.Context, q *admin.OutcomeQuery, o *trace.Outcome) error {
	from := q.Sent
	if from.IsZero() {
		from = time.Now().Add(-24 * time.Hour)
	}
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(f.logs, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String(names.LogGroup(f.env.Name(names.Function))), StartTime: aws.Int64(from.Add(-time.Minute).UnixMilli()),
		FilterPattern: aws.String(`{ $.eventId = "` + strings.ReplaceAll(q.EventID, `"`, `\"`) + `" }`),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fault.Wrap("logs of the router", fault.Unavailable, err)
		}
		for _, line := range page.Events {
			if logged, ok := trace.ParseLine(aws.ToString(line.Message)); ok && logged.EventID == q.EventID && supersedes(&logged, o.State) {
				*o = logged
				o.Running = o.State == trace.Failed
			}
		}
	}
	return nil
}

// Explain implements [admin.Functions]. The rules of the deployment are not read.
func (f *awsFunctions) Explain(ctx context.Context, entries []admin.ExplainEntry) ([]admin.Explanation, error) {
	r, err := f.router(ctx)
	if err != nil {
		return nil, fault.Wrap("tenant files", fault.Unavailable, err)
	}
	out := make([]admin.Explanation, len(entries))
	for i := range entries {
		out[i].Rejection = predict(&entries[i], func(e *events.Envelope) (*router.Report, error) { return r.Check(ctx, e) })
	}
	return out, nil
}

// Sample implements [admin.Events].
func (f *awsFunctions) Sample(ctx context.Context, q admin.SampleQuery) (admin.Sample, error) {
	catalog, err := f.catalog(ctx)
	if err != nil {
		return admin.Sample{}, fault.Wrap("tenant files", fault.Unavailable, err)
	}
	return sampleOf(ctx, catalog, q)
}
