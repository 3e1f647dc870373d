package typed

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// A Kind says what an event is: who sent it, and the name of its shape. Neither
// is enough alone, since several sources share one detail-type. A Kind without
// DetailType stands for every event of its source that has no Kind of its own.
type Kind struct {
	Source     string
	DetailType events.DetailType
}

// A Decoded event is what a [Registry] returns for an envelope: an *[Event] for a kind it
// knows, the *[Envelope] itself for any other.
type Decoded interface {
	// Raw is the envelope as it came, with the detail as text.
	Raw() *events.Envelope
}

// Event is an event whose detail has a Go type. Its other members are those of
// the [Envelope] that it embeds.
type Event[T any] struct {
	events.Envelope
	Detail T `json:"detail"` // in place of the raw one of the Envelope
}

// String describes the event in one line. Of the detail it prints only what the
// detail's own method String returns: neither payload nor key is logged.
func (t *Event[T]) String() string { return describe(&t.Envelope, &t.Detail) }

// Encode returns the event as JSON. A detail that was not changed since it was
// decoded is written as it came, with its order and without the required members
// that it lacked. The fault is Invalid.
func (t *Event[T]) Encode() ([]byte, error) { return encode(t.Envelope, &t.Detail) }

// The functions below do the work of the methods above. They are not generic:
// the compiler makes a copy of a generic function for every type of detail.

func describe(e *events.Envelope, detail any) string {
	text := fmt.Sprintf("%s from %s, id %s", e.DetailType, e.Source, e.ID)
	if d, ok := detail.(fmt.Stringer); ok {
		text += ": " + d.String()
	}
	return text
}

func encode(e events.Envelope, detail any) ([]byte, error) {
	text, err := json.Marshal(detail, forSending)
	if err != nil {
		return nil, fault.Wrap("typed.Encode", fault.Invalid, err)
	}
	if !unchanged(&e, detail, text) {
		e.Detail = text
	}
	return e.Encode()
}

// unchanged reports whether decoding the raw detail again would lead to the same
// encoding.
func unchanged(e *events.Envelope, detail any, encoded []byte) bool {
	if e.Detail == nil {
		return false
	}
	original := reflect.New(reflect.TypeOf(detail).Elem()).Interface()
	if err := json.Unmarshal(e.Detail, decodable(original)); err != nil {
		return false
	}
	before, err := json.Marshal(original, forSending)
	return err == nil && bytes.Equal(before, encoded)
}

func decodeDetail(e *events.Envelope, detail any) error {
	if len(e.Detail) == 0 {
		return &fault.Error{Code: fault.Invalid, Message: "/detail: is missing",
			Violations: []fault.Violation{{Pointer: "/detail", Message: "is missing"}}}
	}
	if value := reflect.ValueOf(detail).Elem(); isGenerated(value.Type()) && events.Readable(e.Detail) {
		if scanStruct(e.Detail, value) {
			return nil
		}
		value.SetZero()
	}
	if err := events.Unmarshal("detail", e.Detail, decodable(detail)); err != nil {
		return underDetail(err)
	}
	return nil
}

// A Decoder makes a typed event of an envelope. Its faults are Invalid.
type Decoder func(events.Envelope) (Decoded, error)

// Map says how each kind of event is decoded. Each package under events/aws
// has one; yours is written the same way:
//
//	Map{
//		{Source: "shop", DetailType: "Order Placed"}: Decode[OrderPlaced],
//	}
type Map map[Kind]Decoder

// Decode is the [Decoder] of events whose detail is a T.
func Decode[T any](e events.Envelope) (Decoded, error) {
	t := &Event[T]{Envelope: e}
	if err := decodeDetail(&t.Envelope, &t.Detail); err != nil {
		return nil, err
	}
	return t, nil
}

// A Registry decodes events of many kinds. It never changes once made, so it is
// safe for concurrent use. The zero Registry knows no event: all stay raw.
type Registry struct {
	decoders Map
}

// NewRegistry makes a registry of the given maps. Where two know the same kind
// the later one wins, so that you can put your own type in place of ours.
func NewRegistry(known ...Map) *Registry {
	return (&Registry{}).With(known...)
}

// With returns a registry that knows the given kinds too. The receiver stays
// as it is.
func (r *Registry) With(known ...Map) *Registry {
	all := make(Map, len(r.decoders))
	maps.Copy(all, r.decoders)
	for _, m := range known {
		maps.Copy(all, m)
	}
	return &Registry{decoders: all}
}

// Kinds returns a copy of what the registry knows.
func (r *Registry) Kinds() Map { return maps.Clone(r.decoders) }

// Lookup returns the decoder of a kind, or nil where the registry has none. A
// decoder of the whole source applies to kinds without one of their own.
func (r *Registry) Lookup(kind Kind) Decoder {
	if decode := r.decoders[kind]; decode != nil {
		return decode
	}
	return r.decoders[Kind{Source: kind.Source}]
}

// DecodeEvent decodes the text of one event. It returns what
// [events.DecodeEnvelope] and [Registry.Decode] return, in about half the time.
func (r *Registry) DecodeEvent(data []byte) (Decoded, error) {
	if event, ok := r.scanEvent(data); ok {
		return event, nil
	}
	e, err := events.DecodeEnvelope(data)
	if err != nil {
		return nil, err
	}
	return r.Decode(e)
}

// Decode returns the typed event, or the envelope itself where no type is
// known. A detail that does not fit its type is a fault, Invalid with the place;
// the envelope comes with it even then, so that the event stays usable.
func (r *Registry) Decode(e events.Envelope) (Decoded, error) {
	decode := r.Lookup(Kind{e.Source, e.DetailType})
	if decode == nil {
		return &e, nil
	}
	typed, err := decode(e)
	if err != nil {
		return &e, fault.Wrap("typed.Decode", fault.Invalid, err)
	}
	return typed, nil
}

// As returns the event with its detail as a T, and whether it has that type.
//
//	if change, ok := As[ec2.EC2InstanceStateChangeNotification](event); ok {
//		log.Print(change.Region, change.Detail.InstanceID)
//	}
func As[T any](e Decoded) (*Event[T], bool) {
	t, ok := e.(*Event[T])
	return t, ok
}

// DetailAs decodes the detail of any event as a T, whatever a registry knows of
// it. Faults are Invalid.
func DetailAs[T any](e Decoded) (T, error) {
	if t, ok := As[T](e); ok {
		return t.Detail, nil
	}
	var detail T
	err := decodeDetail(e.Raw(), &detail)
	return detail, err
}

// underDetail puts the pointers of err below /detail.
func underDetail(err error) error {
	violations := fault.ViolationsOf(err)
	moved := make([]fault.Violation, len(violations))
	for i, v := range violations {
		moved[i] = fault.Violation{Pointer: "/detail" + v.Pointer, Message: v.Message}
	}
	return &fault.Error{Code: fault.Invalid, Message: fault.MessageOf(err), Violations: moved}
}
