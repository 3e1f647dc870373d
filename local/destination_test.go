package local_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/blockforger/eventrouter/local"
)

// An endpoint that fails once gets the event again, with key, path and query.
func TestAnHTTPEndpointIsATarget(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	got := make(chan string, 2)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		body, _ := io.ReadAll(r.Body)
		got <- r.Method + " " + r.URL.String() + " " + r.Header.Get("x-key") + " " + string(body)
	}))
	defer web.Close()
	host := strings.TrimPrefix(web.URL, "http://")
	m := start(t, t.TempDir(), local.Options{HTTPTargets: []string{host}}, nil)
	ctx, c := context.Background(), m.client()

	connection, err := c.CreateConnection(ctx, &awseventbridge.CreateConnectionInput{Name: aws.String("c"), AuthorizationType: types.ConnectionAuthorizationTypeApiKey,
		AuthParameters: &types.CreateConnectionAuthRequestParameters{ApiKeyAuthParameters: &types.CreateConnectionApiKeyAuthRequestParameters{
			ApiKeyName: aws.String("x-key"), ApiKeyValue: aws.String("canary")}}})
	if err != nil {
		t.Fatal(err)
	}
	destination := func(endpoint string) (*awseventbridge.CreateApiDestinationOutput, error) {
		return c.CreateApiDestination(ctx, &awseventbridge.CreateApiDestinationInput{Name: aws.String("d"), ConnectionArn: connection.ConnectionArn,
			InvocationEndpoint: &endpoint, HttpMethod: types.ApiDestinationHttpMethodPost})
	}
	for _, elsewhere := range []string{"http://127.0.0.1:1/", "http://" + host + ".evil/", "file:///etc/passwd", "http://user@" + host + "/"} {
		if _, err := destination(elsewhere); err == nil {
			t.Errorf("%s was taken", elsewhere)
		}
	}
	d, err := destination(web.URL + "/a/*/b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutRule(ctx, &awseventbridge.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["a"]}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutTargets(ctx, &awseventbridge.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{{Id: aws.String("1"), Arn: d.ApiDestinationArn,
		InputPath: aws.String("$.detail"), HttpParameters: &types.HttpParameters{PathParameterValues: []string{"x/y"}, QueryStringParameters: map[string]string{"q": "1"}}}}}); err != nil {
		t.Fatal(err)
	}
	put(t, c, entry("a", "b", `{"n":1}`))
	if call := <-got; call != `POST /a/x%2Fy/b?q=1 canary {"n":1}` {
		t.Error(call)
	}
	described, err := c.DescribeConnection(ctx, &awseventbridge.DescribeConnectionInput{Name: aws.String("c")})
	if err != nil || aws.ToString(described.AuthParameters.ApiKeyAuthParameters.ApiKeyName) != "x-key" {
		t.Error(described, err)
	}
}
