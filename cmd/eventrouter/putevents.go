package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/jsonerror"
	"github.com/blockforger/eventrouter/internal/trace"
)

type putEventsCommand struct {
	Entries string `required:"" help:"The entries as for the AWS CLI; Detail may also be an object. file://PATH, - for standard input, or the JSON itself."`
	DryRun  bool   `help:"Do not send the entries: show the rules that they match, check them as the router does, and print them in the form of the AWS CLI."`
	Force   bool   `help:"Also send entries that the router would reject."`
	NoWait  bool   `help:"Do not wait for the outcomes."`
}

// putEntry is an entry of PutEvents in the form of the AWS CLI, except that Detail
// may be an object.
type putEntry struct {
	Source       string         `json:"Source"`
	DetailType   string         `json:"DetailType"`
	Detail       detail         `json:"Detail"`
	EventBusName string         `json:"EventBusName,omitzero"`
	Resources    []string       `json:"Resources,omitempty"`
	Time         jsontext.Value `json:"Time,omitzero"`
	TraceHeader  string         `json:"TraceHeader,omitzero"`
}

// detail is read from an object or a string and written as a string, the only form
// that the AWS CLI accepts.
type detail string

func (d *detail) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == '"' {
		tok, err := dec.ReadToken()
		*d = detail(tok.String())
		return err
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	raw = raw.Clone()
	err = raw.Compact()
	*d = detail(raw)
	return err
}

// entryResult is the result for one entry.
type entryResult struct {
	EventID string         `json:"eventId,omitzero"`
	Error   string         `json:"error,omitzero"`   // the reason why PutEvents rejected it
	NotSent bool           `json:"notSent,omitzero"` // because the router would reject it
	Outcome *trace.Outcome `json:"outcome,omitempty"`
	Rules   []trace.Rule   `json:"rules"`
}

// Run checks the entries, sends them and prints their outcomes.
func (c *putEventsCommand) Run(s *session) error {
	entries, err := readEntries(c.Entries, s.in)
	if err != nil {
		return err
	}
	results, err := s.explain(entries)
	if err != nil {
		return err
	}
	if c.DryRun {
		return s.print.dryRun(entries, results)
	}
	for i := range results {
		results[i].NotSent = results[i].Outcome != nil && !c.Force
	}
	if err := s.send(entries, results, !c.NoWait); err != nil {
		return err
	}
	return s.printResults(results, !c.NoWait)
}

// readEntries reads one entry or an array of them.
func readEntries(from string, stdin io.Reader) ([]putEntry, error) {
	var text []byte
	var err error
	path, isFile := strings.CutPrefix(from, "file://")
	switch {
	case from == "-":
		text, err = io.ReadAll(stdin)
	case isFile:
		text, err = os.ReadFile(path)
	default:
		text = []byte(from)
	}
	if err != nil {
		return nil, fileError("--entries", err)
	}
	text = bytes.TrimSpace(text)
	if len(text) > 0 && text[0] == '{' {
		text = append(append([]byte{'['}, text...), ']')
	}
	var entries []putEntry
	if err := json.Unmarshal(text, &entries, json.RejectUnknownMembers(true)); err != nil {
		return nil, fault.Errorf(fault.Invalid, "--entries must be an array of entries with Source, DetailType and Detail: %s", jsonerror.Describe(text, err))
	}
	switch n := len(entries); {
	case n == 0:
		return nil, fault.Errorf(fault.Invalid, "--entries: no entries")
	case n > events.MaxEntries:
		return nil, fault.Errorf(fault.Invalid, "--entries: %d entries, PutEvents accepts at most %d per call", n, events.MaxEntries)
	}
	return entries, checkSize(entries)
}

func checkSize(entries []putEntry) error {
	total := 0
	for i := range entries {
		e := events.Entry{Source: entries[i].Source, DetailType: events.DetailType(entries[i].DetailType),
			Detail: jsontext.Value(entries[i].Detail), Resources: entries[i].Resources}
		if entries[i].Time != nil {
			e.Time = time.Unix(1, 0)
		}
		total += e.Size()
	}
	if total > events.MaxBytes {
		return fault.Errorf(fault.Invalid, "--entries: %d bytes as EventBridge counts, PutEvents accepts at most %d per call", total, events.MaxBytes)
	}
	return nil
}

// explain returns the rules that each entry matches, and the outcome of those that
// the router would reject.
func (s *session) explain(entries []putEntry) ([]entryResult, error) {
	ask := make([]admin.ExplainEntry, len(entries))
	for i, e := range entries {
		ask[i] = admin.ExplainEntry{Bus: e.EventBusName, Source: e.Source, DetailType: e.DetailType, Detail: string(e.Detail)}
		if e.Time != nil {
			at, err := entryTime(e.Time)
			if err != nil {
				return nil, fault.Errorf(fault.Invalid, "entry %d: %v", i, err)
			}
			ask[i].Time = at
		}
	}
	explained, err := s.admin.Explain(s.ctx, ask)
	if err != nil {
		return nil, err
	}
	results := make([]entryResult, len(entries))
	for i := range results {
		results[i].Rules, results[i].Outcome = explained[i].Rules, explained[i].Rejection
	}
	return results, nil
}

