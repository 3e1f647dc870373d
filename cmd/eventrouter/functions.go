package main

import (
	"context"
	"slices"
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
	Function string `arg:"" help:"The function: eventrouter-local or eventbridge-test-local."`
	Follow   bool   `short:"f" help:"Continue to show lines as they are written, until interrupted."`
	Limit    int    `default:"10000" help:"The number of the newest lines to show first; a local server keeps 10,000."`
}

const followEvery = 500 * time.Millisecond

// Run prints a function's log.
func (c *logsCommand) Run(s *session) error {
	from := int64(-int64(c.Limit)) // counted from the end
	for {
		page, err := s.admin.Logs(s.ctx, c.Function, from, c.Limit)
		if err != nil {
			return err
		}
		for _, line := range page.Lines {
			if err := s.printLogLine(line); err != nil {
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

func (s *session) printLogLine(l admin.LogLine) error {
	if s.print.json { // one value per line, so that a program can follow the log
		b, err := json.Marshal(l)
		if err == nil {
			s.print.line("%s", b)
		}
		return err
	}
	s.print.line("%s %s", s.print.faint(l.Time.UTC().Format("15:04:05.000")), l.Text)
	return nil
}
