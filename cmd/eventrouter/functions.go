package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/internal/redact"
	"github.com/blockforger/eventrouter/internal/trace"
	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
	"github.com/blockforger/eventrouter/local/logs"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/tenant"
)

// functions implements [admin.Functions] for a local server.
type functions struct {
	local   *local.Server
	records *projection.Store
	router  *router.Router
	logged  *loggedOutcomes
	place   place
	catalog *tenant.Catalog
}

// Sample implements [admin.Events].
func (f functions) Sample(ctx context.Context, q admin.SampleQuery) (admin.Sample, error) {
	return sampleOf(ctx, f.catalog, q)
}

var _ admin.Functions = functions{}

// Logs implements [admin.Functions]. A position is the number of a line.
func (f functions) Logs(ctx context.Context, function string, from int64, limit int) (admin.LogPage, error) {
	lines, err := f.local.Functions.Logs(ctx, function, logs.Query{})
	if err != nil {
		return admin.LogPage{}, err
	}
	page := admin.LogPage{Lines: []admin.LogLine{}, Next: max(from, 0)}
	for l := range lines {
		if from > 0 && int64(l.Seq) < from {
			continue
		}
		page.Lines = append(page.Lines, admin.LogLine{Time: l.Time, Text: l.Text})
		page.Next = int64(l.Seq) + 1
		if from > 0 && limit > 0 && len(page.Lines) == limit {
			break
		}
	}
	if newest := int(-from); from < 0 && len(page.Lines) > newest {
		page.Lines = page.Lines[len(page.Lines)-newest:]
	}
	return page, nil
}

// DeadLetters implements [admin.Functions]. Events are not returned, because they
// contain API keys.
func (f functions) DeadLetters(_ context.Context, q admin.LetterQuery) ([]admin.DeadLetter, error) {
	out := []admin.DeadLetter{}
	err := f.letters(q, func(l admin.DeadLetter, _ jsontext.Value) error {
		out = append(out, l)
		return nil
	})
	return out, err
}

// letters visits the dead letters that a query selects, with their events.
func (f functions) letters(q admin.LetterQuery, visit func(admin.DeadLetter, jsontext.Value) error) error {
	letters, err := f.local.DeadLetters().List()
	if err != nil {
		return err
	}
	for n := 0; len(letters) > 0 && (q.Limit == 0 || n < q.Limit); letters = letters[1:] {
		l := &letters[0]
		shown := admin.DeadLetter{
			ID: l.ID, Function: l.Target[strings.LastIndexByte(l.Target, ':')+1:], EventID: eventID(l.Record.RequestPayload),
			Attempts: l.Record.RequestContext.ApproximateInvokeCount, Error: reason(&l.Record), Time: timestamp(l.Record.Timestamp),
			Code: l.Record.RequestContext.Condition,
		}
		shown.Tenant, shown.Schema = addressOf(l.Record.RequestPayload)
		if !q.Matches(&shown) {
			continue
		}
		n++
		if err := visit(shown, l.Record.RequestPayload); err != nil {
			return err
		}
	}
	return nil
}

// RetryDeadLetters implements [admin.Functions].
func (f functions) RetryDeadLetters(ctx context.Context, q admin.LetterQuery) (n int, err error) {
	ids := q.IDs
	if len(ids) == 0 {
		err = f.letters(q, func(l admin.DeadLetter, _ jsontext.Value) error {
			ids = append(ids, l.ID)
			return nil
		})
	}
	if err != nil {
		return 0, err
	}
	for i, id := range ids {
		if err := f.local.DeadLetters().Retry(ctx, id); err != nil {
			return i, fault.Wrap("dead-letters", fault.Unavailable, err)
		}
	}
	return len(ids), nil
}

// PredictDeadLetters implements [admin.Functions].
func (f functions) PredictDeadLetters(ctx context.Context, q admin.LetterQuery) (p admin.LetterPrediction, err error) {
	err = f.letters(q, func(_ admin.DeadLetter, event jsontext.Value) error {
		p.Add(predictLetter(ctx, f.router, event))
		return ctx.Err()
	})
	return p, err
}

