package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/lambda/eventlog"
	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/store"
)

// Tail reads what the buses took, with keys masked.
func (f functions) Tail(_ context.Context, q admin.TailQuery) (admin.EventPage, error) {
	query := local.EventQuery{Bus: q.Bus}
	if q.Pattern != "" {
		p, err := pattern.Compile([]byte(q.Pattern))
		if err != nil {
			return admin.EventPage{}, err
		}
		query.Pattern = p
	}
	page := admin.EventPage{Events: []admin.EventInfo{}}
	for from := uint64(max(q.From, 0)); ; {
		batch, next, err := f.local.EventsFrom(from, query)
		if err != nil {
			return page, err
		}
		for i := range batch {
			page.Events = append(page.Events, eventInfo(&batch[i]))
		}
		page.Next = int64(next)
		if q.From >= 0 || next == from {
			return page, nil
		}
		page.Events = page.Events[max(0, len(page.Events)+int(q.From)):]
		from = next
	}
}

func eventInfo(e *local.Event) admin.EventInfo {
	return admin.EventInfo{ID: e.ID, Bus: e.Bus, Received: e.Received, Replay: e.Replay, Event: eventlog.Mask(e.JSON)}
}

// Trace tells an event's story, and those of the events that it led to.
func (f functions) Trace(ctx context.Context, eventID string) (admin.Trace, error) {
	t := tracer{functions: f, told: map[string]bool{}}
	return t.trace(ctx, eventID)
}

// A tracer follows one event through everything that it led to.
type tracer struct {
	functions
	told  map[string]bool // event ids: so that a ring of events has an end
	taken map[[sha256.Size]byte][]local.Event
}

func (t *tracer) trace(ctx context.Context, eventID string) (admin.Trace, error) {
	story := admin.Trace{EventID: eventID, Arrivals: []admin.Arrival{}, Lines: []admin.FunctionLine{}, Effects: []admin.Effect{}}
	if t.told[eventID] {
		return story, nil
	}
	t.told[eventID] = true
	stories, err := t.local.Stories(ctx, eventID)
	if err != nil {
		return story, err
	}
	for i := range stories {
		story.Arrivals = append(story.Arrivals, arrival(&stories[i]))
	}
	if story.Lines, err = t.lines(ctx, eventID); err != nil {
		return story, err
	}
	story.Effects, err = t.effects(ctx, eventID, stories[0].Event.Received)
	return story, err
}

func arrival(s *local.Story) admin.Arrival {
	a := admin.Arrival{EventInfo: eventInfo(&s.Event), Rules: []admin.RuleVerdict{}, Deliveries: []admin.Delivery{}}
	matched := slices.Clone(s.Event.Rules)
	for _, v := range s.Verdicts {
		at := slices.Index(matched, v.Rule.ARN)
		if at >= 0 {
			matched = slices.Delete(matched, at, at+1)
		}
		a.Rules = append(a.Rules, ruleVerdict(&v, at >= 0, a.Event))
	}
	for _, arn := range matched {
		a.Rules = append(a.Rules, admin.RuleVerdict{Rule: ruleName(arn), Matches: true, Why: "the rule does not exist any more"})
	}
	for _, d := range s.Deliveries {
		a.Deliveries = append(a.Deliveries, admin.Delivery{Rule: ruleName(d.Rule), Target: d.Target, State: string(d.State),
			Attempts: d.Attempts, Due: d.Due, LastError: d.LastError, Queue: d.Queue})
	}
	return a
}

// ruleVerdict tells what a rule made of the event, and where the rule was changed
// since then says so.
func ruleVerdict(v *local.Verdict, matched bool, masked []byte) admin.RuleVerdict {
	out := admin.RuleVerdict{Rule: v.Rule.Name, Matches: matched, Why: v.Why, Explanation: explainMasked(v, masked)}
	for _, t := range v.Rule.Targets {
		out.Targets = append(out.Targets, targetName(t))
	}
	switch {
	case matched && !v.Matches:
		out.Why = "it matched when the event came; the rule was changed since"
	case !matched && v.Matches && v.Why == "":
		out.Why = "it would match now: the rule was changed since, or the replay was not for it"
	}
	return out
}

