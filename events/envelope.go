package events

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

// A DetailType names the structure of an event's detail.
type DetailType string

// An Envelope is an event as EventBridge delivers it. Detail is raw JSON, because
// its structure depends on source and detail-type.
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

	// Unknown holds members without a field of their own, so that encoding a
	// decoded event loses nothing.
	Unknown jsontext.Value `json:",embed"`
}

// DecodeEnvelope strictly decodes one event. Errors are Invalid.
func DecodeEnvelope(data []byte) (Envelope, error) {
	var e Envelope
	if quickEnvelope(data, &e) {
		return e, nil
	}
	e = Envelope{}
	if err := decode("event", data, &e); err != nil {
		return Envelope{}, err
	}
	return e, nil
}

// Raw returns the envelope itself, the only representation of an event without a
// type.
func (e *Envelope) Raw() *Envelope { return e }

// Encode returns the event as EventBridge writes it.
func (e Envelope) Encode() ([]byte, error) {
	b, err := json.Marshal(e)
	return b, fault.Wrap("events.Encode", fault.Invalid, err)
}

// A Version is an envelope's version. EventBridge writes the string "0"; a number,
// which some senders write, is read as its text.
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

// A Timestamp is the text of an envelope's time: RFC 3339 in events of AWS, but
// possibly a placeholder in sample events, which must decode too.
type Timestamp string

// Timestamped returns t as EventBridge writes times: UTC, whole seconds.
func Timestamped(t time.Time) Timestamp {
	return Timestamp(t.UTC().Format("2006-01-02T15:04:05Z"))
}

// Time parses the timestamp. The error is Invalid.
func (t Timestamp) Time() (time.Time, error) {
	parsed, err := time.Parse(time.RFC3339, string(t))
	if err != nil {
		return time.Time{}, fault.Errorf(fault.Invalid, "time must have the form of RFC 3339, for example 2026-01-02T03:04:05Z")
	}
	return parsed, nil
}
