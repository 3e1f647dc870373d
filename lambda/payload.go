package lambda

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/internal/jsonscan"
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
	if quickProbe(payload, &p) {
		return p.shape()
	}
	p = probe{}
	// After an error the members before it are set: enough to recognize an event
	// whose later part is malformed.
	_ = json.Unmarshal(payload, &p, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return p.shape()
}

// quickProbe sets what json.Unmarshal would, but values share memory with the payload. It
// returns false for a payload that is malformed, or has escapes in names.
func quickProbe(payload []byte, p *probe) bool {
	if len(payload) == 0 || payload[0] != '{' {
		return false
	}
	return jsonscan.Members(payload, 0, func(name []byte, from, to int) bool {
		if member := p.member(name); member != nil {
			*member = payload[from:to] // of a repeated name, the last value
		}
		return true
	})
}

func (p *probe) member(name []byte) *jsontext.Value {
	switch string(name) {
	case "source":
		return &p.Source
	case "detail-type":
		return &p.DetailType
	case "Records":
		return &p.Records
	case "requestPayload":
		return &p.RequestPayload
	case "requestContext":
		return &p.RequestContext
	case "httpMethod":
		return &p.HTTPMethod
	case "rawPath":
		return &p.RawPath
	}
	return nil
}

func (p *probe) shape() shape {
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
