package local_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local"
)

// A recordedCase is one request and the response that AWS gave to it, or, where
// nobody has recorded one, the response that the service model or the documentation
// requires. Source says which: "recorded" with a date, "model" or "documentation".
type recordedCase struct {
	source    string
	operation string // "SERVICE.Operation", or METHOD and path of a REST operation
	input     string
	status    int
	code      string // "" for success
	message   string // of an error: the whole text
	output    string // of a success: a text that the response holds
}

// protocols are the target prefixes and content types of the JSON services.
var protocols = map[string]struct{ prefix, contentType string }{
	"sqs":  {"AmazonSQS", "application/x-amz-json-1.0"},
	"logs": {"Logs_20140328", "application/x-amz-json-1.1"},
}

// runRecorded sends the requests one after the other and compares the responses.
func runRecorded(t *testing.T, m *machine, cases []recordedCase) {
	t.Helper()
	for _, c := range cases {
		if c.source == "" {
			t.Fatalf("%s %s: the case has no source", c.operation, c.input)
		}
		status, code, body := ask(t, m.url, c.operation, c.input)
		var got struct {
			Message string `json:"message"`
		}
		_ = json.Unmarshal([]byte(body), &got, json.MatchCaseInsensitiveNames(true))
		if c.code == "" {
			got.Message = ""
		}
		if status != c.status || code != c.code || got.Message != c.message || !strings.Contains(body, c.output) {
			t.Errorf("%s (%s)\n%.300s\ngot  %d %s %q\nwant %d %s %q %q\n%s", c.operation, c.source, c.input,
				status, code, got.Message, c.status, c.code, c.message, c.output, body)
		}
	}
}

// ask sends a request of a JSON or REST-JSON service; code is the error's.
func ask(t *testing.T, url, operation, input string) (status int, code, body string) {
	t.Helper()
	service, name, isJSON := strings.Cut(operation, ".")
	protocol, isJSON := protocols[service]
	method, path := http.MethodPost, "/"
	if !isJSON {
		method, path, _ = strings.Cut(operation, " ")
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(input))
	if err != nil {
		t.Fatal(err)
	}
	if isJSON {
		req.Header.Set("X-Amz-Target", protocol.prefix+"."+name)
		req.Header.Set("Content-Type", protocol.contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	code = resp.Header.Get("X-Amzn-Errortype")
	if query, _, ok := strings.Cut(resp.Header.Get("X-Amzn-Query-Error"), ";"); ok {
		code = query
	}
	return resp.StatusCode, code, string(b)
}

const (
	schedulerTarget  = `"Target": {"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": "arn:aws:iam::000000000000:role/r"}`
	schedulerOff     = `"FlexibleTimeWindow": {"Mode": "OFF"}`
	schedulerAnyRate = `{"ScheduleExpression": "rate(2 minute)", ` + schedulerOff + `, ` + schedulerTarget
)

func TestRecordedScheduler(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	const expressions, schedules, groups, tags = "recorded 2025-01-26", "recorded 2025-01-08", "recorded 2025-01-07", "recorded 2024-12-04"
	const groupTags = "/tags/arn:aws:scheduler:us-east-1:000000000000:schedule-group%2Fg"
	cases := []recordedCase{
		{"recorded 2025-02-02", "POST /schedules/past", `{"ScheduleExpression": "at(2022-12-31T23:59:59)", "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 4}, ` + schedulerTarget + `}`,
			200, "", "", `"ScheduleArn":"arn:aws:scheduler:us-east-1:000000000000:schedule/default/past"`},
		{schedules, "POST /schedules/s", schedulerAnyRate + `, "ClientToken": "one"}`, 200, "", "", `schedule/default/s`},
		{schedules, "GET /schedules/s", "", 200, "", "", `"RetryPolicy":{"MaximumEventAgeInSeconds":86400,"MaximumRetryAttempts":185}`},
		{schedules, "GET /schedules/s", "", 200, "", "", `"ActionAfterCompletion":"NONE","Arn":"arn:aws:scheduler:us-east-1:000000000000:schedule/default/s"`},
		{"documentation", "POST /schedules/s", schedulerAnyRate + `, "ClientToken": "one"}`, 200, "", "", `schedule/default/s`},
		{"documentation", "POST /schedules/s", schedulerAnyRate + `, "ClientToken": "two"}`, 409, "ConflictException", "Schedule s already exists.", ""},
		{schedules, "PUT /schedules/s", schedulerAnyRate + `, "State": "DISABLED"}`, 200, "", "", `schedule/default/s`},
		{schedules, "DELETE /schedules/not-existing-schedule-name", "", 404, "ResourceNotFoundException", "Schedule not-existing-schedule-name does not exist.", ""},
		{schedules, "GET /schedules/not-existing-schedule-name", "", 404, "ResourceNotFoundException", "Schedule not-existing-schedule-name does not exist.", ""},
		{schedules, "DELETE /schedules/s", "", 200, "", "", "{}"},
		{groups, "GET /schedule-groups/not-existing-name", "", 404, "ResourceNotFoundException", "Schedule group not-existing-name does not exist.", ""},
		{groups, "GET /schedule-groups", "", 200, "", "", `"Name":"default","State":"ACTIVE"}]`},
		{groups, "POST /schedule-groups/g", `{"ClientToken": "t", "Tags": [{"Key": "TagKey", "Value": "TagValue"}]}`, 200, "", "", `{"ScheduleGroupArn":"arn:aws:scheduler:us-east-1:000000000000:schedule-group/g"}`},
		{"documentation", "POST /schedule-groups/g", `{"ClientToken": "t"}`, 200, "", "", `schedule-group/g`},
		{"documentation", "POST /schedule-groups/g", `{"ClientToken": "u"}`, 409, "ConflictException", "Schedule group g already exists.", ""},
		{tags, "GET " + groupTags, "", 200, "", "", `{"Tags":[{"Key":"TagKey","Value":"TagValue"}]}`},
		{tags, "DELETE " + groupTags + "?TagKeys=TagKey", "", 200, "", "", `{}`},
		{tags, "GET " + groupTags, "", 200, "", "", `{"Tags":[]}`},
		{"model", "GET /tags/arn:aws:scheduler:us-east-1:000000000000:schedule-group%2Fnone", "", 404, "ResourceNotFoundException", "Schedule group none does not exist.", ""},
		{"model", "GET /tags/arn:aws:scheduler:us-east-1:111122223333:schedule-group%2Fg", "", 404, "ResourceNotFoundException", "Schedule group g does not exist.", ""},
	}
	for _, expression := range []string{"cron(0 1 * * * *)", "cron(7 20 * * NOT *)", "cron(INVALID)", "cron(0 dummy ? * MON-FRI *)", "cron(71 8 1 * ? *)", "cron()",
		"rate(10 seconds)", "rate(10 years)", "rate()", "rate(10)", "rate(10 minutess)", "rate(foo minutes)", "rate(-10 minutes)", "rate( 10 minutes )",
		" rate(10 minutes)", "at(2021-12-31T23:59:59Z)", "at(2021-12-31)"} {
		cases = append(cases, recordedCase{expressions, "POST /schedules/bad", `{"ScheduleExpression": "` + expression + `", ` + schedulerOff + `, ` + schedulerTarget + `}`,
			400, "ValidationException", "Invalid Schedule Expression " + expression + ".", ""})
	}
	runRecorded(t, m, cases)

	// The member of an error is Message, and nothing else (recorded 2025-01-26).
	if _, _, body := ask(t, m.url, "GET /schedules/none", ""); body != `{"Message":"Schedule none does not exist."}` {
		t.Error(body)
	}
}
