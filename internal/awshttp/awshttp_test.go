package awshttp

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A transport reads the body as net/http does: to the end, and then once more to see that
// there is no more, which can be after the SDK has closed it.
type transport struct{ read, more error }

func (c *transport) Do(r *http.Request) (*http.Response, error) {
	_, c.read = io.Copy(io.Discard, io.LimitReader(r.Body, r.ContentLength))
	_ = r.Body.Close()
	_, c.more = io.Copy(io.Discard, r.Body)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader([]byte("{}")))}, nil
}

func TestBodyThatIsClosedIsNoFailedWrite(t *testing.T) {
	inner := &transport{}
	put := func(client aws.HTTPClient) {
		t.Helper()
		db := dynamodb.New(dynamodb.Options{Region: "us-east-1", HTTPClient: client, Credentials: aws.AnonymousCredentials{}})
		if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("t"),
			Item: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "x"}}}); err != nil {
			t.Fatal(err)
		}
	}
	if put(Keep(inner)); inner.read != nil || inner.more != nil {
		t.Errorf("the transport sees %v and %v, and closes the connection", inner.read, inner.more)
	}
	if put(inner); inner.more == nil {
		t.Error("the SDK's own body ends without an error now: this package is not needed any more")
	}
}

func TestRequestWithoutBody(t *testing.T) {
	c := Keep(clientFunc(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			t.Errorf("the body is %v", r.Body)
		}
		return nil, context.Canceled
	}))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(r); err == nil {
		t.Error("the error is lost")
	}
}

type clientFunc func(*http.Request) (*http.Response, error)

func (f clientFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }
