package store

import (
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
)

// Status returns the HTTP status that reports the result.
func (r Result) Status() int { return events.Status(r.Code, r.Operation) }

// outcome is the word for what became of a request.
func (r *Result) outcome() string {
	if r.Rejected {
		return events.Rejected
	}
	return events.Accepted
}

// OutcomeDetailType is the detail-type of the event that tells a sender what
// became of a request: {schema}.{operation}.accepted, or .rejected.
func (r *Result) OutcomeDetailType() events.DetailType {
	return events.DetailType(string(r.Ref.Schema) + "." + string(r.Operation) + "." + r.outcome())
}

// appendOutcome renders the detail of an entry that shows the outcome: what the
// sender gets over REST, and no payload.
func (m *IdempotencyRecord) appendOutcome(b []byte) ([]byte, error) {
	r := &m.Result
	b = append(b, `{"tenant":"`...)
	b = append(b, r.Ref.Tenant...)
	b = append(b, `","rootSchema":"`...)
	b = append(b, r.Ref.Schema...)
	b = append(b, `","operation":"`...)
	b = append(b, r.Operation...)
	b = append(b, `","outcome":"`...)
	b = append(b, r.outcome()...)
	b = append(b, `","status":`...)
	b = strconv.AppendInt(b, int64(r.Status()), 10)
	b = append(b, `,"inputEventId":`...)
	b, err := jsontext.AppendQuote(b, m.Outputs.InputEventID)
	if err != nil {
		return nil, err
	}
	if r.Ref.Key != "" {
		b = append(b, `,"key":`...)
		if b, err = jsontext.AppendQuote(b, string(r.Ref.Key)); err != nil {
			return nil, err
		}
	}
	if !r.Rejected {
		b = append(b, `,"revision":`...)
		b = strconv.AppendInt(b, r.Revision, 10)
		return append(b, '}'), nil
	}
	b = append(b, `,"code":"`...)
	b = append(b, r.Code.String()...)
	b = append(b, `","message":`...)
	if b, err = jsontext.AppendQuote(b, r.Message); err != nil {
		return nil, err
	}
	if len(r.Violations) > 0 {
		violations, err := json.Marshal(r.Violations)
		if err != nil {
			return nil, err
		}
		b = append(append(b, `,"errors":`...), violations...)
	}
	return append(b, '}'), nil
}

// outcomeSize bounds that detail.
func (m *IdempotencyRecord) outcomeSize() int {
	r := &m.Result
	n := 256 + len(r.Ref.Tenant) + len(r.Ref.Schema) + len(r.Operation) +
		6*(len(m.Outputs.InputEventID)+len(r.Ref.Key)+len(r.Message))
	for _, v := range r.Violations {
		n += 32 + 6*(len(v.Pointer)+len(v.Message))
	}
	return n
}
