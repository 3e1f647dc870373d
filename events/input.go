package events

import (
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

// An Input is the well-formed detail of an input event: its ids are valid, the
// operation is known, and the payload is an object. Whether the API key is valid
// and the schema exists is checked later.
type Input struct {
	Tenant         TenantID
	Schema         SchemaID
	Operation      Operation
	APIKey         Secret // "" where it is missing, null or not a string
	Payload        jsontext.Value
	IdempotencyKey string // "" where the sender gave none
	Metadata       Metadata
}

// Metadata holds what a sender can pass on from the event that caused this one.
type Metadata struct {
	CorrelationID string
	Hops          int    // how many routers the cause has passed already
	TraceHeader   string // of metadata.traceparent; "" without a valid one
}

const (
	maxIdempotencyKey = 128
	maxCorrelationID  = 256
)

// IsInput reports whether the envelope has the source of an input event. Events
// that the router or a tenant published have another source and are never input.
func (e *Envelope) IsInput() bool { return e.Source == InputSource }

// wireInput is the detail of an input event before its members are checked.
type wireInput struct {
	Tenant         *string        `json:"tenant"`
	RootSchema     *string        `json:"rootSchema"`
	Operation      optionalString `json:"operation"`
	APIKey         jsontext.Value `json:"api_key"`
	Payload        jsontext.Value `json:"payload"`
	IdempotencyKey optionalString `json:"idempotency_key"`
	Metadata       jsontext.Value `json:"metadata"`
}

// DecodeInput decodes the detail of an input event. Errors are Invalid and contain
// the JSON Pointer of the position within the event; the input then holds the
// members before that position, for the log.
func DecodeInput(e *Envelope) (Input, error) {
	var wire wireInput
	if e.Detail.Kind() != '{' {
		return Input{}, invalid("/detail", "must be an object")
	}
	if !quickInput(e.Detail, &wire) {
		wire = wireInput{}
		if err := decode("detail", e.Detail, &wire); err != nil {
			return Input{}, under("/detail", err)
		}
	}

	var in Input
	var err error
	if in.Tenant, err = parseMember("/detail/tenant", wire.Tenant, ParseTenantID); err != nil {
		return in, err
	}
	if in.Schema, err = parseMember("/detail/rootSchema", wire.RootSchema, ParseSchemaID); err != nil {
		return in, err
	}
	if in.Operation, err = inputOperation(e.DetailType, in.Schema, wire.Operation); err != nil {
		return in, err
	}
	if wire.Payload.Kind() != '{' {
		return in, invalid("/detail/payload", "must be an object")
	}
	in.Payload = wire.Payload
	if wire.IdempotencyKey.Present {
		if err := CheckIdempotencyKey(wire.IdempotencyKey.Value); err != nil {
			return in, invalid("/detail/idempotency_key", fault.MessageOf(err))
		}
		in.IdempotencyKey = wire.IdempotencyKey.Value
	}
	if in.Metadata, err = decodeMetadata(wire.Metadata); err != nil {
		return in, err
	}
	if wire.APIKey.Kind() == '"' {
		if text, err := jsontext.AppendUnquote(nil, wire.APIKey); err == nil {
			in.APIKey = Secret(text)
		}
	}
	return in, nil
}

// inputOperation applies R3: a missing operation means POST, and the detail-type
// must agree with the detail, or a PUT without operation would create a record.
func inputOperation(dt DetailType, schema SchemaID, given optionalString) (Operation, error) {
	op := Post
	if given.Present {
		var err error
		if op, err = ParseWrite(given.Value); err != nil {
			return "", invalid("/detail/operation", "must be POST, PUT, PATCH or DELETE")
		}
	}
	if want := InputDetailType(schema, op); dt != want {
		hint := ""
		if !given.Present {
			hint = " (operation is absent, which means POST)"
		}
		return "", invalid("/detail-type", "must be "+string(want)+" as the detail says"+hint)
	}
	return op, nil
}

// InputDetailType returns the detail-type of an input event,
// {rootSchema}.{OPERATION}.
func InputDetailType(schema SchemaID, op Operation) DetailType {
	return DetailType(string(schema) + "." + string(op))
}

// CheckIdempotencyKey verifies that s is 1 to 128 characters, none of them a
// control character. The error is Invalid.
func CheckIdempotencyKey(s string) error {
	if n := utf8.RuneCountInString(s); n < 1 || n > maxIdempotencyKey {
		return fault.Errorf(fault.Invalid, "must have 1 to %d characters, not %d", maxIdempotencyKey, n)
	}
	if i := indexControl(s); i >= 0 {
		return fault.Errorf(fault.Invalid, "has a control character at byte %d", i)
	}
	return nil
}

func indexControl(s string) int {
	for i, r := range s {
		if r < 0x20 || r == 0x7f || 0x80 <= r && r < 0xa0 {
			return i
		}
	}
	return -1
}

func decodeMetadata(raw jsontext.Value) (Metadata, error) {
	if raw == nil {
		return Metadata{}, nil
	}
	var wire struct {
		CorrelationID string `json:"correlationId"`
		Hops          int    `json:"hops"`

		Traceparent jsontext.Value `json:"traceparent"` // ignored if it is malformed
	}
	if raw.Kind() != '{' {
		return Metadata{}, invalid("/detail/metadata", "must be an object")
	}
	if err := Unmarshal("metadata", raw, &wire); err != nil {
		return Metadata{}, under("/detail/metadata", err)
	}
	switch {
	case wire.Hops < 0:
		return Metadata{}, invalid("/detail/metadata/hops", "must not be negative")
	case len(wire.CorrelationID) > maxCorrelationID:
		return Metadata{}, invalid("/detail/metadata/correlationId", "must have at most 256 bytes")
	case indexControl(wire.CorrelationID) >= 0:
		return Metadata{}, invalid("/detail/metadata/correlationId", "must not hold control characters")
	}
	m := Metadata{CorrelationID: wire.CorrelationID, Hops: wire.Hops}
	if wire.Traceparent.Kind() == '"' {
		if text, err := jsontext.AppendUnquote(nil, wire.Traceparent); err == nil {
			m.TraceHeader, _ = TraceHeader(string(text))
		}
	}
	return m, nil
}

// optionalString distinguishes an absent member from an empty one, and rejects
// null, which does not mean absent.
type optionalString struct {
	Value   string
	Present bool
}

func (o *optionalString) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if tok.Kind() != '"' {
		return fault.Errorf(fault.Invalid, "must be a string, not %s", kindName(tok.Kind()))
	}
	o.Value, o.Present = tok.String(), true
	return nil
}

// parseMember reads an id. Errors do not quote the text, because any member may
// contain a key or a payload.
func parseMember[T any](pointer string, s *string, parse func(string) (T, error)) (T, error) {
	var zero T
	if s == nil {
		return zero, invalid(pointer, "is required and must be a string")
	}
	v, err := parse(*s)
	if err != nil { // whose text quotes the id: it is the sender's, and may be anything
		return zero, invalid(pointer, "must be 1 to 64 letters, digits, _ and -, the first a letter or digit")
	}
	return v, nil
}

// invalid returns an error with one violation at a pointer.
func invalid(pointer, message string) error {
	return &fault.Error{Code: fault.Invalid, Message: pointer + ": " + message,
		Violations: []fault.Violation{{Pointer: pointer, Message: message}}}
}

// under prepends a parent to the pointers of err.
func under(parent string, err error) error {
	vs := fault.ViolationsOf(err)
	moved := make([]fault.Violation, len(vs))
	for i, v := range vs {
		moved[i] = fault.Violation{Pointer: parent + v.Pointer, Message: v.Message}
	}
	return &fault.Error{Code: fault.Invalid, Message: fault.MessageOf(err), Violations: moved}
}
