package eventbridge

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

type TestEventPatternInput struct {
	EventPattern string `json:"EventPattern" aws:"required,max=4096"`
	Event        string `json:"Event" aws:"required"`
}

type TestEventPatternOutput struct {
	Result bool `json:"Result"`
}

// TestEventPattern reports whether an event matches a pattern. The event must
// have the members of an EventBridge event. AWS documents resources as one of
// them but accepts an event without it (recorded 2024 to 2025).
func (s *Service) TestEventPattern(_ context.Context, in *TestEventPatternInput) (*TestEventPatternOutput, error) {
	p, err := pattern.Admit([]byte(in.EventPattern), pattern.MaxLength)
	if err != nil {
		return nil, invalidPattern(err)
	}
	fields, err := topLevel([]byte(in.Event))
	if err != nil {
		return nil, invalidEvent()
	}
	for _, name := range []string{"id", "account", "source", "time", "region", "detail-type"} {
		if !fields[name] {
			return nil, invalidEvent()
		}
	}
	matches, err := p.MatchJSON([]byte(in.Event))
	if err != nil {
		return nil, invalidEvent()
	}
	return &TestEventPatternOutput{Result: matches}, nil
}

func invalidEvent() error {
	return awsjson.Errorf("ValidationException", "Parameter Event is not valid.")
}

// topLevel names the members of a JSON object.
func topLevel(document []byte) (map[string]bool, error) {
	var members map[string]jsontext.Value
	err := json.Unmarshal(document, &members, jsontext.AllowDuplicateNames(true))
	names := map[string]bool{}
	for name := range members {
		names[name] = true
	}
	return names, err
}
