package lambda

import (
	"io"
	"strconv"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// FileReporter returns a function that writes the diagnostics of tenant files to out,
// as log lines in the form of a request's, with a metric for errors. It is safe for
// concurrent use.
func FileReporter(out io.Writer, environment string) func(diag.Diagnostic) {
	log := &logger{environment: environment, now: time.Now}
	return func(d diag.Diagnostic) { log.file(out, d) }
}

// file writes the line of a diagnostic.
func (l *logger) file(out io.Writer, d diag.Diagnostic) {
	now, isError := l.now(), d.Severity == diag.SeverityError
	severity := "WARN"
	if isError {
		severity = "ERROR"
	}
	b := newLine(now, severity, "tenant file")
	b.text("file", d.File)
	if d.Line > 0 {
		b.number("line", int64(d.Line))
		b.number("column", int64(d.Column))
	}
	b.text("error", fault.Clip(d.Message, 1024))
	b.text("environment", l.environment)
	if isError {
		b.number("TenantFileErrors", 1)
		b.raw(`"_aws":{"Timestamp":` + strconv.FormatInt(now.UnixMilli(), 10) + fileMetrics)
	}
	l.write(out, b)
}

const fileMetrics = `,"CloudWatchMetrics":[{"Namespace":"` + names.MetricNamespace + `",` +
	`"Dimensions":[["environment"]],"Metrics":[{"Name":"TenantFileErrors","Unit":"Count"}]}]}`