// Explain implements [admin.Functions].
func (f functions) Explain(ctx context.Context, entries []admin.ExplainEntry) ([]admin.Explanation, error) {
	out := make([]admin.Explanation, len(entries))
	for i, e := range entries {
		rules, err := f.local.EventBridge.Explain(&eventbridge.PutEventsRequestEntry{EventBusName: e.Bus, Source: e.Source, DetailType: e.DetailType, Detail: e.Detail})
		if err != nil {
			// PutEvents would reject the entry, and returns the reason.
			out[i].Rules = []trace.Rule{{Rule: "(none)", Why: err.Error()}}
			continue
		}
		routed := false
		for _, v := range rules {
			if !v.Matches && v.Explanation != nil {
				v.Why = strings.Join(differences(v.Explanation), "; ")
			}
			// The explanation holds values of the event, which are not masked.
			v.Matches, v.Explanation = v.Matches && v.Why == "", nil
			out[i].Rules = append(out[i].Rules, v)
			routed = routed || v.Matches && slices.ContainsFunc(v.Targets, func(t string) bool { return strings.HasPrefix(t, routerPrefix) })
		}
		if routed {
			out[i].Rejection = predict(&entries[i], func(e *events.Envelope) (*router.Report, error) { return f.router.Check(ctx, e) })
		}
	}
	return out, nil
}

// eventID reads an event's id out of it, and nothing else.
func eventID(event jsontext.Value) string {
	var e struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(event, &e) // anything else than an event has no id
	return e.ID
}

// reason returns why a delivery was given up: the condition, and the function's last
// error. The handler's errors contain no keys or payloads.
func reason(r *delivery.InvocationRecord) string {
	var answer struct {
		Message string `json:"errorMessage"`
	}
	_ = json.Unmarshal(r.ResponsePayload, &answer)
	if answer.Message == "" {
		return r.RequestContext.Condition
	}
	return r.RequestContext.Condition + ": " + answer.Message
}

// timestamp parses the time of a record. It returns the zero time if that is
// malformed.
func timestamp(s string) time.Time {
	t, _ := time.Parse(time.RFC3339, s)
	return t
}

// differences describes the fields that do not match a pattern: the wanted and the
// actual value, and near misses.
func differences(x *pattern.Explanation) []string {
	if x.Matched {
		return nil
	}
	var out []string
	for _, child := range x.Children {
		out = append(out, differences(child)...)
	}
	if len(out) > 0 || x.Path == "" {
		return append(out, x.Notes...)
	}
	found := "nothing"
	if len(x.Found) > 0 {
		found = strings.Join(x.Found, ", ")
	}
	text := x.Path + " wants " + string(x.Wanted) + ", found " + redact.APIKeys(found)
	if len(x.Notes) > 0 {
		text += " (" + strings.Join(x.Notes, "; ") + ")"
	}
	return []string{text}
}

// awsFunctions implements [admin.Functions] for a deployment: logs are read from
// CloudWatch, dead letters from two queues. The methods of the embedded nil
// interface belong to commands that reject --aws.
type awsFunctions struct {
	admin.Functions
	env     names.Environment
	logs    *cloudwatchlogs.Client
	queues  *sqs.Client
	lambda  *awslambda.Client
	records *projection.Store
	router  func(context.Context) (*router.Router, error)
	catalog func(context.Context) (*tenant.Catalog, error)
	shown   map[string]bool // ids of the lines shown of the newest millisecond

	parallel int                    // dead letters sent again at the same time
	progress func(done, failed int) // of dead letters; may be nil
}

func newAWSFunctions(d *awsDeployment) *awsFunctions {
	return &awsFunctions{
		env: d.env, logs: cloudwatchlogs.NewFromConfig(d.cfg), queues: sqs.NewFromConfig(d.cfg), lambda: awslambda.NewFromConfig(d.cfg), router: d.router, catalog: d.catalog,
	}
}

// logWindows are the periods in which the newest lines are searched, one after the
// other, because CloudWatch returns the oldest lines first.
var logWindows = []time.Duration{15 * time.Minute, 2 * time.Hour, 24 * time.Hour, 30 * 24 * time.Hour}

