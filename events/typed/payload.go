package typed

import (
	"errors"
	"io"
	"iter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// A Delivery is one event out of a payload that may hold many.
type Delivery struct {
	// MessageID is the SQS message that brought the event: what a function
	// reports to have that message alone delivered again. Else "".
	MessageID string
	// Event is nil where the text was not an event at all.
	Event Decoded
	// Err is what [Registry.Decode] or the codec found wrong with this event;
	// the others of the payload are not touched by it.
	Err error
}

const (
	// maxPayload bounds what several events together may have. Lambda takes 6 MB.
	maxPayload = 16 << 20
	// maxWraps is how many wrappers an event may be in: a notification in a
	// message in a batch in the record of a failed invocation.
	maxWraps = 4
)

// DecodePayload decodes what a Lambda function is invoked with: an event, an
// array of events, an SQS batch, or the record of a failed invocation of any of
// these; and a message as SQS hands it out. The fault is Invalid, for a payload
// that is none of them; what is wrong with one event is in its [Delivery].
func (r *Registry) DecodePayload(data []byte) ([]Delivery, error) {
	s := splitter{registry: r}
	if err := s.split(data, "", 0); err != nil {
		return nil, err
	}
	return s.found, nil
}

// DecodeStream decodes a file of events: one after the other, as an archive
// holds them, or in an array, or whatever [Registry.DecodePayload] takes. It
// reads as it goes, so the file may be large. The second value is an error of
// reading or syntax, and the last.
func (r *Registry) DecodeStream(in io.Reader) iter.Seq2[Delivery, error] {
	return func(yield func(Delivery, error) bool) {
		dec := jsontext.NewDecoder(in)
		inArray := false
		for {
			// The brackets of an outermost array are stepped over, so that it
			// need not fit into memory.
			if k := dec.PeekKind(); k == '[' && !inArray || k == ']' && inArray {
				if _, err := dec.ReadToken(); err != nil {
					yield(Delivery{}, events.Malformed("stream", err))
					return
				}
				inArray = !inArray
				continue
			}
			value, err := dec.ReadValue()
			if errors.Is(err, io.EOF) && !inArray {
				return
			}
			if err != nil {
				yield(Delivery{}, events.Malformed("stream", err))
				return
			}
			s := splitter{registry: r}
			if err := s.split(value, "", 0); err != nil {
				s.found = append(s.found, Delivery{Err: err})
			}
			for _, d := range s.found {
				if !yield(d, nil) {
					return
				}
			}
		}
	}
}

// A splitter takes events out of their wrappers.
type splitter struct {
	registry *Registry
	found    []Delivery
}

// wrapper has the members by which the wrappers of events are told apart.
type wrapper struct {
	Records        []jsontext.Value `json:"Records"`        // Lambda, from SQS
	Messages       []jsontext.Value `json:"Messages"`       // SQS ReceiveMessage
	RequestPayload jsontext.Value   `json:"requestPayload"` // a failed invocation

	// An SQS message, as Lambda and as SQS itself spell it.
	LowerID   string  `json:"messageId"`
	LowerBody *string `json:"body"`
	UpperID   string  `json:"MessageId"`
	UpperBody *string `json:"Body"`

	Message *string `json:"Message"` // an SNS notification
}

func (s *splitter) split(data []byte, messageID string, wraps int) error {
	value := jsontext.Value(data)
	switch {
	case wraps > maxWraps:
		return fault.Errorf(fault.Invalid, "event is in more than %d wrappers", maxWraps)
	case value.Kind() == '[':
		return s.splitArray(data, messageID, wraps)
	case value.Kind() != '{':
		return s.refuse(data)
	}

	// Nearly always this is an event: try that first, it is one pass.
	if event, ok := s.registry.scanEvent(data); ok {
		s.found = append(s.found, Delivery{MessageID: messageID, Event: event})
		return nil
	}
	if len(data) <= events.MaxBytes {
		e, err := events.DecodeEnvelope(data)
		if err != nil {
			return err
		}
		if e.Source != "" || e.DetailType != "" {
			s.add(e, messageID)
			return nil
		}
	}
	return s.unwrap(data, messageID, wraps)
}

func (s *splitter) splitArray(data []byte, messageID string, wraps int) error {
	var elements []jsontext.Value
	if err := unmarshalPayload(data, &elements); err != nil {
		return err
	}
	for _, element := range elements {
		if err := s.split(element, messageID, wraps+1); err != nil {
			s.fail(messageID, err)
		}
	}
	return nil
}

func (s *splitter) unwrap(data []byte, messageID string, wraps int) error {
	var w wrapper
	if err := unmarshalPayload(data, &w); err != nil {
		return err
	}
	switch {
	case w.Records != nil || w.Messages != nil:
		for _, message := range append(w.Records, w.Messages...) {
			if err := s.split(message, messageID, wraps+1); err != nil {
				s.fail(messageID, err)
			}
		}
		return nil
	case w.LowerBody != nil:
		return s.body(*w.LowerBody, w.LowerID, wraps)
	case w.UpperBody != nil:
		return s.body(*w.UpperBody, w.UpperID, wraps)
	case w.LowerID != "":
		s.fail(w.LowerID, fault.Errorf(fault.Invalid, "message has no body"))
		return nil
	case w.Message != nil:
		return s.split([]byte(*w.Message), messageID, wraps+1)
	case w.RequestPayload.Kind() == '{' || w.RequestPayload.Kind() == '[':
		return s.split(w.RequestPayload, messageID, wraps+1)
	}
	return s.refuse(data)
}

// body splits a message's body. A body that is no event is that message's
// matter alone.
func (s *splitter) body(text, messageID string, wraps int) error {
	if err := s.split([]byte(text), messageID, wraps+1); err != nil {
		s.fail(messageID, err)
	}
	return nil
}

func (s *splitter) add(e events.Envelope, messageID string) {
	event, err := s.registry.Decode(e)
	s.found = append(s.found, Delivery{MessageID: messageID, Event: event, Err: err})
}

func (s *splitter) fail(messageID string, err error) {
	s.found = append(s.found, Delivery{MessageID: messageID, Err: err})
}

func (s *splitter) refuse(data []byte) error {
	if err := unmarshalPayload(data, new(jsontext.Value)); err != nil {
		return err
	}
	return fault.Errorf(fault.Invalid, "payload is no event: it has neither source nor detail-type, and is no array, SQS batch or record of a failed invocation")
}

// unmarshalPayload is [Unmarshal] with the larger limit of a batch.
func unmarshalPayload(data []byte, v any) error {
	if len(data) > maxPayload {
		return fault.Errorf(fault.Invalid, "payload has %d bytes, at most %d are read", len(data), maxPayload)
	}
	if at := events.TooDeep(data, events.MaxDepth); at >= 0 {
		return fault.Errorf(fault.Invalid, "payload is nested deeper than %d at byte %d", events.MaxDepth, at)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return events.Malformed("payload", err)
	}
	return nil
}
