package dynamostore

import (
	"strings"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// encodeRecord returns the item of a record.
func encodeRecord(h *store.Record) (item, error) {
	it := recordKey(h.Ref)
	setInt(it, formatAttribute, int64(format.Field(h.Format())))
	setText(it, "backend", h.Backend)
	setText(it, "keyField", h.KeyField)
	setInt(it, "revision", h.Revision)
	setText(it, "stamp", h.Version)
	setTime(it, "time", h.Time)
	setBool(it, "deleted", h.Deleted)
	setTime(it, "expires", h.Expires)
	setBool(it, "dirty", h.Unprojected)
	setInt(it, "fileWrite", h.FileWrite)
	setText(it, "rowVersion", h.RowVersion)
	setText(it, "movedFromKey", h.MovedFrom.Key)
	setText(it, "movedFromVersion", h.MovedFrom.Version)
	if h.Deleted && !h.Unprojected {
		// An unprojected tombstone must stay until the object or file shows the deletion.
		it["ttl"] = integer(ttlTime(h.Expires))
	}
	if h.Data != nil {
		data, err := parseValue(h.Data)
		if err != nil {
			return nil, err
		}
		it["data"] = data
	}
	return it, nil
}

// decodeRecord is the inverse of [encodeRecord].
func decodeRecord(it item) (store.Record, error) {
	r := reader{item: it}
	if err := r.checkFormat(format.Record); err != nil {
		return store.Record{}, err
	}
	collection := strings.Split(strings.TrimPrefix(r.text("pk"), recordPrefix), "/")
	if len(collection) != 3 {
		return store.Record{}, fault.Errorf(fault.Internal, "the item is not a record")
	}
	h := store.Record{
		Ref: store.Ref{
			Collection: store.Collection{Tenant: events.TenantID(collection[0]), Schema: events.SchemaID(collection[1])},
			Key:        events.RecordKey(r.text("sk")),
		},
		Backend:     events.Backend(r.text("backend")),
		KeyField:    r.text("keyField"),
		Revision:    r.integer("revision"),
		Version:     store.Version(r.text("stamp")),
		Time:        r.instant("time"),
		Deleted:     r.boolean("deleted"),
		Expires:     r.instant("expires"),
		Unprojected: r.boolean("dirty"),

		FileWrite:  r.integer("fileWrite"),
		RowVersion: r.text("rowVersion"),
		MovedFrom:  store.Source{Key: events.RecordKey(r.text("movedFromKey")), Version: store.Version(r.text("movedFromVersion"))},
	}
	if data, ok := it["data"]; ok && r.err == nil {
		h.Data, r.err = appendValue(nil, data)
	}
	return h, r.err
}