// Logs implements [admin.Functions]. A position is a time in milliseconds.
func (f *awsFunctions) Logs(ctx context.Context, function string, from int64, limit int) (admin.LogPage, error) {
	if from >= 0 {
		lines, err := f.lines(ctx, function, from)
		if err != nil {
			return admin.LogPage{}, err
		}
		return f.page(lines, from), nil
	}
	for i, back := range logWindows {
		lines, err := f.lines(ctx, function, time.Now().Add(-back).UnixMilli())
		if err != nil {
			return admin.LogPage{}, err
		}
		if newest := int(-from); len(lines) >= newest || i == len(logWindows)-1 {
			return f.page(lines[max(0, len(lines)-newest):], time.Now().UnixMilli()), nil
		}
	}
	return admin.LogPage{}, nil
}

func (f *awsFunctions) lines(ctx context.Context, function string, from int64) (lines []logstypes.FilteredLogEvent, err error) {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(f.logs, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String(names.LogGroup(function)), StartTime: aws.Int64(from),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fault.Wrap("logs of "+function, fault.Unavailable, err)
		}
		lines = append(lines, page.Events...)
	}
	// Streams come one after the other.
	slices.SortStableFunc(lines, func(a, b logstypes.FilteredLogEvent) int {
		return int(aws.ToInt64(a.Timestamp) - aws.ToInt64(b.Timestamp))
	})
	return lines, nil
}

// page returns the lines without those of the previous page. The last millisecond of
// that page is read again, because more lines may have been written in it.
func (f *awsFunctions) page(lines []logstypes.FilteredLogEvent, from int64) admin.LogPage {
	page := admin.LogPage{Lines: []admin.LogLine{}, Next: from}
	before := f.shown
	if len(lines) > 0 {
		page.Next = aws.ToInt64(lines[len(lines)-1].Timestamp)
		f.shown = map[string]bool{}
	}
	for _, l := range lines {
		id, at := aws.ToString(l.EventId), aws.ToInt64(l.Timestamp)
		if at == page.Next {
			f.shown[id] = true
		}
		if !before[id] {
			page.Lines = append(page.Lines, admin.LogLine{Time: time.UnixMilli(at), Text: aws.ToString(l.Message)})
		}
	}
	return page
}

type logsCommand struct {
	Function string `arg:"" optional:"" help:"The function, for example eventrouter-local. Without one, the functions are listed."`
	Follow   bool   `short:"f" help:"Continue to show lines as they are written, until interrupted."`
	Limit    int    `default:"10000" help:"The number of the newest lines to show first; a local server keeps 10,000."`
	Tenant   string `help:"Only lines about this tenant."`
	Status   string `placeholder:"CODE" help:"Only lines with this status, for example 400 or 4xx."`
	Grep     string `placeholder:"TEXT" help:"Only lines that contain this text."`
}

// Help is appended to the help of the command.
func (c *logsCommand) Help() string {
	return "On a terminal, a line of the router is shortened to time, status, outcome, record and reason. " +
		"Elsewhere, and with --output json, lines are shown as they were written."
}

// Validate implements kong's hook.
func (c *logsCommand) Validate() error {
	if c.Limit < 1 {
		return fmt.Errorf("--limit: %d is not a number of lines, at least 1", c.Limit)
	}
	if c.Tenant != "" {
		if _, err := events.ParseTenantID(c.Tenant); err != nil {
			return fmt.Errorf("--tenant: %s", fault.MessageOf(err))
		}
	}
	if s := c.Status; s != "" && (len(s) != 3 || s[0] < '1' || s[0] > '5' || s[1:] != "xx" && strings.Trim(s[1:], "0123456789") != "") {
		return fmt.Errorf("--status: %q is not a status, for example 400 or 4xx", s)
	}
	return nil
}

const followEvery = 500 * time.Millisecond

