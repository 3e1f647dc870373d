package store

import (
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// renderedTime is how detail.metadata shows the time of a change.
const renderedTime = "2006-01-02T15:04:05.000Z"

// Render builds the event of entry i: the same one, with the same OutputID,
// whenever and however often it is asked for. Its detail has exactly tenant,
// rootSchema, operation and payload, and metadata where the entry wants it;
// that of an outcome is what the sender gets over REST. The error is Internal: a committed idempotency record renders.
func (m *IdempotencyRecord) Render(i int) (events.Entry, error) {
	o, r := &m.Outputs, &m.Result
	if i < 0 || i >= len(o.Entries) {
		return events.Entry{}, fault.Errorf(fault.Internal, "entry %d of %d does not exist", i, len(o.Entries))
	}
	e := &o.Entries[i]
	id := m.OutputID(i)
	out := events.Entry{
		OutputID:    id,
		Bus:         e.Bus,
		Source:      e.Source,
		DetailType:  e.DetailType,
		Time:        r.Time,
		TraceHeader: o.TraceHeader,
	}
	if r.Ref.Key != "" {
		out.Resources = []string{r.Ref.Path()}
	}
	if e.Outcome {
		var err error
		if out.Detail, err = m.appendOutcome(make([]byte, 0, m.outcomeSize())); err != nil {
			return events.Entry{}, fault.Wrap("store.Render", fault.Internal, fmt.Errorf("entry %d: %w", i, err))
		}
		return out, nil
	}
	shown := m.shown(e)
	if len(shown) == 0 {
		return events.Entry{}, fault.Errorf(fault.Internal, "entry %d shows a document that the mark does not hold", i)
	}

	// Tenant, schema and operation are checked identifiers that need no escape.
	b := make([]byte, 0, m.detailSize(e))
	b = append(b, `{"tenant":"`...)
	b = append(b, r.Ref.Tenant...)
	b = append(b, `","rootSchema":"`...)
	b = append(b, r.Ref.Schema...)
	b = append(b, `","operation":"`...)
	b = append(b, r.Operation...)
	b = append(b, `","payload":`...)
	b = append(b, shown...)
	if e.Metadata {
		var err error
		if b, err = m.appendMetadata(b, id); err != nil {
			return events.Entry{}, fault.Wrap("store.Render", fault.Internal, fmt.Errorf("entry %d: %w", i, err))
		}
	}
	b = append(b, '}')
	out.Detail = b
	return out, nil
}

// shown is the document that the entry shows.
func (m *IdempotencyRecord) shown(e *Entry) jsontext.Value {
	if e.WholeRecord {
		return m.Outputs.Document
	}
	return m.Outputs.Payload
}

func (m *IdempotencyRecord) appendMetadata(b []byte, outputID string) ([]byte, error) {
	o := &m.Outputs
	b = append(b, `,"metadata":{"outputId":"`...)
	b = append(b, outputID...)
	b = append(b, `","inputEventId":`...)
	b, err := jsontext.AppendQuote(b, o.InputEventID)
	if err != nil {
		return nil, err
	}
	b = append(b, `,"correlationId":`...)
	if b, err = jsontext.AppendQuote(b, o.CorrelationID); err != nil {
		return nil, err
	}
	b = append(b, `,"hops":`...)
	b = strconv.AppendInt(b, int64(o.Hops), 10)
	b = append(b, `,"revision":`...)
	b = strconv.AppendInt(b, m.Result.Revision, 10)
	b = append(b, `,"time":"`...)
	b = m.Result.Time.UTC().AppendFormat(b, renderedTime)
	if trace := events.Traceparent(o.TraceHeader); trace != "" { // hexadecimal digits and hyphens
		b = append(append(b, `","traceparent":"`...), trace...)
	}
	return append(b, `"}`...), nil
}

// detailSize bounds the detail of an entry: member names and the numbers fit
// into the constants, and an escape makes at most 6 bytes of one.
func (m *IdempotencyRecord) detailSize(e *Entry) int {
	if e.Outcome {
		return m.outcomeSize()
	}
	n := 64 + len(m.Result.Ref.Tenant) + len(m.Result.Ref.Schema) + len(m.Result.Operation) + len(m.shown(e))
	if e.Metadata {
		n += 336 + 6*(len(m.Outputs.InputEventID)+len(m.Outputs.CorrelationID))
	}
	return n
}

// entrySize bounds [events.Entry.Size] of entry i without rendering it.
func (m *IdempotencyRecord) entrySize(i int) int {
	e := &m.Outputs.Entries[i]
	const timeSize = 14
	return m.detailSize(e) + timeSize + len(e.Source) + len(e.DetailType) +
		len("///") + len(m.Result.Ref.Tenant) + len(m.Result.Ref.Schema) + 3*len(m.Result.Ref.Key)
}

// Day returns the UTC day that t falls into, as usage names it: 2026-11-21.
func Day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
