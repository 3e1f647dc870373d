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

// What a person writes into an object enters the ledger as a change of its own,
// an adoption, when it is next read or changed: with a stamp and the next
// revision, without bill and output events, under a mark whose idempotency key
// is made of the old stamp and the new data, so that it happens once.

// A resolution says which of head and object is the truth.
type resolution int

const (
	keepRecord resolution = iota
	importObserved
	unreadable
)

// recheckGrace is how long after it is due the relay may come to a recheck.
const recheckGrace = 2 * time.Minute

// judge compares a head with what its object shows. It is the one place that
// decides between the two.
func (s *Store) resolve(h *store.Record, shown Observed) resolution {
	absent := shown.Data == nil
	switch {
	case h.Unprojected:
		return keepRecord // a change of ours is under way
	case shown.Err != nil:
		return unreadable
	case shown.Managed:
		return keepRecord // where it shows an older head, a late writer was there
	case h.Version == "" && absent, h.Version != "" && matches(h, shown):
		return keepRecord
	case shown.Row != nil && !shown.Row.edits(h, shown):
		return keepRecord // an edit of an older copy
	case shown.Absent() && s.Now().Before(h.Time.Add(s.o.Lifetime+recheckGrace)):
		return keepRecord // a late delete of ours looks the same
	}
	return importObserved
}

// adopt commits what is shown. Where the head has moved on meanwhile the fault
// is Precondition: read both again.
func (s *Store) importEdit(ctx context.Context, l Layout, prior store.Record, shown Observed) (store.Record, error) {
	c, err := s.Prepare(externalEditChange(l, prior, shown))
	if err != nil {
		return store.Record{}, &fault.Error{Code: fault.Unavailable, Err: err, Message: "what was changed by hand at " + prior.Path() + " cannot be taken over"}
	}
	if shown.Row != nil {
		shown.Row.imported(c.Record, &prior)
	}
	r, err := s.Apply(ctx, c)
	if _, moved := errors.AsType[*store.VersionConflict](err); moved || err == nil && r.Replayed {
		return store.Record{}, fault.Errorf(fault.Precondition, "another adopted or changed the record first")
	}
	if err != nil {
		return store.Record{}, err
	}
	s.logEdit(ctx, l, prior.Ref, "took over what was changed by hand", nil)
	return *c.Record, nil
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

// adoptAll imports every external edit of a shared object, and returns the heads
// whose rows must be written: those that differ, and those whose row does not
// have the head's version. A row without a record comes back as a deleted head.
func (s *Store) importEdits(ctx context.Context, c store.Collection, l Layout, v Snapshot, keys []events.RecordKey) (rows []store.Record, err error) {
	inFile := make(map[events.RecordKey]bool, len(keys))
	for _, k := range keys {
		inFile[k] = true
	}
	settle := func(h store.Record) error {
		if isForeign(l, &h) {
			return nil
		}
		shown := v.Observed(h.Key)
		switch s.resolve(&h, shown) {
		case unreadable:
			return nil // View.Write rejects it
		case importObserved:
			adopted, err := s.importEdit(ctx, l, h, shown)
			if err != nil {
				return err
			}
			h = adopted
		case keepRecord:
			if h.Version == "" {
				h.Deleted = true
			}
			s.logOverwritten(ctx, l, &h, shown)
		}
		if !matches(&h, shown) || shown.Row != nil && shown.Data != nil && !shown.Row.current(&h) {
			rows = append(rows, h)
		}
		return nil
	}
	const page = 200
	for after := events.RecordKey(""); ; {
		heads, err := s.Store.List(ctx, c, after, page)
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
		h, err := s.head(ctx, store.Ref{Collection: c, Key: k}) // a tombstone, or none
		if err != nil {
			return nil, err
		}
		if err := settle(h); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
