package local_test

import (
	"context"
	"fmt"
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
		got <- r.Method + " " + r.URL.String() + " " + r.Header.Get("x-key") + r.Header.Get("x-other") + " " + string(body)
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
	for _, bad := range []string{"127.0.0.1/", "file:///etc/passwd", "http://user@" + host + "/", "http:///x"} {
		if _, err := destination(bad); err == nil {
			t.Errorf("%s was accepted", bad)
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

	// Parameters of the connection replace those of the target.
	_, err = c.UpdateConnection(ctx, &awseventbridge.UpdateConnectionInput{Name: aws.String("c"), AuthParameters: &types.UpdateConnectionAuthRequestParameters{
		ApiKeyAuthParameters: &types.UpdateConnectionApiKeyAuthRequestParameters{ApiKeyValue: aws.String("rotated")},
		InvocationHttpParameters: &types.ConnectionHttpParameters{
			HeaderParameters:      []types.ConnectionHeaderParameter{{Key: aws.String("x-other"), Value: aws.String("-header")}},
			QueryStringParameters: []types.ConnectionQueryStringParameter{{Key: aws.String("q"), Value: aws.String("2")}, {Key: aws.String("r"), Value: aws.String("3")}},
			BodyParameters:        []types.ConnectionBodyParameter{{Key: aws.String("who"), Value: aws.String("me"), IsValueSecret: true}},
		}}})
	if err != nil {
		t.Fatal(err)
	}
	put(t, c, entry("a", "b", `{"n":2}`))
	if call := <-got; call != `POST /a/x%2Fy/b?q=2&r=3 rotated-header {"n":2,"who":"me"}` {
		t.Error(call)
	}
	if described, err = c.DescribeConnection(ctx, &awseventbridge.DescribeConnectionInput{Name: aws.String("c")}); err != nil {
		t.Fatal(err)
	}
	if p := described.AuthParameters.InvocationHttpParameters; p.BodyParameters[0].Value != nil || aws.ToString(p.QueryStringParameters[1].Value) != "3" {
		t.Error(p)
	}
	if _, err := c.UpdateApiDestination(ctx, &awseventbridge.UpdateApiDestinationInput{Name: aws.String("d"), HttpMethod: types.ApiDestinationHttpMethodPut}); err != nil {
		t.Fatal(err)
	}
	put(t, c, entry("a", "b", `{"n":3}`))
	if call := <-got; !strings.HasPrefix(call, "PUT /a/x%2Fy/b") {
		t.Error(call)
	}
}

// An event for an API destination that cannot be called becomes a dead letter that
// says why.
func TestAnHTTPEndpointThatCannotBeCalled(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{HTTPTargets: []string{"127.0.0.1:1"}}, nil)
	ctx, c := context.Background(), m.client()
	connection, err := c.CreateConnection(ctx, &awseventbridge.CreateConnectionInput{Name: aws.String("c"), AuthorizationType: types.ConnectionAuthorizationTypeBasic,
		AuthParameters: &types.CreateConnectionAuthRequestParameters{BasicAuthParameters: &types.CreateConnectionBasicAuthRequestParameters{Username: aws.String("u"), Password: aws.String("p")}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutRule(ctx, &awseventbridge.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["a"]}`)}); err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct{ endpoint, want string }{
		{"https://example.com/hook", "example.com:443"},
		{"http://127.0.0.1:1.example.com/", "not a valid URL"},
		{"http://example.com/", "example.com:80"},
		{"http://127.0.0.2:1/", "127.0.0.2:1"},
		{"", "is DEAUTHORIZED"},
	} {
		if step.endpoint == "" {
			if _, err := c.DeauthorizeConnection(ctx, &awseventbridge.DeauthorizeConnectionInput{Name: aws.String("c")}); err != nil {
				t.Fatal(err)
			}
			step.endpoint = "http://127.0.0.1:1/"
		}
		name := fmt.Sprint("d", i)
		d, err := c.CreateApiDestination(ctx, &awseventbridge.CreateApiDestinationInput{Name: &name, ConnectionArn: connection.ConnectionArn,
			InvocationEndpoint: &step.endpoint, HttpMethod: types.ApiDestinationHttpMethodPost})
		if strings.Contains(step.want, "URL") {
			if err == nil {
				t.Errorf("%s was accepted", step.endpoint)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.PutTargets(ctx, &awseventbridge.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{{Id: aws.String("1"), Arn: d.ApiDestinationArn}}}); err != nil {
			t.Fatal(err)
		}
		before := len(m.letters())
		put(t, c, entry("a", "b", `{}`))
		eventually(t, "a dead letter", func() bool { return len(m.letters()) == before+1 })
		if said := string(m.letters()[before].Record.ResponsePayload); !strings.Contains(said, step.want) {
			t.Errorf("%s: %s, want %q", step.endpoint, said, step.want)
		}
	}
}