// explainMasked explains with the masked event, so that no key is shown. A
// pattern that decides by the key itself is not explained.
func explainMasked(v *local.Verdict, masked []byte) *pattern.Explanation {
	if v.Explanation == nil {
		return nil
	}
	p, err := pattern.Compile([]byte(v.Rule.Pattern))
	if err != nil {
		return nil
	}
	e, err := pattern.Parse(masked)
	if err != nil {
		return nil
	}
	if why := pattern.Explain(p, e); why.Matched == v.Matches {
		return why
	}
	return nil
}

// ruleName is the name in a rule's ARN, without its bus.
func ruleName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// targetName is what people call a target: the end of its ARN.
func targetName(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

// lines are those that name the event.
func (t *tracer) lines(ctx context.Context, eventID string) ([]admin.FunctionLine, error) {
	found := []admin.FunctionLine{}
	for _, name := range t.local.Functions() {
		lines, err := t.local.Logs(ctx, name, local.LogQuery{})
		if err != nil {
			return nil, err
		}
		for l := range lines {
			if strings.Contains(l.Text, eventID) {
				found = append(found, admin.FunctionLine{Function: name, LogLine: admin.LogLine{Time: l.Time, Text: l.Text}})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b admin.FunctionLine) int { return a.Time.Compare(b.Time) })
	return found, nil
}

const marksAtOnce = 500

// effects are what the event's requests left in the ledger.
func (t *tracer) effects(ctx context.Context, eventID string, received time.Time) ([]admin.Effect, error) {
	effects := []admin.Effect{}
	for cursor := ""; ; {
		marks, next, err := t.records.IdempotencyRecords(ctx, cursor, marksAtOnce)
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

func (t *tracer) effect(ctx context.Context, m *store.IdempotencyRecord, received time.Time) (admin.Effect, error) {
	r := &m.Result
	e := admin.Effect{Tenant: r.Ref.Tenant, Schema: r.Ref.Schema, Operation: r.Operation, Key: r.Ref.Key, Revision: r.Revision, Time: r.Time,
		Tokens: m.Bill.Tokens, Month: m.Bill.Month, KeyID: apikey.ID(m.Bill.KeyID), Outputs: []admin.Output{}}
	if r.Rejected {
		e.Rejected = cmp.Or(r.Message, r.Code.String())
	}
	for i, info := range admin.EntriesOf(m) {
		out := admin.Output{EntryInfo: info, Traces: []admin.Trace{}}
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
				continue // no effect comes before its cause
			}
			story, err := t.trace(ctx, taken.ID)
			if err != nil {
				return e, err
			}
			out.Traces = append(out.Traces, story)
		}
		e.Outputs = append(e.Outputs, out)
	}
	return e, nil
}

// equal are the events taken that equal an entry in all that was sent: an entry
// bears no id that its event must show.
func (t *tracer) equal(ctx context.Context, entry *events.Entry) ([]local.Event, error) {
	if t.taken == nil {
		t.taken = map[[sha256.Size]byte][]local.Event{}
		for e, err := range t.local.Events(ctx, local.EventQuery{}) {
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
			e.JSON = nil // there may be many
			key := digest(e.Bus, sent.Source, string(sent.DetailType), sent.Resources, at, sent.Detail)
			t.taken[key] = append(t.taken[key], e)
		}
	}
	detail := jsontext.Value(bytes.Clone(entry.Detail))
	if err := detail.Compact(); err != nil {
		return nil, fault.Wrap("trace", fault.Internal, err)
	}
	return t.taken[digest(string(entry.Bus), entry.Source, string(entry.DetailType), entry.Resources, entry.Time, detail)], nil
}

// digest names an event by what its sender decides. An event's time has seconds.
func digest(bus, source, detailType string, resources []string, at time.Time, detail jsontext.Value) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %d %s", bus, source, detailType, resources, at.Unix(), detail))
}
