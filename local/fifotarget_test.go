package local_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/blockforger/eventrouter/local"
)

// received receives the messages of a queue until it has n, and returns their bodies
// with their message groups.
func (m *machine) received(url *string, n int) (got []sqstypes.Message) {
	m.t.Helper()
	eventually(m.t, fmt.Sprintf("%d messages", n), func() bool {
		out, err := m.sqsClient().ReceiveMessage(m.t.Context(), &awssqs.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: 1, MaxNumberOfMessages: 10,
			MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"All"}})
		if err != nil {
			m.t.Fatal(err)
		}
		got = append(got, out.Messages...)
		return len(got) >= n
	})
	return got
}

// The group of a message can be a path into the event: in a FIFO queue, which needs a
// group, and in a standard queue, where it makes the queue fair.
func TestQueueTargetsHaveAMessageGroup(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	c, urls := m.sqsClient(), map[string]*string{}
	for name, attributes := range map[string]map[string]string{
		"fair": nil, "fixed.fifo": {"FifoQueue": "true", "ContentBasedDeduplication": "true"},
		"path.fifo": {"FifoQueue": "true", "ContentBasedDeduplication": "true"}, "explicit.fifo": {"FifoQueue": "true"},
	} {
		out, err := c.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		if err != nil {
			t.Fatal(err)
		}
		urls[name] = out.QueueUrl
	}
	const targets = `{"Rule": "in", "Targets": [{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:000000000000:%s"%s}]}`
	const required = "Parameter(s) SqsParameters must be specified for target: 1."
	runExchanges(t, m, []exchange{
		{"documentation", "events.PutRule", `{"Name": "in", "EventPattern": "{\"source\":[\"a\"]}"}`, 200, "", "", "rule/in"},
		{"recorded by moto, 2020", "events.PutTargets", fmt.Sprintf(targets, "path.fifo", ""), 400, "ValidationException", required, ""},
		{"recorded by moto, 2020", "events.PutTargets", fmt.Sprintf(targets, "path.fifo", `, "SqsParameters": {}`), 400, "ValidationException", required, ""},
		{"documentation", "events.PutTargets", `{"Rule": "in", "Targets": [
			{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:000000000000:path.fifo", "SqsParameters": {"MessageGroupId": "$.detail.tenant"}},
			{"Id": "2", "Arn": "arn:aws:sqs:us-east-1:000000000000:fair", "SqsParameters": {"MessageGroupId": "$.detail.tenant"}},
			{"Id": "3", "Arn": "arn:aws:sqs:us-east-1:000000000000:fixed.fifo", "SqsParameters": {"MessageGroupId": "g"}, "Input": "{}"},
			{"Id": "4", "Arn": "arn:aws:sqs:us-east-1:000000000000:explicit.fifo", "SqsParameters": {"MessageGroupId": "g"}}]}`, 200, "", "", `"FailedEntryCount":0`},
	})
	put(t, m.client(), entry("a", "b", `{"tenant": "x"}`), entry("a", "b", `{"tenant": "y"}`))
	eventually(t, "the end of the deliveries", func() bool { due, _ := m.Pending(); return due == 0 })
	put(t, m.client(), entry("a", "b", `{"tenant": {"no": "text"}}`), entry("a", "b", `{"tenant": "not a group"}`))
	groups := func(messages []sqstypes.Message) string {
		got := map[string]int{}
		for _, message := range messages {
			got[message.Attributes["MessageGroupId"]]++
		}
		return strings.Join(slices.Sorted(maps.Keys(got)), ",")
	}
	if got := m.received(urls["path.fifo"], 2); groups(got) != "x,y" || len(got[0].Attributes["SequenceNumber"]) != 20 {
		t.Errorf("%v", got)
	}
	if got := m.received(urls["fair"], 3); groups(got) != ",x,y" {
		t.Errorf("%v", groups(got))
	}
	// The content is the same each time, so the queue accepts it once.
	if got := m.received(urls["fixed.fifo"], 1); groups(got) != "g" || aws.ToString(got[0].Body) != "{}" {
		t.Errorf("%v", got)
	}
	// A queue rejects a message without a group, with a group of other characters, and
	// without a deduplication id.
	failed := map[string]int{}
	eventually(t, "the dead letters", func() bool { return len(m.letters()) == 7 })
	for _, letter := range m.letters() {
		if letter.Record.RequestContext.Condition != "INVALID_PARAMETER" {
			t.Errorf("%+v", letter)
		}
		name := letter.Target[strings.LastIndexByte(letter.Target, ':')+1:]
		failed[fmt.Sprintf("%s %.70s", name, letter.Record.ResponsePayload)]++
	}
	if want := map[string]int{
		`path.fifo {"errorMessage":"The request must contain the parameter MessageGroupId`:     1,
		`path.fifo {"errorMessage":"Value not a group for parameter MessageGroupId is inv`:     1,
		`fair {"errorMessage":"Value not a group for parameter MessageGroupId is inv`:          1,
		`explicit.fifo {"errorMessage":"The queue should either have ContentBasedDeduplicatio`: 4,
	}; !maps.Equal(failed, want) {
		t.Errorf("%v, want %v", failed, want)
	}
}