// send sends the entries that are not marked otherwise, and waits for their outcomes
// if wait is set.
func (s *session) send(entries []putEntry, results []entryResult, wait bool) error {
	var sent []int
	var chosen []putEntry
	for i := range entries {
		if !results[i].NotSent {
			sent, chosen = append(sent, i), append(chosen, entries[i])
		}
	}
	if len(sent) == 0 {
		return nil
	}
	client := newEventBridge(s.endpoint)
	if s.deployment != nil {
		client = eventbridge.NewFromConfig(s.deployment.cfg)
	}
	begin, answers := time.Now(), make([]entryResult, len(sent))
	if err := putEntriesBy(s.ctx, client, chosen, answers); err != nil {
		return err
	}
	queries := map[int]admin.OutcomeQuery{}
	for k, i := range sent {
		results[i].EventID, results[i].Error, results[i].Outcome = answers[k].EventID, answers[k].Error, nil
		if q, ok := outcomeQuery(&entries[i], answers[k].EventID, begin); ok || s.deployment == nil {
			queries[i] = q
		}
		if results[i].Error != "" {
			delete(queries, i)
		}
	}
	if !wait {
		return nil
	}
	return s.awaitOutcomes(queries, results)
}

// outcomeQuery asks for the outcome of an entry that was sent. It returns false if
// the entry is not an input event: on AWS nothing records the outcome of others.
func outcomeQuery(e *putEntry, eventID string, sent time.Time) (admin.OutcomeQuery, bool) {
	q := admin.OutcomeQuery{EventID: eventID, Sent: sent}
	envelope := events.Envelope{Source: e.Source, DetailType: events.DetailType(e.DetailType), Detail: jsontext.Value(e.Detail)}
	if !envelope.IsInput() {
		return q, false
	}
	if in, err := events.DecodeInput(&envelope); err == nil {
		q.Tenant, q.IdempotencyKey = in.Tenant, in.IdempotencyKey
	}
	return q, true
}

const (
	outcomeWithin    = 10 * time.Second
	outcomeWithinAWS = 60 * time.Second // CloudWatch shows a line some seconds after it is written
)

// outcomeTimeout is how long a command waits for outcomes.
func (s *session) outcomeTimeout() time.Duration {
	if s.deployment != nil {
		return outcomeWithinAWS
	}
	return outcomeWithin
}

// awaitOutcomes waits for the outcomes of events and sets them in the results with
// the same indexes. At the end of the time it sets what is known so far.
func (s *session) awaitOutcomes(queries map[int]admin.OutcomeQuery, results []entryResult) error {
	ctx, cancel := context.WithTimeout(s.ctx, s.outcomeTimeout())
	defer cancel()
	pause, most := 10*time.Millisecond, 250*time.Millisecond
	if s.deployment != nil {
		pause, most = 500*time.Millisecond, 3*time.Second
	}
	for len(queries) > 0 {
		indexes := slices.Sorted(maps.Keys(queries))
		ask := make([]admin.OutcomeQuery, len(indexes))
		for k, i := range indexes {
			ask[k] = queries[i]
		}
		outcomes, err := s.admin.Outcomes(ctx, ask)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		for k, i := range indexes {
			results[i].Outcome = &outcomes[k]
			if o := &outcomes[k]; o.State != "" && !o.Running {
				delete(queries, i)
			}
		}
		if len(queries) == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
			pause = min(pause*3/2, most)
		}
	}
	return nil
}

// putEntries sends the entries to the server at an endpoint.
func putEntries(ctx context.Context, endpoint string, entries []putEntry, results []entryResult, o ...func(*eventbridge.Options)) error {
	return putEntriesBy(ctx, newEventBridge(endpoint, o...), entries, results)
}

// putEntriesBy sends the entries in one call of the SDK's client.
func putEntriesBy(ctx context.Context, client *eventbridge.Client, entries []putEntry, results []entryResult) error {
	in := &eventbridge.PutEventsInput{Entries: make([]types.PutEventsRequestEntry, len(entries))}
	for i, e := range entries {
		out := types.PutEventsRequestEntry{Source: aws.String(e.Source), DetailType: aws.String(e.DetailType),
			Detail: aws.String(string(e.Detail)), Resources: e.Resources}
		if e.EventBusName != "" {
			out.EventBusName = aws.String(e.EventBusName)
		}
		if e.TraceHeader != "" {
			out.TraceHeader = aws.String(e.TraceHeader)
		}
		if e.Time != nil {
			t, err := entryTime(e.Time)
			if err != nil {
				return fault.Errorf(fault.Invalid, "entry %d: %v", i, err)
			}
			out.Time = aws.Time(t)
		}
		in.Entries[i] = out
	}
	answer, err := client.PutEvents(ctx, in)
	if err != nil {
		return fault.Wrap("put-events", fault.Unavailable, err)
	}
	for i, e := range answer.Entries {
		if i >= len(results) {
			break
		}
		results[i].EventID = aws.ToString(e.EventId)
		if e.ErrorCode != nil {
			results[i].Error = aws.ToString(e.ErrorCode) + ": " + aws.ToString(e.ErrorMessage)
		}
	}
	return nil
}

