package eventbridgebus_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/blockforger/eventrouter/bus/eventbridgebus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/awstest"
)

// TestBusesReadsEveryPage: an account may have more buses than one page tells.
func TestBusesReadsEveryPage(t *testing.T) {
	const arn = `{"Arn":"arn:aws:events:eu-west-1:111122223333:event-bus/`
	pages := map[bool]string{
		false: `{"EventBuses":[` + arn + `a"},` + arn + `b"}],"NextToken":"two"}`,
		true:  `{"EventBuses":[` + arn + `c"}]}`,
	}
	var targets []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		targets = append(targets, r.Header.Get("X-Amz-Target"))
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, pages[strings.Contains(string(body), `"NextToken":"two"`)])
	}))
	defer srv.Close()
	config := awstest.Config(srv.URL)
	got, err := eventbridgebus.New(eventbridge.Options{BaseEndpoint: config.BaseEndpoint, Credentials: config.Credentials}).Buses(t.Context(), "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	want := []events.BusARN{"a", "b", "c"}
	for i := range want {
		want[i] = "arn:aws:events:eu-west-1:111122223333:event-bus/" + want[i]
	}
	if !slices.Equal(got, want) || !slices.Equal(targets, []string{"AWSEvents.ListEventBuses", "AWSEvents.ListEventBuses"}) {
		t.Errorf("%v by %v", got, targets)
	}
}

func TestBusesThatMayNotBeListed(t *testing.T) {
	s, _, _ := newSender(t, 400, `{"__type":"AccessDeniedException","message":"no"}`)
	if _, err := s.Buses(t.Context(), "us-east-1"); fault.CodeOf(err) != fault.Denied {
		t.Errorf("%v", err)
	}
}

// TestBusesOfMoto: another people's implementation says the same of a bus that
// is made and taken away.
func TestBusesOfMoto(t *testing.T) {
	config := awstest.Config(awstest.Moto(t))
	client := eventbridge.NewFromConfig(config)
	s := eventbridgebus.New(eventbridge.Options{BaseEndpoint: config.BaseEndpoint, Credentials: config.Credentials})
	made, err := client.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: aws.String("watched")})
	if err != nil {
		t.Fatal(err)
	}
	arn := events.BusARN(aws.ToString(made.EventBusArn))
	has := func() bool {
		t.Helper()
		buses, err := s.Buses(context.Background(), "us-east-1")
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(buses, arn)
	}
	if !has() {
		t.Errorf("%s is not listed", arn)
	}
	if _, err := client.DeleteEventBus(t.Context(), &eventbridge.DeleteEventBusInput{Name: aws.String("watched")}); err != nil {
		t.Fatal(err)
	}
	if has() {
		t.Errorf("%s is listed though it is gone", arn)
	}
}
