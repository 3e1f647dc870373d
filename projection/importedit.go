package projection

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// An external edit of an object is committed to the ledger when the record is next read
// or changed: with a version and the next revision, without a bill and output events. Its
// idempotency key is made of the old version and the new data, so that it is imported
// once.

// A resolution is the result of comparing a record with its object.
type resolution int

const (
	keepRecord resolution = iota
	importObserved
	unreadable
)

// recheckGrace is how long after it is due the relay may execute a recheck.
const recheckGrace = 2 * time.Minute

// resolve compares a record with its object. It is the one place that decides between
// the two.
func (s *Store) resolve(h *store.Record, shown Observed) resolution {
	absent := shown.Data == nil
	switch {
	case h.Unprojected:
		return keepRecord // a committed change has not been projected yet
	case shown.Err != nil:
		return unreadable
	case shown.Managed:
		return keepRecord // an older version was written by a slow writer
	case h.Version == "" && absent, h.Version != "" && matches(h, shown):
		return keepRecord
	case shown.Row != nil && !shown.Row.edits(h, shown):
		return keepRecord // an edit of an older copy
	case shown.Absent() && s.Now().Before(h.Time.Add(s.o.Lifetime+recheckGrace)):
		return keepRecord // it may have been deleted by a slow writer
	}
	return importObserved
}

// importEdit commits the content of an object. The error is Precondition if the record
// has changed meanwhile: read both again.
func (c *collection) importEdit(ctx context.Context, prior store.Record, shown Observed) (store.Record, error) {
	change, err := c.s.Prepare(externalEditChange(c.layout, prior, shown))
	if err != nil {
		return store.Record{}, &fault.Error{Code: fault.Unavailable, Err: err, Message: "what was changed by hand at " + prior.Path() + " cannot be taken over"}
	}
	if shown.Row != nil {
		shown.Row.imported(change.Record, &prior)
	}
	r, err := c.s.Apply(ctx, change)
	if _, moved := errors.AsType[*store.VersionConflict](err); moved || err == nil && r.Replayed {
		return store.Record{}, fault.Errorf(fault.Precondition, "the record was changed, or the edit imported, by another process")
	}
	if err != nil {
		return store.Record{}, err
	}
	c.logEdit(ctx, prior.Ref, "took over what was changed by hand", nil)
	return *change.Record, nil
}

func externalEditChange(l Layout, prior store.Record, shown Observed) store.Change {
	operation := events.Put
	switch {
	case shown.Data == nil:
		operation = events.Delete
	case prior.Version == "" || prior.Deleted:
		operation = events.Post
	}
	sum := sha256.New()
	for _, part := range [...][]byte{[]byte(prior.Path()), []byte(prior.Version), shown.Data} {
		sum.Write(binary.AppendUvarint(nil, uint64(len(part))))
		sum.Write(part)
	}
	fingerprint := store.Fingerprint(sum.Sum(nil))
	return store.Change{
		IfVersion: prior.Version,
		Idempotency: store.IdempotencyRecord{
			Key:         store.IdempotencyKey{Tenant: prior.Tenant, Origin: store.OriginExternalEdit, Value: hex.EncodeToString(fingerprint[:])},
			Fingerprint: fingerprint,
			Result:      store.Result{Ref: prior.Ref, Operation: operation},
		},
		Record: &store.Record{
			Ref: prior.Ref, Backend: l.Backend, KeyField: l.KeyField,
			Revision: prior.Revision + 1, Data: shown.Data, Deleted: shown.Data == nil,
		},
	}
}

// importEdits imports every external edit of a shared object, and returns the records
// whose rows must be written: those that differ, and those whose row does not have the
// record's version. A row without a record is returned as a deleted record.
func (c *collection) importEdits(ctx context.Context, v Snapshot, keys []events.RecordKey) (rows []store.Record, err error) {
	inFile := make(map[events.RecordKey]bool, len(keys))
	for _, k := range keys {
		inFile[k] = true
	}
	settle := func(h store.Record) error {
		if c.isForeign(&h) {
			return nil
		}
		shown := v.Observed(h.Key)
		switch c.s.resolve(&h, shown) {
		case unreadable:
			return nil // Snapshot.Write rejects it
		case importObserved:
			adopted, err := c.importEdit(ctx, h, shown)
			if err != nil {
				return err
			}
			h = adopted
		case keepRecord:
			if h.Version == "" {
				h.Deleted = true
			}
			c.logOverwritten(ctx, &h, shown)
		}
		if !matches(&h, shown) || shown.Row != nil && shown.Data != nil && !shown.Row.current(&h) {
			rows = append(rows, h)
		}
		return nil
	}
	const page = 200
	for after := events.RecordKey(""); ; {
		heads, err := c.s.Store.List(ctx, c.id, after, page)
		if err != nil {
			return nil, err
		}
		for _, h := range heads {
			delete(inFile, h.Key)
			if err := settle(h); err != nil {
				return nil, err
			}
		}
		if len(heads) < page {
			break
		}
		after = heads[page-1].Key
	}
	for _, k := range keys {
		if !inFile[k] {
			continue
		}
		h, err := c.s.head(ctx, store.Ref{Collection: c.id, Key: k}) // a tombstone, or none
		if err != nil {
			return nil, err
		}
		if err := settle(h); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