// localCredentials are dummy credentials; a local server does not check them.
var localCredentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
})

// entryTime parses a time as the AWS CLI does: RFC 3339, or seconds since 1970.
func entryTime(v jsontext.Value) (time.Time, error) {
	if v.Kind() == '"' {
		var text string
		if err := json.Unmarshal(v, &text); err != nil {
			return time.Time{}, err
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return time.Time{}, fault.Errorf(fault.Invalid, "Time %q is not in the form of RFC 3339, for example 2026-01-02T03:04:05Z", text)
		}
		return t, nil
	}
	var seconds float64
	if err := json.Unmarshal(v, &seconds); err != nil {
		return time.Time{}, fault.Errorf(fault.Invalid, "Time must be RFC 3339 or seconds since 1970")
	}
	return time.UnixMilli(int64(seconds * 1000)), nil
}

// dryRun prints the rules that the entries match, the expected rejections, and
// the entries for the AWS CLI.
func (p printer) dryRun(entries []putEntry, results []entryResult) error {
	out := struct {
		Results []entryResult `json:"results"`
		AWSCLI  []putEntry    `json:"awsCli"`
	}{results, entries}
	rejected := slices.ContainsFunc(results, func(r entryResult) bool { return r.Outcome != nil })
	done, err := p.printJSON(out)
	if !done {
		for i := range results {
			p.explained(i, &entries[i], &results[i])
		}
		var text []byte
		if text, err = json.Marshal(entries); err == nil {
			p.line("\nFor the AWS CLI, --entries:\n%s", text)
		}
	}
	if err == nil && rejected {
		return errFindings
	}
	return err
}

func (p printer) explained(i int, e *putEntry, r *entryResult) {
	p.line("%s  %s %s", p.bold(fmt.Sprintf("entry %d", i)), e.Source, e.DetailType)
	for _, rule := range r.Rules {
		if rule.Matches {
			p.line("  %s %s -> %s", p.green("matches"), rule.Rule, strings.Join(rule.Targets, ", "))
		} else {
			p.line("  %s %s: %s", p.faint("no match"), rule.Rule, rule.Why)
		}
	}
	if r.Outcome == nil {
		return
	}
	p.line("  %s", p.red(fmt.Sprintf("would be %s %d", r.Outcome.State, r.Outcome.Status)))
	for _, v := range r.Outcome.Problems {
		p.line("    %s", trace.Problem(v))
	}
	if len(r.Outcome.Problems) == 0 {
		p.line("    %s", r.Outcome.Message)
	}
}

// printResults prints one line for each entry. The error is errFindings if an entry
// was not sent or, if waited is set, did not succeed.
func (s *session) printResults(results []entryResult, waited bool) error {
	failed := false
	for i := range results {
		failed = failed || results[i].failed(waited)
	}
	done, err := s.print.printJSON(struct {
		Results []entryResult `json:"results"`
	}{results})
	if !done {
		for i := range results {
			s.print.line("%s", s.print.result(&results[i], waited, s.outcomeTimeout()))
		}
	}
	if err == nil && failed {
		return errFindings
	}
	return err
}

// failed reports whether the entry was not sent or had no effect.
func (r *entryResult) failed(waited bool) bool {
	if r.NotSent || r.Error != "" {
		return true
	}
	return waited && r.Outcome != nil && (r.Outcome.Running || !r.Outcome.Succeeded())
}

// result returns the line for an entry.
func (p printer) result(r *entryResult, waited bool, within time.Duration) string {
	event := p.faint("  event " + r.EventID)
	switch {
	case r.Error != "":
		return p.red("rejected by PutEvents") + "  " + r.Error
	case r.NotSent:
		return p.red("would be "+r.Outcome.String()) + p.faint(" · not sent; --force sends it")
	case !waited || r.Outcome == nil:
		return "sent" + event
	case r.Outcome.State == "" || r.Outcome.Running:
		return p.red(fmt.Sprintf("%s after %v", r.Outcome, within)) + event
	case r.failed(waited):
		return p.red(r.Outcome.String()) + event
	}
	return p.green(r.Outcome.String()) + event
}
