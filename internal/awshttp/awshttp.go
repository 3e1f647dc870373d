// Package awshttp keeps the connections of the AWS SDK's clients.
//
//	db := dynamodb.New(options, func(o *dynamodb.Options) { o.HTTPClient = awshttp.Keep(o.HTTPClient) })
package awshttp

import (
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Keep returns an HTTP client that sends requests by another one and loses no connection.
// The SDK closes the body of a request as soon as the response has arrived. Go's transport
// may look for more of the body only then; the SDK's body returns io.EOF from WriteTo,
// which the transport takes for a failed write, and it closes the connection. Over
// loopback, that was one request in ten.
func Keep(c aws.HTTPClient) aws.HTTPClient { return client{c} }

type client struct{ aws.HTTPClient }

// Do sends a request.
func (c client) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = body{r.Body}
	}
	return c.HTTPClient.Do(r)
}

// A body has no WriteTo, so that it is read by Read, which ends with io.EOF as it should.
type body struct{ io.ReadCloser }