// Run prints a function's log, or lists the functions.
func (c *logsCommand) Run(s *session) error {
	if c.Function == "" {
		return listFunctions(s)
	}
	from := int64(-int64(c.Limit)) // counted from the end
	if c.filters() {
		from = -int64(max(c.Limit, 10_000)) // of which only some are shown
	}
	for first := true; ; first = false {
		page, err := s.admin.Logs(s.ctx, c.Function, from, c.Limit)
		if err != nil {
			return err
		}
		lines := slices.DeleteFunc(page.Lines, func(l admin.LogLine) bool { return !c.shows(l.Text) })
		if first && len(lines) > c.Limit {
			lines = lines[len(lines)-c.Limit:]
		}
		for _, line := range lines {
			if err := s.print.logLine(line); err != nil {
				return err
			}
		}
		from = page.Next
		if !c.Follow {
			return nil
		}
		select {
		case <-s.ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
	}
}

func (c *logsCommand) filters() bool { return c.Tenant != "" || c.Status != "" || c.Grep != "" }

// shows reports whether the filters select a line.
func (c *logsCommand) shows(text string) bool {
	if !strings.Contains(text, c.Grep) {
		return false
	}
	if c.Tenant == "" && c.Status == "" {
		return true
	}
	var line struct {
		Tenant string `json:"tenant"` // of the router's line
		Status int    `json:"status"`
		Detail struct {
			Tenant string `json:"tenant"` // of an event
		} `json:"detail"`
	}
	if json.Unmarshal([]byte(text), &line, jsontext.AllowDuplicateNames(true)) != nil {
		return false
	}
	status := strconv.Itoa(line.Status)
	if strings.HasSuffix(c.Status, "xx") {
		status = status[:1] + "xx"
	}
	return (c.Tenant == "" || c.Tenant == cmp.Or(line.Tenant, line.Detail.Tenant)) && (c.Status == "" || c.Status == status)
}

// listFunctions prints the names of the functions that have a log.
func listFunctions(s *session) error {
	list := []string{}
	if d := s.deployment; d != nil {
		for _, r := range []names.Resource{names.Function, names.RelayFunction, names.TestFunction} {
			list = append(list, d.env.Name(r))
		}
	} else {
		client := awslambda.New(awslambda.Options{BaseEndpoint: aws.String(s.endpoint), Region: names.LocalRegion, Credentials: localCredentials})
		out, err := client.ListFunctions(s.ctx, &awslambda.ListFunctionsInput{})
		if err != nil {
			return serviceError("functions", err)
		}
		for i := range out.Functions {
			list = append(list, aws.ToString(out.Functions[i].FunctionName))
		}
	}
	if done, err := s.print.printJSON(struct {
		Functions []string `json:"functions"`
	}{list}); done {
		return err
	}
	for _, name := range list {
		s.print.line("%s", name)
	}
	return nil
}

// logLine prints a line of a log: as it was written or, on a terminal, in short.
func (p printer) logLine(l admin.LogLine) error {
	if p.json { // one value per line, so that a program can follow the log
		b, err := json.Marshal(l)
		if err == nil {
			p.line("%s", b)
		}
		return err
	}
	if p.width == 0 {
		p.line("%s %s", p.faint(l.Time.UTC().Format("15:04:05.000")), l.Text)
		return nil
	}
	at, text := l.Time.UTC().Format("15:04:05"), l.Text
	paint := func(s string) string { return s }
	if o, ok := trace.ParseLine(text); ok {
		text = logSummary(&o)
		if paint = p.green; !o.Succeeded() {
			paint = p.red
		}
	} else if event, ok := eventSummary(text); ok {
		text = event
	}
	p.line("%s %s", p.faint(at), paint(p.clip(len(at)+1, text)))
	return nil
}

// logSummary returns the outcome of a request for the log on a terminal, for example
//
//	400 rejected acme/products POST B-2  /price must be a number
func logSummary(o *trace.Outcome) string {
	var parts []string
	if o.Status != 0 {
		parts = append(parts, strconv.Itoa(o.Status))
	}
	parts = append(parts, string(o.State))
	if o.Tenant != "" {
		record := string(o.Tenant)
		if o.Schema != "" {
			record += "/" + string(o.Schema)
		}
		parts = append(parts, record, string(o.Operation))
	}
	if o.Key != "" {
		parts = append(parts, string(o.Key))
	}
	text := strings.TrimSpace(strings.Join(parts, " "))
	reason := o.Message
	if len(o.Problems) > 0 {
		var all []string
		for _, v := range o.Problems {
			all = append(all, strings.TrimSpace(v.Pointer+" "+v.Message))
		}
		reason = strings.Join(all, "; ")
	}
	if reason != "" {
		text += "  " + reason
	}
	return text
}

// eventSummary returns an event that the test function logged: what it is, and its
// detail.
func eventSummary(text string) (string, bool) {
	var e events.Envelope
	if json.Unmarshal([]byte(text), &e, jsontext.AllowDuplicateNames(true)) != nil || e.DetailType == "" || e.Source == "" {
		return "", false
	}
	return fmt.Sprintf("%s from %s  %s", e.DetailType, e.Source, e.Detail), true
}
