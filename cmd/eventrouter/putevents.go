package main

import (
	"bytes"
	"context"
	"io"
	"os"
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
	"github.com/blockforger/eventrouter/internal/trace"
)

type putEventsCommand struct {
	Entries string `required:"" help:"The entries as for the AWS CLI; Detail may also be an object. file://PATH, - for standard input, or the JSON itself."`
	DryRun  bool   `help:"Check and explain the entries without sending them, and print them in the form of the AWS CLI."`
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
	EventID  string       `json:"eventId,omitzero"`
	Error    string       `json:"error,omitzero"`
	Problems []string     `json:"problems,omitempty"` // errors that the router would report
	Rules    []trace.Rule `json:"rules"`
}

// Run checks, explains and sends the entries.
func (c *putEventsCommand) Run(s *session) error {
	entries, err := readEntries(c.Entries, s.in)
	if err != nil {
		return err
	}
	results, err := s.explain(entries)
	if err != nil {
		return err
	}
	if !c.DryRun {
		if err := putEntries(s.ctx, s.endpoint, entries, results); err != nil {
			return err
		}
	}
	return s.printResults(entries, results, c.DryRun)
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
		return nil, fault.Errorf(fault.Invalid, "--entries: %v", err)
	}
	text = bytes.TrimSpace(text)
	if len(text) > 0 && text[0] == '{' {
		text = append(append([]byte{'['}, text...), ']')
	}
	var entries []putEntry
	if err := json.Unmarshal(text, &entries, json.RejectUnknownMembers(true)); err != nil {
		return nil, fault.Errorf(fault.Invalid, "--entries: want an array of entries with Source, DetailType and Detail: %v", err)
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

// explain asks the server which rules match each entry, and validates input events
// as the router does.
func (s *session) explain(entries []putEntry) ([]entryResult, error) {
	ask := make([]admin.ExplainEntry, len(entries))
	for i, e := range entries {
		ask[i] = admin.ExplainEntry{Bus: e.EventBusName, Source: e.Source, DetailType: e.DetailType, Detail: string(e.Detail)}
	}
	explained, err := s.admin.Explain(s.ctx, ask)
	if err != nil {
		return nil, err
	}
	results := make([]entryResult, len(entries))
	for i, e := range entries {
		results[i].Rules = explained[i].Rules
		envelope := events.Envelope{Source: e.Source, DetailType: events.DetailType(e.DetailType), Detail: jsontext.Value(e.Detail)}
		if !envelope.IsInput() {
			continue
		}
		if _, err := events.DecodeInput(&envelope); err != nil {
			for _, v := range fault.ViolationsOf(err) {
				results[i].Problems = append(results[i].Problems, v.Pointer+" "+v.Message)
			}
			if len(results[i].Problems) == 0 {
				results[i].Problems = []string{fault.MessageOf(err)}
			}
		}
	}
	return results, nil
}

// putEntries sends the entries in one call of the SDK's client.
func putEntries(ctx context.Context, endpoint string, entries []putEntry, results []entryResult, o ...func(*eventbridge.Options)) error {
	client := newEventBridge(endpoint, o...)
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

func (s *session) printResults(entries []putEntry, results []entryResult, dryRun bool) error {
	failed := false
	for _, r := range results {
		failed = failed || r.Error != "" || len(r.Problems) > 0
	}
	out := struct {
		Results []entryResult `json:"results"`
		AWSCLI  []putEntry    `json:"awsCli,omitempty"`
	}{Results: results}
	if dryRun {
		out.AWSCLI = entries
	}
	if done, err := s.print.printJSON(out); done {
		if err == nil && failed {
			return errFindings
		}
		return err
	}
	for i, r := range results {
		s.printResult(i, entries[i], r)
	}
	if dryRun {
		text, err := json.Marshal(entries)
		if err != nil {
			return err
		}
		s.print.line("\nFor the AWS CLI, --entries:\n%s", text)
	}
	if failed {
		return errFindings
	}
	return nil
}

func (s *session) printResult(i int, e putEntry, r entryResult) {
	state := r.EventID
	if r.Error != "" {
		state = s.print.red(r.Error)
	}
	s.print.line("%s  %s %s  %s", s.print.bold("entry "+string(rune('0'+i))), e.Source, e.DetailType, state)
	for _, p := range r.Problems {
		s.print.line("  %s %s", s.print.red("the router will reject it:"), p)
	}
	for _, rule := range r.Rules {
		if rule.Matches {
			s.print.line("  %s %s -> %s", s.print.green("matches"), rule.Rule, strings.Join(rule.Targets, ", "))
		} else {
			s.print.line("  %s %s: %s", s.print.faint("no match"), rule.Rule, rule.Why)
		}
	}
}
