package local_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local"
)

// An exchange is one request and the response that AWS gave to it, or, where
// nobody has recorded one, the response that the service model or the documentation
// requires. Source says which: "recorded" with a date, "model" or "documentation".
type exchange struct {
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
	"sqs":    {"AmazonSQS", "application/x-amz-json-1.0"},
	"logs":   {"Logs_20140328", "application/x-amz-json-1.1"},
	"events": {"AWSEvents", "application/x-amz-json-1.1"},
}

// runExchanges sends the requests one after the other and compares the responses.
func runExchanges(t *testing.T, m *machine, cases []exchange) {
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
	service, name, _ := strings.Cut(operation, ".")
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
	cases := []exchange{
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
		cases = append(cases, exchange{expressions, "POST /schedules/bad", `{"ScheduleExpression": "` + expression + `", ` + schedulerOff + `, ` + schedulerTarget + `}`,
			400, "ValidationException", "Invalid Schedule Expression " + expression + ".", ""})
	}
	runExchanges(t, m, cases)

	// The member of an error is Message, and nothing else (recorded 2025-01-26).
	if _, _, body := ask(t, m.url, "GET /schedules/none", ""); body != `{"Message":"Schedule none does not exist."}` {
		t.Error(body)
	}
}

func TestRecordedSQS(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	const url = `"QueueUrl": "http://x/000000000000/`
	const (
		entryIDs  = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."
		redrive   = `{"QueueName": "q", "Attributes": {"RedrivePolicy": `
		redriveIs = " for parameter RedrivePolicy is invalid. Reason: "
		fifoARN   = `{\"deadLetterTargetArn\": \"arn:aws:sqs:us-east-1:000000000000:f.fifo\", \"maxReceiveCount\": 5}`
		plainARN  = `{\"deadLetterTargetArn\": \"arn:aws:sqs:us-east-1:000000000000:q\", \"maxReceiveCount\": 5}`
		dummyARN  = `{\"deadLetterTargetArn\": \"dummy\", \"maxReceiveCount\": 42}`
		noneARN   = `{\"deadLetterTargetArn\": \"arn:aws:sqs:us-east-1:000000000000:none\", \"maxReceiveCount\": 5}`
		dedupText = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
		groupText = "The request must contain the parameter MessageGroupId."
	)
	plain := func(quoted string) string { return strings.ReplaceAll(quoted, `\"`, `"`) }
	twenty := strings.Repeat(`{"Id": "1", "MessageBody": "b", "ReceiptHandle": "1-a"}, `, 19) + `{"Id": "1", "MessageBody": "b", "ReceiptHandle": "1-a"}`
	runExchanges(t, m, []exchange{
		{"recorded 2022-08-01", "sqs.CreateQueue", `{"QueueName": "q", "Attributes": {"VisibilityTimeout": "20", "MaximumMessageSize": "2048"}, "tags": {"a": "b"}}`, 200, "", "", `/000000000000/q"}`},
		{"recorded 2022-08-04", "sqs.CreateQueue", `{"QueueName": "q", "Attributes": {"DelaySeconds": "1"}}`, 400, "QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute DelaySeconds", ""},
		{"recorded 2023-11-14", "sqs.GetQueueAttributes", `{` + url + `q", "AttributeNames": ["SqsManagedSseEnabled"]}`, 200, "", "", `{"Attributes":{"SqsManagedSseEnabled":"true"}}`},
		{"recorded 2023-11-14", "sqs.GetQueueAttributes", `{` + url + `q", "AttributeNames": ["Policy"]}`, 200, "", "", `{"Attributes":{}}`},
		{"recorded 2023-11-14", "sqs.SendMessage", `{` + url + `q", "MessageBody": "` + strings.Repeat("x", 2049) + `"}`, 400, "InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than 2048 bytes.", ""},
		{"recorded 2023-11-14", "sqs.SetQueueAttributes", `{` + url + `q", "Attributes": {"FifoQueue": "true"}}`, 400, "InvalidAttributeName", "Unknown Attribute FifoQueue.", ""},
		{"recorded 2022-08-01", "sqs.SetQueueAttributes", `{` + url + `q", "Attributes": {"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"}}`, 400, "InvalidAttributeName",
			"You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.", ""},
		{"recorded 2022-08-01", "sqs.CreateQueue", `{"QueueName": "kms", "Attributes": {"KmsMasterKeyId": "k", "KmsDataKeyReusePeriodSeconds": "6000"}}`, 200, "", "", ""},
		{"recorded 2022-08-01", "sqs.GetQueueAttributes", `{` + url + `kms", "AttributeNames": ["SqsManagedSseEnabled"]}`, 200, "", "", `{"Attributes":{"SqsManagedSseEnabled":"false"}}`},
		{"recorded 2022-08-01", "sqs.GetQueueAttributes", `{` + url + `kms", "AttributeNames": ["KmsDataKeyReusePeriodSeconds"]}`, 200, "", "", `"6000"`},

		// FIFO queues
		{"recorded 2023-11-14", "sqs.CreateQueue", `{"QueueName": "f.fifo", "Attributes": {"FifoQueue": "True"}}`, 200, "", "", `/f.fifo"}`},
		{"recorded 2023-11-14", "sqs.CreateQueue", `{"QueueName": "f.fifo", "Attributes": {"FifoQueue": "true", "ContentBasedDeduplication": "true"}}`, 400, "QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute ContentBasedDeduplication", ""},
		{"recorded 2023-05-30", "sqs.GetQueueAttributes", `{` + url + `f.fifo", "AttributeNames": ["FifoQueue"]}`, 200, "", "", `{"FifoQueue":"true"}`},
		{"recorded 2023-05-30", "sqs.GetQueueAttributes", `{` + url + `f.fifo", "AttributeNames": ["FifoThroughputLimit"]}`, 200, "", "", `{"FifoThroughputLimit":"perQueue"}`},
		{"recorded 2023-05-30", "sqs.GetQueueAttributes", `{` + url + `f.fifo", "AttributeNames": ["DeduplicationScope"]}`, 200, "", "", `{"DeduplicationScope":"queue"}`},
		{"recorded 2023-11-14", "sqs.SetQueueAttributes", `{` + url + `f.fifo", "Attributes": {"FifoQueue": "false"}}`, 400, "InvalidAttributeValue", "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.", ""},
		{"recorded 2022-08-03", "sqs.SendMessage", `{` + url + `f.fifo", "MessageBody": "b", "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 2}`, 400, "InvalidParameterValue",
			"Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.", ""},
		{"recorded 2023-11-14", "sqs.SendMessage", `{` + url + `f.fifo", "MessageBody": "b", "MessageGroupId": "g"}`, 400, "InvalidParameterValue", dedupText, ""},
		{"recorded 2023-11-14", "sqs.SendMessage", `{` + url + `f.fifo", "MessageBody": "b", "MessageDeduplicationId": "d"}`, 400, "MissingParameter", groupText, ""},
		{"recorded 2022-08-21", "sqs.SendMessage", `{` + url + `f.fifo", "MessageBody": "b", "MessageGroupId": "g", "MessageDeduplicationId": "d"}`, 200, "", "", `"SequenceNumber":"1`},
		{"recorded 2023-11-14", "sqs.SendMessageBatch", `{` + url + `f.fifo", "Entries": [{"Id": "1", "MessageBody": "b", "MessageGroupId": "g", "MessageDeduplicationId": "e"}, {"Id": "2", "MessageBody": "b", "MessageDeduplicationId": "h"}]}`,
			400, "InvalidParameterValue", groupText, ""},
		{"recorded 2023-11-14", "sqs.SendMessageBatch", `{` + url + `f.fifo", "Entries": [{"Id": "1", "MessageBody": "b", "MessageGroupId": "g"}]}`, 400, "InvalidParameterValue", dedupText, ""},
		{"documentation", "sqs.GetQueueAttributes", `{` + url + `f.fifo", "AttributeNames": ["ApproximateNumberOfMessages"]}`, 200, "", "", `"1"`}, // the rejected batch has sent nothing

		// Redrive policies
		{"recorded 2022-08-21", "sqs.CreateQueue", redrive + `"` + dummyARN + `"}}`, 400, "InvalidParameterValue", "Value " + plain(dummyARN) + redriveIs + "Invalid value for deadLetterTargetArn.", ""},
		{"recorded in an incident report", "sqs.CreateQueue", redrive + `"` + fifoARN + `"}}`, 400, "InvalidParameterValue", "Value " + plain(fifoARN) + redriveIs + "Dead-letter queue must be same type of queue as the source..", ""},
		{"recorded in an incident report", "sqs.SetQueueAttributes", `{` + url + `f.fifo", "Attributes": {"RedrivePolicy": "` + plainARN + `"}}`, 400, "InvalidParameterValue", "Value " + plain(plainARN) + redriveIs + "Dead-letter queue must be same type of queue as the source..", ""},
		{"recorded in an incident report", "sqs.CreateQueue", redrive + `"` + noneARN + `"}}`, 400, "InvalidParameterValue", "Value " + plain(noneARN) + redriveIs + "Dead letter target does not exist.", ""},

		// Batches
		{"recorded 2023-11-14", "sqs.SendMessageBatch", `{` + url + `q", "Entries": [` + twenty + `]}`, 400, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent 20.", ""},
		{"recorded 2023-11-14", "sqs.DeleteMessageBatch", `{` + url + `q", "Entries": [` + twenty + `]}`, 400, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent 20.", ""},
		{"recorded 2023-11-14", "sqs.SendMessageBatch", `{` + url + `q", "Entries": [{"Id": "invalid:id", "MessageBody": "b"}]}`, 400, "AWS.SimpleQueueService.InvalidBatchEntryId", entryIDs, ""},
		{"recorded 2023-11-14", "sqs.DeleteMessageBatch", `{` + url + `q", "Entries": [{"Id": "` + strings.Repeat("testLongId", 10) + `", "ReceiptHandle": "1-a"}]}`, 400, "AWS.SimpleQueueService.InvalidBatchEntryId", entryIDs, ""},
		{"documentation", "sqs.SendMessageBatch", `{` + url + `q", "Entries": []}`, 400, "AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one SendMessageBatchRequestEntry in the request.", ""},
		{"recorded 2023-11-14", "sqs.SendMessageBatch", `{` + url + `kms", "Entries": [{"Id": "1", "MessageBody": "` + strings.Repeat("x", 1<<20) + `"}, {"Id": "2", "MessageBody": "x"}]}`,
			400, "AWS.SimpleQueueService.BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.", ""},

		// Messages
		{"recorded 2023-11-14", "sqs.SendMessage", `{` + url + `q", "MessageBody": "b", "MessageAttributes": {"ErrorDetails": {"DataType": "String", "StringValue": ""}}}`, 400, "InvalidParameterValue",
			"Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'.", ""},
		{"recorded 2023-07-06", "sqs.SendMessage", `{` + url + `q", "MessageBody": "msg", "MessageAttributes": {"General": {"DataType": "String", "StringValue": "Kenobi"}, "Hello": {"DataType": "String", "StringValue": "There"}, "Help.Me": {"DataType": "String", "StringValue": "Me"}}}`,
			200, "", "", `"MD5OfMessageBody":"6e2baaf3b97dbeef01c0043275f9a0e7","MD5OfMessageAttributes":"4c360f3fdafd970e05fae2f149d997f5"`},
		{"recorded 2023-07-06", "sqs.ReceiveMessage", `{` + url + `q", "VisibilityTimeout": 0, "MessageAttributeNames": ["Hel*"]}`, 200, "", "", `"MD5OfMessageAttributes":"83fee93c1bcd8b9a5a923ffacdc636c7"`},
		{"recorded 2023-07-06", "sqs.ReceiveMessage", `{` + url + `q", "VisibilityTimeout": 0, "MessageAttributeNames": [".*"]}`, 200, "", "", `"MD5OfMessageAttributes":"4c360f3fdafd970e05fae2f149d997f5"`},
		{"recorded 2023-07-06", "sqs.ReceiveMessage", `{` + url + `q", "VisibilityTimeout": 0, "MessageAttributeNames": ["Hel.*"]}`, 200, "", "", `"MD5OfMessageAttributes":"83fee93c1bcd8b9a5a923ffacdc636c7"`},
		{"recorded 2023-11-14", "sqs.ReceiveMessage", `{` + url + `q", "MaxNumberOfMessages": 11}`, 400, "InvalidParameterValue", "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", ""},
		{"recorded 2023-11-14", "sqs.GetQueueUrl", `{"QueueName": "none"}`, 400, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.", ""},
		{"recorded 2023-11-14", "sqs.DeleteQueue", `{` + url + `none"}`, 400, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.", ""},
	})
}
