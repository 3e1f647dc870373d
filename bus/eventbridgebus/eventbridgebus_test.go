package eventbridgebus_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/bus/eventbridgebus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// newSender sends to a server that answers as told and keeps the requests.
func newSender(t *testing.T, status int, answer string) (*eventbridgebus.Sender, *[]*http.Request, *[]string) {
	t.Helper()
	var requests []*http.Request
	var bodies []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests, bodies = append(requests, r), append(bodies, string(body))
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	return eventbridgebus.New(eventbridge.Options{
		BaseEndpoint: aws.String(srv.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	}), &requests, &bodies
}

var sample = events.Entry{
	Bus: "arn:aws:events:eu-west-1:111122223333:event-bus/orders", Source: "acme", DetailType: "pet.POST",
	Detail: []byte(`{"a":1}`), Resources: []string{"/acme/pet/1"}, Time: time.Unix(1767322800, 0), TraceHeader: "Root=1-2-3",
}

func TestSendSpeaksToTheBusesRegion(t *testing.T) {
	s, requests, bodies := newSender(t, 200, `{"FailedEntryCount":1,"Entries":[{"EventId":"e1"},{"ErrorCode":"ThrottlingException"}]}`)
	results, err := s.Send(t.Context(), "eu-west-1", []events.Entry{sample, sample})
	if err != nil {
		t.Fatal(err)
	}
	if results[0].EventID != "e1" || results[0].Code != "" || results[1].Code != "ThrottlingException" {
		t.Errorf("results = %+v", results)
	}
	if auth := (*requests)[0].Header.Get("Authorization"); !strings.Contains(auth, "/eu-west-1/events/") {
		t.Errorf("signed for another region: %s", auth)
	}
	var sent struct{ Entries []map[string]any }
	if err := json.Unmarshal([]byte((*bodies)[0]), &sent); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"EventBusName": string(sample.Bus), "Source": "acme", "DetailType": "pet.POST",
		"Detail": `{"a":1}`, "Time": 1767322800.0, "TraceHeader": "Root=1-2-3"} {
		if got := sent.Entries[0][name]; got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
}

func TestErrorsOfTheCall(t *testing.T) {
	for _, c := range []struct {
		status int
		name   string
		want   fault.Code
	}{
		{400, "AccessDeniedException", fault.Denied},
		{400, "ValidationException", fault.Invalid},
		{400, "ThrottlingException", fault.Unavailable},
		{400, "ExpiredTokenException", fault.Unavailable},
		{500, "InternalException", fault.Unavailable},
		{503, "", fault.Unavailable},
	} {
		s, _, _ := newSender(t, c.status, `{"__type":"`+c.name+`","message":"no"}`)
		_, err := s.Send(t.Context(), "us-east-1", []events.Entry{sample})
		if got := fault.CodeOf(err); got != c.want {
			t.Errorf("%d %s: code %v, want %v (%v)", c.status, c.name, got, c.want, err)
		}
	}
}

// A call that EventBridge fails is sent five times in all, and one that it
// refuses, once, whatever retryer the options have.
func TestAttempts(t *testing.T) {
	for _, c := range []struct {
		status int
		answer string
		want   int
	}{
		{500, `{"__type":"InternalException"}`, 5},
		{503, ``, 5},
		{400, `{"__type":"ThrottlingException"}`, 5},
		{400, `{"__type":"ValidationException"}`, 1},
		{400, `{"__type":"AccessDeniedException"}`, 1},
		{200, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException"}]}`, 1}, // the relay sends it again
	} {
		s, requests, _ := newSender(t, c.status, c.answer)
		_, err := s.Send(t.Context(), "us-east-1", []events.Entry{sample})
		if n := len(*requests); n != c.want || (err == nil) != (c.status == 200) {
			t.Errorf("PutEvents answered %d %s: %d requests, %v; want %d", c.status, c.answer, n, err, c.want)
		}
		*requests = nil
		_, err = s.Exists(t.Context(), sample.Bus)
		if n := len(*requests); n != c.want || (err == nil) != (c.status == 200) {
			t.Errorf("DescribeEventBus answered %d %s: %d requests, %v; want %d", c.status, c.answer, n, err, c.want)
		}
	}
}
