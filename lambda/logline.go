package lambda

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/internal/redact"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/router"
)

// An invocation holds what the requests of one call of the function share.
type invocation struct {
	requestID string
	start     time.Time
	cold      bool
	unwrapped int // how many records of failed invocations were unwrapped
	log       io.Writer
}

// A logger writes one JSON line per request, with embedded metrics (R76). The
// line holds what an operator needs to analyze an incident, and never a key or
// a payload.
type logger struct {
	environment string
	now         func() time.Time

	mu sync.Mutex // one line at a time, even if the writer is shared
}

// request writes the line of one request.
func (l *logger) request(call invocation, r *router.Report, status int) {
	now := l.now()
	b := newLine(now, level(r.Outcome), string(r.Outcome))
	b.number("status", int64(status))
	b.text("tenant", string(r.Tenant))
	b.text("schema", string(r.Schema))
	b.text("operation", string(r.Operation))
	b.text("eventId", fault.Clip(r.EventID, 128))
	b.text("requestId", call.requestID)
	b.text("keyId", string(r.KeyID))
	b.text("recordKey", string(r.RecordKey))
	if r.Revision > 0 {
		b.number("revision", r.Revision)
	}
	if r.Cause != nil {
		b.text("code", r.Code.String())
		b.text("error", fault.Clip(errorText(r.Cause), 1024))
		if n := len(fault.ViolationsOf(r.Cause)); n > 0 {
			b.number("violations", int64(n))
			b.problems(r.Problems())
		}
	}
	if r.Published.Err != nil {
		b.text("emitError", fault.Clip(r.Published.Err.Error(), 1024))
	}
	b.bool("coldStart", call.cold)
	b.open("stagesMs")
	for _, s := range r.Stages {
		b.milliseconds(s.Name, s.Duration)
	}
	b.close()
	b.text("environment", l.environment)
	b.text("outcome", string(r.Outcome))
	b.number("Requests", 1)
	b.number("Tokens", r.Tokens)
	b.number("EntriesPublished", int64(r.Published.Published))
	b.number("EntriesPending", int64(r.Published.Pending))
	b.number("EntriesFailed", int64(r.Published.Failed))
	b.number("Rejections", count(r.Outcome == router.Rejected))
	b.number("KeyRejections", count(r.Outcome == router.Rejected && r.Code == fault.Unauthenticated))
	b.number("Faults", count(r.Outcome == router.Faulted))
	b.milliseconds("Duration", now.Sub(call.start))
	b.raw(`"_aws":{"Timestamp":` + strconv.FormatInt(now.UnixMilli(), 10) + metricsOf(r))
	l.write(call.log, b)
}

// metricsOf returns the embedded metrics of a request. CloudWatch bills each metric of
// each tenant: only the one that an alarm needs has a tenant. Without a valid key
// there is none: a sender could otherwise create any number of metrics.
func metricsOf(r *router.Report) string {
	if r.KeyID == "" {
		return requestMetrics + `]}`
	}
	return requestMetrics + tenantMetrics + `]}`
}

const requestMetrics = `,"CloudWatchMetrics":[{"Namespace":"` + names.MetricNamespace + `","Dimensions":[["environment"]],"Metrics":[` +
	`{"Name":"Requests","Unit":"Count"},{"Name":"Tokens","Unit":"Count"},` +
	`{"Name":"EntriesPublished","Unit":"Count"},{"Name":"EntriesPending","Unit":"Count"},` +
	`{"Name":"EntriesFailed","Unit":"Count"},{"Name":"Rejections","Unit":"Count"},` +
	`{"Name":"KeyRejections","Unit":"Count"},{"Name":"Faults","Unit":"Count"},` +
	`{"Name":"Duration","Unit":"Milliseconds"}]}`

// tenantMetrics is what the alarm output-rate looks at.
const tenantMetrics = `,{"Namespace":"` + names.MetricNamespace + `","Dimensions":[["environment","tenant"]],"Metrics":[{"Name":"EntriesPublished","Unit":"Count"}]}`

// relay writes the line of one run of the relay.
func (l *logger) relay(call invocation, d outbox.RelayStats, err error) {
	now := l.now()
	severity := "INFO"
	switch {
	case err != nil || len(d.MissingBuses) > 0:
		severity = "ERROR"
	case d.BusCheckErr != nil:
		severity = "WARN"
	}
	b := newLine(now, severity, "relay")
	b.text("requestId", call.requestID)
	if err != nil {
		b.text("error", fault.Clip(err.Error(), 1024))
	}
	if d.BusCheckErr != nil {
		b.text("lookError", fault.Clip(d.BusCheckErr.Error(), 1024))
	}
	b.text("gone", fault.Clip(joined(d.MissingBuses), 1024))
	b.text("environment", l.environment)
	b.number("RelayMarks", int64(d.Records))
	b.number("BillsFolded", int64(d.Aggregated))
	b.number("RecordsProjected", int64(d.Projected))
	b.number("RecordsRechecked", int64(d.Rechecked))
	b.number("ShardsBusy", int64(d.Busy))
	b.number("EntriesPublished", int64(d.Published))
	b.number("EntriesPending", int64(d.Pending))
	b.number("EntriesFailed", int64(d.Failed))
	b.number("BusesGone", int64(len(d.MissingBuses)))
	metrics := relayMetrics
	if d.FailedRecords >= 0 {
		b.number("FailedRecords", int64(d.FailedRecords))
		metrics = `{"Name":"FailedRecords","Unit":"Count"},` + metrics
	}
	b.milliseconds("RelayLag", d.Lag)
	b.milliseconds("Duration", now.Sub(call.start))
	b.raw(`"_aws":{"Timestamp":` + strconv.FormatInt(now.UnixMilli(), 10) + relayMetricsHead + metrics)
	l.write(call.log, b)
}

