package local_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/blockforger/eventrouter/local"
)

// The messages are those that AWS was recorded with from 2024 to 2025.
func TestTestEventPattern(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	const event = `{"id":"1","account":"000000000000","source":"shop","time":"2026-01-02T03:04:05Z","region":"us-east-1","detail-type":"t"}`
	for _, c := range []struct{ pattern, event, want string }{
		{`{"source":["shop"]}`, event, "true"},
		{`{"source":["other"]}`, event, "false"},
		{`{"source":["shop"]}`, strings.Replace(event, `"account":"000000000000",`, "", 1), "ValidationException: Parameter Event is not valid."},
		{`{"source":["shop"]}`, `"text"`, "ValidationException: Parameter Event is not valid."},
		{`{"source":["shop"]}`, `[]`, "ValidationException: Parameter Event is not valid."},
		{`{"resources": []}`, event, "InvalidEventPatternException: Event pattern is not valid. Reason: Empty arrays are not allowed\n" +
			` at [Source: (String)"{"resources": []}"; line: 1, column: 17]`},
		{`{"source":[{"wildcard":"*a*a*a*a*a*a*a*a*a*a*a*a"}]}`, event, "InvalidEventPatternException: Event pattern is not valid. Reason: " +
			"Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character"},
	} {
		out, err := m.client().TestEventPattern(t.Context(), &awseventbridge.TestEventPatternInput{
			EventPattern: aws.String(c.pattern), Event: aws.String(c.event),
		})
		got := "false"
		switch {
		case err != nil:
			got = err.Error()
		case out.Result:
			got = "true"
		}
		if !strings.HasSuffix(got, c.want) {
			t.Errorf("%s against %s: %s, want %s", c.pattern, c.event, got, c.want)
		}
	}
}
