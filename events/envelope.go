package events

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

// A DetailType names the shape of an event's detail.
type DetailType string

// An Envelope is an event as EventBridge delivers it. Detail is kept as it
// came: what it means depends on source and detail-type.
type Envelope struct {
	Version    Version        `json:"version,omitempty"`
	ID         string         `json:"id,omitempty"`
	DetailType DetailType     `json:"detail-type"`
	Source     string         `json:"source"`
	Account    string         `json:"account,omitempty"`
	Time       Timestamp      `json:"time,omitempty"`
	Region     string         `json:"region,omitempty"`
	Resources  []string       `json:"resources"`
	Detail     jsontext.Value `json:"detail"`
	ReplayName string         `json:"replay-name,omitempty"`

	// Unknown keeps the members that no one told us of, so that an event
	// survives decoding and encoding.
	Unknown jsontext.Value `json:",embed"`
}

// DecodeEnvelope reads one event, strictly. Faults are Invalid.
func DecodeEnvelope(data []byte) (Envelope, error) {
	var e Envelope
	if err := Unmarshal("event", data, &e); err != nil {
		return Envelope{}, err
	}
	return e, nil
}

// Raw returns the envelope itself: an event without a type has nothing else.
func (e *Envelope) Raw() *Envelope { return e }

// Encode writes the event as EventBridge would.
func (e Envelope) Encode() ([]byte, error) {
	b, err := json.Marshal(e)
	return b, fault.Wrap("events.Encode", fault.Invalid, err)
}

// A Version is an envelope's version. EventBridge writes the string "0"; some
// senders write a number, which is taken as its text.
type Version string

// UnmarshalJSONFrom reads a string or a number.
func (v *Version) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if k := tok.Kind(); k != '"' && k != '0' {
		return fault.Errorf(fault.Invalid, "must be a string, not %s", kindName(k))
	}
	*v = Version(tok.String())
	return nil
}

// A Timestamp is an envelope's time as it was written: RFC 3339 from AWS, but
// sample events hold placeholders, and they must still decode.
type Timestamp string

// Timestamped returns t as EventBridge writes times: UTC, whole seconds.
func Timestamped(t time.Time) Timestamp {
	return Timestamp(t.UTC().Format("2006-01-02T15:04:05Z"))
}

// Time parses the timestamp. The fault is Invalid.
func (t Timestamp) Time() (time.Time, error) {
	parsed, err := time.Parse(time.RFC3339, string(t))
	if err != nil {
		return time.Time{}, fault.Errorf(fault.Invalid, "time is not RFC 3339, such as 2026-01-02T03:04:05Z")
	}
	return parsed, nil
}