const relayMetricsHead = `,"CloudWatchMetrics":[{"Namespace":"` + names.MetricNamespace + `",` +
	`"Dimensions":[["environment"]],"Metrics":[`

const relayMetrics = `{"Name":"RelayLag","Unit":"Milliseconds"},{"Name":"BillsFolded","Unit":"Count"},` +
	`{"Name":"EntriesPublished","Unit":"Count"},{"Name":"EntriesPending","Unit":"Count"},{"Name":"EntriesFailed","Unit":"Count"},{"Name":"BusesGone","Unit":"Count"}]}]}`

func joined(buses []events.BusARN) string {
	text := make([]string, len(buses))
	for i, b := range buses {
		text[i] = string(b)
	}
	return strings.Join(text, " ")
}

// ignored writes the line of a payload that had no effect, with the reason.
func (l *logger) ignored(call invocation, reason string) {
	b := newLine(l.now(), "WARN", string(router.Ignored))
	b.text("requestId", call.requestID)
	b.text("outcome", string(router.Ignored))
	b.text("reason", reason)
	l.write(call.log, b)
}

// ignoredEvent writes the same line for an event that is not input.
func (l *logger) ignoredEvent(call invocation, e *events.Envelope, reason string) {
	b := newLine(l.now(), "INFO", string(router.Ignored))
	b.text("requestId", call.requestID)
	b.text("eventId", fault.Clip(e.ID, 128))
	b.text("source", fault.Clip(e.Source, 256))
	b.text("detailType", fault.Clip(string(e.DetailType), 128))
	b.text("outcome", string(router.Ignored))
	b.text("reason", reason)
	l.write(call.log, b)
}

func (l *logger) write(out io.Writer, b *line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// A log that cannot be written must not fail a request that was carried out.
	_, _ = out.Write(b.end())
}

// errorText returns the text of an error for the log. Violations are listed
// without their pointers, because a pointer holds names from the payload.
func errorText(err error) string {
	code := fault.CodeOf(err)
	if !code.Rejection() || code == fault.Unauthenticated {
		return err.Error()
	}
	violations := fault.ViolationsOf(err)
	if len(violations) == 0 {
		return fault.MessageOf(err)
	}
	var messages []string
	for _, v := range violations {
		if !slices.Contains(messages, v.Message) {
			messages = append(messages, v.Message)
		}
	}
	return strings.Join(messages, "; ")
}

func level(o router.Outcome) string {
	switch o {
	case router.Faulted:
		return "ERROR"
	case router.Rejected:
		return "WARN"
	}
	return "INFO"
}

func count(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// A line builds one JSON object, member by member, without reflection.
type line struct{ b []byte }

func newLine(now time.Time, level, message string) *line {
	l := &line{b: make([]byte, 0, 1536)}
	l.b = append(l.b, '{')
	l.text("time", now.UTC().Format(time.RFC3339Nano))
	l.text("level", level)
	l.text("msg", message)
	return l
}

func (l *line) name(name string) {
	if c := l.b[len(l.b)-1]; c != '{' {
		l.b = append(l.b, ',')
	}
	l.b = append(append(append(l.b, '"'), name...), '"', ':')
}

// text adds a string member unless the value is empty.
func (l *line) text(name, value string) {
	if value == "" {
		return
	}
	l.name(name)
	value = redact.APIKeys(value) // a sender may write a key into any member
	quoted, err := jsontext.AppendQuote(l.b, value)
	if err != nil { // invalid UTF-8 is written with replacement characters
		quoted, _ = jsontext.AppendQuote(l.b, strings.ToValidUTF8(value, "\uFFFD"))
	}
	l.b = quoted
}

// problems adds the violations of a request, as many as fit.
func (l *line) problems(violations []fault.Violation) {
	const most = 64 << 10 // CloudWatch truncates a line beyond 256 KB
	l.name("problems")
	l.b = append(l.b, '[')
	for i, begin := 0, len(l.b); i < len(violations) && len(l.b)-begin < most; i++ {
		if i > 0 {
			l.b = append(l.b, ',')
		}
		l.b = append(l.b, '{')
		// A pointer to the whole document is empty, and so left out.
		l.text("pointer", fault.Clip(violations[i].Pointer, fault.MaxPointer))
		l.text("message", fault.Clip(violations[i].Message, 512))
		l.b = append(l.b, '}')
	}
	l.b = append(l.b, ']')
}

func (l *line) number(name string, value int64) {
	l.name(name)
	l.b = strconv.AppendInt(l.b, value, 10)
}

func (l *line) milliseconds(name string, d time.Duration) {
	l.name(name)
	l.b = strconv.AppendFloat(l.b, float64(d.Microseconds())/1000, 'f', -1, 64)
}

func (l *line) bool(name string, value bool) {
	l.name(name)
	l.b = strconv.AppendBool(l.b, value)
}

func (l *line) open(name string) {
	l.name(name)
	l.b = append(l.b, '{')
}

func (l *line) close() { l.b = append(l.b, '}') }

// raw appends a member that is already JSON.
func (l *line) raw(member string) {
	l.b = append(append(l.b, ','), member...)
}

func (l *line) end() []byte { return append(l.b, '}', '\n') }
