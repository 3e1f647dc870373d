package local_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/local"
)

// A call that is not served gets an error that its client can read, in the protocol of
// the call.
func TestNotServedInTheProtocolOfTheCall(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	const form = "application/x-www-form-urlencoded; charset=utf-8"
	signed := func(service string) string {
		return "AWS4-HMAC-SHA256 Credential=test/20261124/us-east-1/" + service + "/aws4_request, SignedHeaders=host, Signature=00"
	}
	for _, c := range []struct {
		name, method, path, contentType, body string
		headers                               map[string]string
		status                                int
		gotType, want                         string
	}{
		{"JSON 1.1, unknown service", "POST", "/", "application/x-amz-json-1.1", "{}", map[string]string{"X-Amz-Target": "TrentService.Encrypt", "Authorization": signed("kms")},
			400, "application/x-amz-json-1.1", `"message":"The operation TrentService.Encrypt of the service kms is not served here; doc/local.md lists those that are."`},
		{"JSON 1.0, unknown service", "POST", "/", "application/x-amz-json-1.0", "{}", map[string]string{"X-Amz-Target": "DynamoDB_20120810.GetItem"},
			400, "application/x-amz-json-1.0", `"UnknownOperationException"`},
		{"JSON, unknown operation", "POST", "/", "application/x-amz-json-1.1", "{}", map[string]string{"X-Amz-Target": "AWSEvents.CreateEndpoint"},
			400, "application/x-amz-json-1.1", `"__type":"UnknownOperationException"`},
		{"JSON, removed operation", "POST", "/", "application/x-amz-json-1.0", "{}", map[string]string{"X-Amz-Target": "AmazonSQS.ListQueueTags"},
			400, "application/x-amz-json-1.0", `"__type":"UnknownOperationException"`},
		{"STS, an access key that is an account id", "POST", "/", form, "Action=GetCallerIdentity&Version=2011-06-15",
			map[string]string{"Authorization": "AWS4-HMAC-SHA256 Credential=111122223333/20261124/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=00"},
			200, "text/xml", "<GetCallerIdentityResult><UserId>111122223333</UserId><Account>111122223333</Account><Arn>arn:aws:iam::111122223333:root</Arn></GetCallerIdentityResult>"},
		{"STS, another access key", "POST", "/", form, "Action=GetCallerIdentity&Version=2011-06-15", map[string]string{"Authorization": signed("sts")},
			200, "text/xml", "<Account>000000000000</Account>"},
		{"STS, another operation", "POST", "/", form, "Action=AssumeRole&Version=2011-06-15", map[string]string{"Authorization": signed("sts")},
			400, "text/xml", "The operation AssumeRole of the service sts is not served here"},
		{"query", "POST", "/", form, "Action=ListUsers&Version=2010-05-08", map[string]string{"Authorization": signed("iam")},
			400, "text/xml", "<Code>InvalidAction</Code><Message>The operation ListUsers of the service iam is not served here; doc/local.md lists those that are.</Message>"},
		{"query, GET", "GET", "/?Action=DescribeInstances&Version=2016-11-15", "", "", nil, 400, "text/xml", "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code>"},
		{"query, no action", "POST", "/", form, "x=y", map[string]string{"Authorization": signed("sns")}, 400, "text/xml", "<Code>InvalidAction</Code>"},
		{"query, bad form", "POST", "/", form, "Action=%zz", nil, 400, "text/xml", "<Code>MalformedQueryString</Code>"},
		{"query, markup in the action", "POST", "/", form, "Action=%3Cb%3E", nil, 400, "text/xml", "The operation &lt;b&gt; is not served"},
		{"query, another service with the same action", "POST", "/", form, "Action=GetCallerIdentity", map[string]string{"Authorization": signed("iam")}, 400, "text/xml", "InvalidAction"},
		{"CBOR, unknown operation", "POST", "/service/GraniteServiceVersion20100801/operation/ListDashboards", "application/cbor", "\xa0", map[string]string{"Smithy-Protocol": "rpc-v2-cbor"},
			400, "application/cbor", "UnknownOperationException"},
		{"CBOR, unknown service", "POST", "/service/Other/operation/Get", "application/cbor", "\xa0", map[string]string{"Smithy-Protocol": "rpc-v2-cbor"}, 400, "application/cbor", "UnknownOperationException"},
		{"REST-JSON", "GET", "/2020-05-31/things", "", "", map[string]string{"Authorization": signed("apigateway")}, 404, "application/json",
			`{"Message":"The operation GET /2020-05-31/things of the service apigateway is not served here; doc/local.md lists those that are."}`},
		{"REST-XML", "GET", "/bucket/key", "", "", map[string]string{"Authorization": signed("s3")}, 501, "text/xml", "<Error><Code>NotImplemented</Code>"},
		{"unsigned", "GET", "/", "", "", nil, 404, "application/json", `{"Message":"The operation GET / is not served here`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, m.url+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", c.contentType)
		for name, value := range c.headers {
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || resp.Header.Get("Content-Type") != c.gotType || !strings.Contains(string(body), c.want) {
			t.Errorf("%s: %d %s %s %v\nwant %d %s %s", c.name, resp.StatusCode, resp.Header.Get("Content-Type"), body, err, c.status, c.gotType, c.want)
		}
	}
}
