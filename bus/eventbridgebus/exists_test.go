package eventbridgebus_test

import (
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/blockforger/eventrouter/bus/eventbridgebus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/awstest"
)

func TestMain(m *testing.M) { os.Exit(awstest.Main(m)) }

// TestExistsTellsGoneFromUnknown: a refusal and an outage say nothing of the bus.
func TestExistsTellsGoneFromUnknown(t *testing.T) {
	for _, c := range []struct {
		status int
		answer string
		there  bool
		code   fault.Code
	}{
		{200, `{"Name":"orders"}`, true, 0},
		{400, `{"__type":"ResourceNotFoundException","message":"no"}`, false, 0},
		{400, `{"__type":"AccessDeniedException","message":"no"}`, false, fault.Denied},
		{500, `{"__type":"InternalException","message":"no"}`, false, fault.Unavailable},
	} {
		s, requests, bodies := newSender(t, c.status, c.answer)
		there, err := s.Exists(t.Context(), sample.Bus)
		if there != c.there || err == nil != (c.code == 0) || err != nil && fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, %v", c.answer, there, err)
		}
		if auth := (*requests)[0].Header.Get("Authorization"); !strings.Contains(auth, "/eu-west-1/events/") {
			t.Errorf("signed for another region: %s", auth)
		}
		if want := `{"Name":"` + string(sample.Bus) + `"}`; (*bodies)[0] != want {
			t.Errorf("asked for %s, want %s", (*bodies)[0], want)
		}
	}
}

// TestExistsOnMoto: another people's EventBridge says the same of a bus that is
// made and taken away.
func TestExistsOnMoto(t *testing.T) {
	config := awstest.Config(awstest.Moto(t))
	client := eventbridge.NewFromConfig(config)
	s := eventbridgebus.New(eventbridge.Options{BaseEndpoint: config.BaseEndpoint, Credentials: config.Credentials})
	made, err := client.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: aws.String("watched")})
	if err != nil {
		t.Fatal(err)
	}
	arn := events.BusARN(aws.ToString(made.EventBusArn))
	if there, err := s.Exists(t.Context(), arn); err != nil || !there {
		t.Errorf("%v, %v", there, err)
	}
	if _, err := client.DeleteEventBus(t.Context(), &eventbridge.DeleteEventBusInput{Name: aws.String("watched")}); err != nil {
		t.Fatal(err)
	}
	if there, err := s.Exists(t.Context(), arn); err != nil || there {
		t.Errorf("%v, %v", there, err)
	}
}
