package lambda_test

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/lambda"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// TestFileReporter checks that a diagnostic is one JSON line, and that only an error
// has a metric.
func TestFileReporter(t *testing.T) {
	for _, severity := range []diag.Severity{diag.SeverityError, diag.SeverityWarning} {
		var out bytes.Buffer
		lambda.FileReporter(&out, "prod")(diag.Diagnostic{File: "acme/tenant.properties", Line: 12, Column: 3, Severity: severity, Message: `unknown property "x"` + "\n"})
		var line struct {
			Level, Msg, File, Error, Environment string
			Line, Column                         int
			TenantFileErrors                     int
			AWS                                  struct {
				CloudWatchMetrics []struct {
					Namespace  string
					Dimensions [][]string
					Metrics    []struct{ Name string }
				}
			} `json:"_aws"`
		}
		if err := json.Unmarshal(out.Bytes(), &line, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatalf("%s: %v", out.Bytes(), err)
		}
		if line.Msg != "tenant file" || line.File != "acme/tenant.properties" || line.Line != 12 || line.Column != 3 || line.Environment != "prod" ||
			line.Error != `unknown property "x"`+"\n" {
			t.Errorf("line %s", out.Bytes())
		}
		isError := severity == diag.SeverityError
		if (line.Level == "ERROR") != isError || (line.TenantFileErrors == 1) != isError || (len(line.AWS.CloudWatchMetrics) == 1) != isError {
			t.Errorf("severity %s: %s", severity, out.Bytes())
		}
	}
}
