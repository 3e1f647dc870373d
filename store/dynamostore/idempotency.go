package dynamostore

import (
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// encodeIdempotencyRecord returns the item of a new idempotency record. Its attribute
// version is absent, which means 0.
func encodeIdempotencyRecord(m *store.IdempotencyRecord) (item, error) {
	if !utf8.ValidString(m.Key.Value) {
		return nil, fault.Errorf(fault.Invalid, "the idempotency key is not valid UTF-8")
	}
	it := idempotencyKey(m.Key)
	setInt(it, formatAttribute, int64(m.Format))
	it["fingerprint"] = &types.AttributeValueMemberB{Value: m.Fingerprint[:]}
	encodeResult(it, &m.Result)

	setInt(it, "tokens", m.Bill.Tokens)
	setText(it, "month", m.Bill.Month)
	setText(it, "keyId", m.Bill.KeyID)
	setBool(it, "folded", m.Aggregated)
	setTime(it, "expires", m.Expires)
	if deletable(m) {
		it["ttl"] = integer(ttlTime(m.Expires))
	}

	o := &m.Outputs
	if len(o.Entries) > 0 {
		it["entries"] = encodeEntries(o.Entries)
	}
	setText(it, "payload", string(o.Payload))
	setText(it, "record", string(o.Document))
	setText(it, "inputEvent", o.InputEventID)
	setText(it, "correlation", o.CorrelationID)
	setInt(it, "hops", int64(o.Hops))
	setText(it, "trace", o.TraceHeader)

	setBool(it, "project", m.NeedsProjection)
	setTime(it, "recheck", m.Recheck)
	if m.HasPendingWork() {
		it["open"] = text(shardName(m.Key.Shard()))
		it["opened"] = instant(m.Result.Time)
	}
	return it, nil
}

// deletable reports whether DynamoDB may delete the idempotency record when it has
// expired: its bill must have been aggregated.
func deletable(m *store.IdempotencyRecord) bool { return m.Bill.Tokens == 0 || m.Aggregated }

func encodeResult(it item, r *store.Result) {
	setText(it, "schema", r.Ref.Schema)
	setText(it, "key", r.Ref.Key)
	setText(it, "operation", r.Operation)
	setInt(it, "revision", r.Revision)
	setText(it, "stamp", r.Version)
	setTime(it, "time", r.Time)
	if !r.Rejected {
		return
	}
	it["rejected"] = text(r.Code.String())
	setText(it, "message", r.Message)
	if len(r.Violations) > 0 {
		list := make([]types.AttributeValue, len(r.Violations))
		for i, v := range r.Violations {
			list[i] = &types.AttributeValueMemberM{Value: item{"pointer": text(v.Pointer), "message": text(v.Message)}}
		}
		it["violations"] = &types.AttributeValueMemberL{Value: list}
	}
}

func encodeEntries(entries []store.Entry) types.AttributeValue {
	list := make([]types.AttributeValue, len(entries))
	for i := range entries {
		e := &entries[i]
		it := make(item, 6)
		setText(it, "bus", e.Bus)
		setText(it, "source", e.Source)
		setText(it, "detailType", e.DetailType)
		setBool(it, "record", e.WholeRecord)
		setBool(it, "metadata", e.Metadata)
		setBool(it, "outcome", e.Outcome)
		setText(it, "state", e.State)
		setInt(it, "attempts", int64(e.Attempts))
		setText(it, "error", e.Error)
		setTime(it, "settled", e.Settled)
		list[i] = &types.AttributeValueMemberM{Value: it}
	}
	return &types.AttributeValueMemberL{Value: list}
}

// decodeIdempotencyRecord is the inverse of [encodeIdempotencyRecord]. Fields whose
// attributes were not read are zero.
func decodeIdempotencyRecord(it item) (store.IdempotencyRecord, error) {
	r := reader{item: it}
	if err := r.checkFormat(format.Idempotency); err != nil {
		return store.IdempotencyRecord{}, err
	}
	key, ok := parseIdempotencyKey(r.text("pk"))
	if !ok {
		return store.IdempotencyRecord{}, fault.Errorf(fault.Internal, "the item is not an idempotency record")
	}
	m := store.IdempotencyRecord{
		Key:        key,
		Format:     format.Field(max(int(r.integer(formatAttribute)), 1)),
		Result:     decodeResult(&r, key.Tenant),
		Bill:       store.Bill{Tokens: r.integer("tokens"), Month: r.text("month"), KeyID: r.text("keyId")},
		Aggregated: r.boolean("folded"),
		Expires:    r.instant("expires"),
		Outputs: store.Outputs{
			Entries:       decodeEntries(&r),
			Payload:       document(r.text("payload")),
			Document:      document(r.text("record")),
			InputEventID:  r.text("inputEvent"),
			CorrelationID: r.text("correlation"),
			Hops:          int(r.integer("hops")),
			TraceHeader:   r.text("trace"),
		},
		NeedsProjection: r.boolean("project"),
		Recheck:         r.instant("recheck"),
	}
	r.bytes("fingerprint", m.Fingerprint[:])
	return m, r.err
}

func decodeResult(r *reader, t events.TenantID) store.Result {
	result := store.Result{
		Ref: store.Ref{
			Collection: store.Collection{Tenant: t, Schema: events.SchemaID(r.text("schema"))},
			Key:        events.RecordKey(r.text("key")),
		},
		Operation: events.Operation(r.text("operation")),
		Revision:  r.integer("revision"),
		Version:   store.Version(r.text("stamp")),
		Time:      r.instant("time"),
	}
	code := r.text("rejected")
	if code == "" {
		return result
	}
	result.Rejected = true
	if result.Code, result.Rejected = fault.ParseCode(code); !result.Rejected {
		r.mismatch("rejected", "the name of a fault")
	}
	result.Message = r.text("message")
	r.each("violations", func(v *reader) {
		result.Violations = append(result.Violations, fault.Violation{Pointer: v.text("pointer"), Message: v.text("message")})
	})
	return result
}

func decodeEntries(r *reader) (entries []store.Entry) {
	r.each("entries", func(e *reader) {
		entries = append(entries, store.Entry{
			Bus:         events.BusARN(e.text("bus")),
			Source:      e.text("source"),
			DetailType:  events.DetailType(e.text("detailType")),
			WholeRecord: e.boolean("record"),
			Metadata:    e.boolean("metadata"),
			Outcome:     e.boolean("outcome"),
			State:       store.EntryState(e.text("state")),
			Attempts:    int(e.integer("attempts")),
			Error:       e.text("error"),
			Settled:     e.instant("settled"),
		})
	})
	return entries
}

func document(s string) jsontext.Value {
	if s == "" {
		return nil
	}
	return jsontext.Value(s)
}
