package lambda

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A shape is what kind of payload Lambda has handed us.
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

// probe holds the members by which shapes differ; the rest is skipped.
type probe struct {
	Source         jsontext.Value `json:"source"`
	DetailType     jsontext.Value `json:"detail-type"`
	Records        jsontext.Value `json:"Records"`
	RequestPayload jsontext.Value `json:"requestPayload"`
	RequestContext jsontext.Value `json:"requestContext"`
	HTTPMethod     jsontext.Value `json:"httpMethod"`
	RawPath        jsontext.Value `json:"rawPath"`
}

// classify tells shapes apart by their members. It is lenient, so that a
// malformed event is still known for one and refused as such.
func classify(payload []byte) shape {
	payload = bytes.TrimLeft(payload, " \t\r\n")
	if len(payload) > 0 && payload[0] == '[' {
		return shapeArray
	}
	var p probe
	// An error leaves the members that were read before it: enough to know an
	// event that is malformed further on.
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
