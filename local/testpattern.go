package local

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/local/awsjson"
)

type TestEventPatternInput struct {
	EventPattern string `json:"EventPattern" aws:"required,max=4096"`
	Event        string `json:"Event" aws:"required"`
}

type TestEventPatternOutput struct {
	Result bool `json:"Result"`
}

// TestEventPattern tells whether an event matches a pattern. AWS wants a whole
// event here, with all that EventBridge gives one.
func (s *Server) TestEventPattern(_ context.Context, in *TestEventPatternInput) (*TestEventPatternOutput, error) {
	p, err := pattern.Compile([]byte(in.EventPattern))
	if err != nil {
		return nil, invalidPattern(err)
	}
	fields, err := topLevel([]byte(in.Event))
	if err != nil {
		return nil, awsjson.Errorf("ValidationException", "Parameter Event is not valid. Reason: it is not a JSON object.")
	}
	for _, name := range []string{"id", "account", "source", "time", "region", "resources", "detail-type"} {
		if !fields[name] {
			return nil, awsjson.Errorf("ValidationException", "Parameter Event is not valid. Reason: %s is a required field of an event.", name)
		}
	}
	matches, err := p.MatchJSON([]byte(in.Event))
	if err != nil {
		return nil, awsjson.Errorf("ValidationException", "Parameter Event is not valid.")
	}
	return &TestEventPatternOutput{Result: matches}, nil
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
