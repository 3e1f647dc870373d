package local_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/blockforger/eventrouter/local"
)

// clientOf returns a client whose access key is an account id, or any other text.
func (m *machine) clientOf(accessKey string) *awseventbridge.Client {
	return awseventbridge.New(awseventbridge.Options{
		Region: "us-east-1", BaseEndpoint: &m.url,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, "test", ""),
	})
}

// PutEvents of another account is allowed by the policy of the bus alone. The
// event has the account of its sender.
func TestBusPolicy(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	ctx, owner := t.Context(), m.client()
	created, err := owner.CreateEventBus(ctx, &awseventbridge.CreateEventBusInput{Name: aws.String("orders")})
	if err != nil {
		t.Fatal(err)
	}
	permit := func(in awseventbridge.PutPermissionInput) {
		t.Helper()
		in.EventBusName = aws.String("orders")
		if in.Policy == nil {
			in.Action = aws.String("events:PutEvents")
		}
		if _, err := owner.PutPermission(ctx, &in); err != nil {
			t.Fatal(err)
		}
	}
	sent := func(accessKey, source, detailType string) string {
		t.Helper()
		e := entry(source, detailType, `{}`)
		e.EventBusName = created.EventBusArn
		result := put(t, m.clientOf(accessKey), e)[0]
		if code(result) == "AccessDeniedException" && !strings.Contains(aws.ToString(result.ErrorMessage), accessKey+":root is not authorized to perform: events:PutEvents on resource: "+aws.ToString(created.EventBusArn)) {
			t.Error(aws.ToString(result.ErrorMessage))
		}
		return code(result)
	}
	check := func(accessKey, source, detailType, want string) {
		t.Helper()
		if got := sent(accessKey, source, detailType); got != want {
			t.Errorf("%s sends %s %s: %q, want %q", accessKey, source, detailType, got, want)
		}
	}
	check("000000000000", "shop", "placed", "")
	check("anything", "shop", "placed", "")
	check("11112222333", "shop", "placed", "") // not an account id
	check("111122223333", "shop", "placed", "AccessDeniedException")

	permit(awseventbridge.PutPermissionInput{StatementId: aws.String("partner"), Principal: aws.String("111122223333")})
	check("111122223333", "shop", "placed", "")
	check("444455556666", "shop", "placed", "AccessDeniedException")
	permit(awseventbridge.PutPermissionInput{StatementId: aws.String("all"), Principal: aws.String("*"),
		Condition: &types.Condition{Type: aws.String("StringEquals"), Key: aws.String("aws:PrincipalOrgID"), Value: aws.String("o-1")}})
	check("444455556666", "shop", "placed", "AccessDeniedException") // the organization of a caller is not known

	permit(awseventbridge.PutPermissionInput{Policy: aws.String(`{"Version":"2012-10-17","Statement":[
		{"Sid":"s","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"events:PutEvents","Resource":"` + *created.EventBusArn + `",
		 "Condition":{"StringEquals":{"events:source":"shop"},"StringLike":{"events:detail-type":"pla*"}}}]}`)})
	check("111122223333", "shop", "placed", "")
	check("111122223333", "till", "placed", "NotAuthorizedForSourceException")
	check("111122223333", "shop", "paid", "NotAuthorizedForDetailTypeException")
	check("111122223333", "till", "paid", "AccessDeniedException")
	check("444455556666", "shop", "placed", "AccessDeniedException")

	if _, err := owner.RemovePermission(ctx, &awseventbridge.RemovePermissionInput{EventBusName: aws.String("orders"), RemoveAllPermissions: true}); err != nil {
		t.Fatal(err)
	}
	check("111122223333", "shop", "placed", "AccessDeniedException")

	queue, err := m.sqsClient().CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q")})
	if err != nil {
		t.Fatal(err)
	}
	permit(awseventbridge.PutPermissionInput{StatementId: aws.String("all"), Principal: aws.String("*")})
	if _, err := owner.PutRule(ctx, &awseventbridge.PutRuleInput{Name: aws.String("r"), EventBusName: aws.String("orders"), EventPattern: aws.String(`{"account":["111122223333"]}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := owner.PutTargets(ctx, &awseventbridge.PutTargetsInput{Rule: aws.String("r"), EventBusName: aws.String("orders"),
		Targets: []types.Target{{Id: aws.String("1"), Arn: aws.String("arn:aws:sqs:us-east-1:000000000000:q"), InputPath: aws.String("$.account")}}}); err != nil {
		t.Fatal(err)
	}
	check("444455556666", "shop", "placed", "")
	check("111122223333", "shop", "placed", "")
	out, err := m.sqsClient().ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, WaitTimeSeconds: 20})
	if err != nil || len(out.Messages) != 1 || aws.ToString(out.Messages[0].Body) != `"111122223333"` {
		t.Errorf("%v %v", out, err)
	}
}

// A target of a service that is not a target of EventBridge is rejected. One that
// the local server does not serve is accepted, and its events become dead letters
// that say so.
func TestTargetsThatAreNotServed(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	ctx, c := t.Context(), m.client()
	if _, err := c.PutRule(ctx, &awseventbridge.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["a"]}`)}); err != nil {
		t.Fatal(err)
	}
	target := func(arn string) error {
		_, err := c.PutTargets(ctx, &awseventbridge.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{{Id: aws.String("1"), Arn: &arn}}})
		return err
	}
	for _, bad := range []string{"arn:aws:s3:::bucket", "arn:aws:iam::000000000000:role/r", "arn:aws:sqs", "sqs", "arn::sqs:us-east-1:000000000000:q"} {
		if err := target(bad); err == nil || !strings.Contains(err.Error(), "Parameter "+bad+" is not valid. Reason: Provided Arn is not in correct format.") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for i, arn := range []string{"arn:aws:kinesis:us-east-1:000000000000:stream/s", "arn:aws:states:us-east-1:000000000000:stateMachine:m", "arn:aws:sns:us-east-1:000000000000:topic"} {
		if err := target(arn); err != nil {
			t.Fatal(err)
		}
		put(t, c, entry("a", "b", `{}`))
		eventually(t, "the dead letter", func() bool { return len(m.letters()) == i+1 })
		if said := string(m.letters()[i].Record.ResponsePayload); !strings.Contains(said, "The local server does not serve targets of this kind: "+arn) {
			t.Error(said)
		}
	}
}
