package dynamostore

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/blockforger/eventrouter/fault"
)

func TestCheck(t *testing.T) {
	client := newClient(t)
	numbers := stringAttribute("sk")
	numbers.AttributeType = types.ScalarAttributeTypeN
	index := func(hash, sort string) []types.GlobalSecondaryIndex {
		return []types.GlobalSecondaryIndex{{
			IndexName: aws.String(Index), KeySchema: keySchema(hash, sort),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		}}
	}
	for name, test := range map[string]struct {
		in   *dynamodb.CreateTableInput
		text []string
	}{
		"no table": {nil, []string{"does not exist", "aws dynamodb create-table --table-name"}},
		"no index": {&dynamodb.CreateTableInput{
			KeySchema:            keySchema("pk", "sk"),
			AttributeDefinitions: []types.AttributeDefinition{stringAttribute("pk"), stringAttribute("sk")},
		}, []string{"has no index open", "aws dynamodb update-table --table-name", `"Create"`}},
		"other keys": {&dynamodb.CreateTableInput{
			KeySchema:            keySchema("id", "sk"),
			AttributeDefinitions: []types.AttributeDefinition{stringAttribute("id"), stringAttribute("sk")},
		}, []string{"has the keys id HASH, sk RANGE, want pk HASH, sk RANGE", "create-table"}},
		"no sort key": {&dynamodb.CreateTableInput{
			KeySchema:            keySchema("pk", "sk")[:1],
			AttributeDefinitions: []types.AttributeDefinition{stringAttribute("pk")},
		}, []string{"has the keys pk HASH, want pk HASH, sk RANGE"}},
		"number for a key": {&dynamodb.CreateTableInput{
			KeySchema:            keySchema("pk", "sk"),
			AttributeDefinitions: []types.AttributeDefinition{stringAttribute("pk"), numbers},
		}, []string{"has the key sk of type N, want S"}},
		"index with other keys": {&dynamodb.CreateTableInput{
			KeySchema:              keySchema("pk", "sk"),
			AttributeDefinitions:   []types.AttributeDefinition{stringAttribute("pk"), stringAttribute("sk"), stringAttribute("open")},
			GlobalSecondaryIndexes: index("open", "sk"),
		}, []string{"index open", "has the keys open HASH, sk RANGE, want open HASH, opened RANGE", "update-table"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := New(client, tableName(), nil)
			if test.in != nil {
				test.in.TableName, test.in.BillingMode = l.name, types.BillingModePayPerRequest
				if _, err := client.CreateTable(t.Context(), test.in); err != nil {
					t.Fatal(err)
				}
			}
			err := l.Check(t.Context())
			if err == nil || fault.IsRejection(err) {
				t.Fatalf("%v, want a fault that is not a rejection", err)
			}
			for _, want := range append(test.text, *l.name) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\ndoes not contain %q", err, want)
				}
			}
		})
	}
	t.Run("right", func(t *testing.T) {
		l := newLedger(t, nil)
		if err := l.Check(t.Context()); err != nil {
			t.Error(err)
		}
		if err := l.CreateTable(t.Context()); err != nil {
			t.Errorf("created again: %v", err)
		}
		status, err := l.timeToLive(t.Context())
		if err != nil || status != types.TimeToLiveStatusEnabled {
			t.Errorf("time to live is %s, %v", status, err)
		}
	})
}

// newOfflineClient returns a client for tests that send nothing.
func newOfflineClient() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://127.0.0.1:1")})
}

func TestCredentials(t *testing.T) {
	empty := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("static credentials are empty")
	})
	for name, provider := range map[string]aws.CredentialsProvider{"no provider": nil, "nothing provided": empty} {
		client := dynamodb.New(newOfflineClient().Options(), func(o *dynamodb.Options) { o.Credentials = provider })
		_, err := New(client, "t", nil).Commit(t.Context(), newChange("p1", "e1", `{}`))
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "there are no AWS credentials: set AWS_ACCESS_KEY_ID") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAWSErrorsAreNotRejections: an error of AWS that the caller cannot correct is not
// a rejection: the event must be retried, not acknowledged.
func TestAWSErrorsAreNotRejections(t *testing.T) {
	w := &wire{}
	client := dynamodb.New(newOfflineClient().Options(), w.use)
	l := New(client, "orders", nil)
	for code, test := range map[string]struct {
		want fault.Code
		text string
	}{
		"ExpiredTokenException":       {fault.Unavailable, "credentials have expired"},
		"AccessDeniedException":       {fault.Internal, "must allow dynamodb:TransactWriteItems on table orders"},
		"UnrecognizedClientException": {fault.Internal, "rejects the credentials"},
		"InvalidSignatureException":   {fault.Internal, "rejects the credentials"},
		"ResourceNotFoundException":   {fault.Internal, "table orders does not exist"},
		"ValidationException":         {fault.Internal, "ValidationException"},
	} {
		w.before = func(*call) error { return &smithy.GenericAPIError{Code: code, Message: "no"} }
		w.reset()
		_, err := l.Commit(t.Context(), newChange("p1", "e1", `{}`))
		if fault.CodeOf(err) != test.want || fault.IsRejection(err) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v, want the fault %s that contains %q", code, err, test.want, test.text)
		}
		if got := w.names(); got != "TransactWriteItems" {
			t.Errorf("%s: calls %s, want no retry", code, got)
		}
	}
}
