package eventbridge

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

// An Event is an event that a bus has accepted.
type Event struct {
	Seq      uint64         `json:"-"` // the order in which events were accepted
	ID       string         `json:"id"`
	Bus      string         `json:"bus"`              // its ARN
	Time     time.Time      `json:"time"`             // its own
	Received time.Time      `json:"received"`         // when it was accepted
	Rules    []string       `json:"rules,omitempty"`  // the ARNs of the rules that matched
	Trace    string         `json:"trace,omitempty"`  // the trace header
	Replay   string         `json:"replay,omitempty"` // the replay that sent it
	Hops     int            `json:"hops,omitempty"`   // how many buses it passed before
	JSON     jsontext.Value `json:"-"`                // as targets get it; may hold an API key
}

// eventFields are the members of an event.
type eventFields struct {
	id, source, detailType, account, region, replay string
	time                                            time.Time
	resources                                       []string
	detail                                          jsontext.Value
}

// buildEvent writes the event as EventBridge delivers it.
func buildEvent(f *eventFields) jsontext.Value {
	b := make([]byte, 0, 256+len(f.detail)+len(f.source)+len(f.detailType))
	b = append(b, `{"version":"0","id":`...)
	b = appendString(b, f.id)
	b = append(b, `,"detail-type":`...)
	b = appendString(b, f.detailType)
	b = append(b, `,"source":`...)
	b = appendString(b, f.source)
	b = append(b, `,"account":`...)
	b = appendString(b, f.account)
	b = append(b, `,"time":"`...)
	b = f.time.UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
	b = append(b, `","region":`...)
	b = appendString(b, f.region)
	b = append(b, `,"resources":[`...)
	for i, r := range f.resources {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, r)
	}
	b = append(b, ']')
	if f.replay != "" {
		b = append(b, `,"replay-name":`...)
		b = appendString(b, f.replay)
	}
	b = append(b, `,"detail":`...)
	b = append(b, f.detail...)
	return append(b, '}')
}

func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // valid UTF-8: the decoder checks it
	return b
}

// encode returns the record of the event: its metadata on one line, then its JSON,
// which is not parsed again.
func (e *Event) encode() ([]byte, error) {
	head, err := json.Marshal(e)
	if err != nil {
		return nil, fault.Wrap("encode event", fault.Internal, err)
	}
	return append(append(head, '\n'), e.JSON...), nil
}

func decodeEvent(key, record []byte) (Event, error) {
	head, body, ok := bytes.Cut(record, []byte{'\n'})
	var e Event
	if err := json.Unmarshal(head, &e); err != nil || !ok || len(key) != 8 {
		return Event{}, fault.Wrap("decode event", fault.Internal, fault.Errorf(fault.Internal, "a stored event cannot be read"))
	}
	e.Seq, e.JSON = binary.BigEndian.Uint64(key), body
	return e, nil
}

// unmarshalLoose decodes JSON in which names may repeat, as EventBridge does.
func unmarshalLoose(document []byte, v any) error {
	return json.Unmarshal(document, v, jsontext.AllowDuplicateNames(true))
}
