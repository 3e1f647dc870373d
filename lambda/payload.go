package lambda

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A shape is the kind of a payload.
type shape uint8

const (
	shapeUnknown  shape = iota
	shapeEvent          // an EventBridge event
	shapeArray          // a JSON array of events
	shapeSQS            // a batch of SQS messages
	shapeFailure        // the record of a failed invocation
	shapeSchedule       // the relay's schedule
	shapeHTTP           // a request of API Gateway or a function URL
)

// A probe holds the members by which shapes differ; the others are skipped.
type probe struct {
	Source         jsontext.Value `json:"source"`
	DetailType     jsontext.Value `json:"detail-type"`
	Records        jsontext.Value `json:"Records"`
	RequestPayload jsontext.Value `json:"requestPayload"`
	RequestContext jsontext.Value `json:"requestContext"`
	HTTPMethod     jsontext.Value `json:"httpMethod"`
	RawPath        jsontext.Value `json:"rawPath"`
}

// classify returns the shape of a payload, which it recognizes by its members. It
// is lenient, so that a malformed event is rejected as an event.
func classify(payload []byte) shape {
	payload = bytes.TrimLeft(payload, " \t\r\n")
	if len(payload) > 0 && payload[0] == '[' {
		return shapeArray
	}
	var p probe
	// After an error the members before it are set: enough to recognize an event
	// whose later part is malformed.
	_ = json.Unmarshal(payload, &p, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	switch {
	case p.RequestPayload != nil && p.RequestContext != nil:
		return shapeFailure
	case p.Records.Kind() == '[':
		return shapeSQS
	case string(p.Source) == `"aws.events"` && string(p.DetailType) == `"Scheduled Event"`:
		return shapeSchedule
	case p.Source != nil || p.DetailType != nil:
		return shapeEvent
	case p.RequestContext.Kind() == '{' && (p.HTTPMethod.Kind() == '"' || p.RawPath.Kind() == '"'):
		return shapeHTTP
	}
	return shapeUnknown
}
