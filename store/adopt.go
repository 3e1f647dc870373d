package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// What a person writes into an object enters the ledger as a change of its own,
// an adoption, when it is next read or changed: with a stamp and the next
// revision, without bill and output events, under a mark whose idempotency key
// is made of the old stamp and the new data, so that it happens once.

// A judgement says which of head and object is the truth.
type judgement int

const (
	headStands judgement = iota
	adoptShown
	notUnderstood
)

// recheckGrace is how long after it is due the relay may come to a recheck.
const recheckGrace = 2 * time.Minute

// judge compares a head with what its object shows. It is the one place that
// decides between the two.
func (s *Store) judge(h *Head, shown Shown) judgement {
	absent := shown.Data == nil
	switch {
	case h.Dirty:
		return headStands // a change of ours is under way
	case shown.Err != nil:
		return notUnderstood
	case shown.Ours:
		return headStands // where it shows an older head, a late writer was there
	case h.Stamp == "" && absent, h.Stamp != "" && h.Shows(shown):
		return headStands
	case shown.Row != nil && !shown.Row.edits(h, shown):
		return headStands // an edit of an older copy
	case shown.Missing() && s.o.Clock().Before(h.Time.Add(s.lifetime()+recheckGrace)):
		return headStands // a late delete of ours looks the same
	}
	return adoptShown
}

// adopt commits what is shown. Where the head has moved on meanwhile the fault
// is Precondition: read both again.
func (s *Store) adopt(ctx context.Context, l Layout, prior Head, shown Shown) (Head, error) {
	c := adoption(l, prior, shown)
	if err := s.stamp(&c); err != nil {
		return Head{}, err
	}
	c.Head.Dirty, c.Mark.Project = false, false // the object shows it already
	if shown.Row != nil {
		shown.Row.imported(c.Head, &prior)
	}
	if err := c.check(); err != nil {
		return Head{}, &fault.Error{Code: fault.Unavailable, Err: err, Message: "what was changed by hand at " + prior.Path() + " cannot be taken over"}
	}
	r, err := s.driver.Commit(ctx, &c)
	if _, moved := errors.AsType[*Moved](err); moved || err == nil && r.Stamp != c.Head.Stamp {
		return Head{}, fault.Errorf(fault.Precondition, "another adopted or changed the record first")
	}
	if err != nil {
		return Head{}, err
	}
	s.tell(ctx, l, prior.Ref, "took over what was changed by hand", nil)
	return *c.Head, nil
}

func adoption(l Layout, prior Head, shown Shown) Change {
	operation := events.Put
	switch {
	case shown.Data == nil:
		operation = events.Delete
	case prior.Stamp == "" || prior.Deleted:
		operation = events.Post
	}
	sum := sha256.New()
	for _, part := range [...][]byte{[]byte(prior.Path()), []byte(prior.Stamp), shown.Data} {
		sum.Write(binary.AppendUvarint(nil, uint64(len(part))))
		sum.Write(part)
	}
	fingerprint := Fingerprint(sum.Sum(nil))
	return Change{
		Prior: prior.Stamp,
		Mark: Mark{
			Key:         IdempotencyKey{Tenant: prior.Tenant, Origin: OriginHand, Value: hex.EncodeToString(fingerprint[:])},
			Fingerprint: fingerprint,
			Receipt:     Receipt{Ref: prior.Ref, Operation: operation},
		},
		Head: &Head{
			Ref: prior.Ref, Backend: l.Backend, KeyField: l.KeyField,
			Revision: prior.Revision + 1, Data: shown.Data, Deleted: shown.Data == nil,
		},
	}
}

// adoptAll imports every external edit of a shared object, and returns the heads
// whose rows must be written: those that differ, and those whose row does not
// have the head's version. A row without a record comes back as a deleted head.
func (s *Store) adoptAll(ctx context.Context, c Collection, l Layout, v View, keys []events.Key) (rows []Head, err error) {
	inFile := make(map[events.Key]bool, len(keys))
	for _, k := range keys {
		inFile[k] = true
	}
	settle := func(h Head) error {
		if h.Stamp != "" && h.Backend != l.Backend {
			return nil
		}
		shown := v.Shown(h.Key)
		switch s.judge(&h, shown) {
		case notUnderstood:
			return nil // View.Write rejects it
		case adoptShown:
			adopted, err := s.adopt(ctx, l, h, shown)
			if err != nil {
				return err
			}
			h = adopted
		case headStands:
			if h.Stamp == "" {
				h.Deleted = true
			}
			s.tellOverwritten(ctx, l, &h, shown)
		}
		if !h.Shows(shown) || shown.Row != nil && shown.Data != nil && !shown.Row.current(&h) {
			rows = append(rows, h)
		}
		return nil
	}
	const page = 200
	for after := events.Key(""); ; {
		heads, err := s.driver.Heads(ctx, c, after, page)
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
		h, err := s.head(ctx, Ref{c, k}) // a tombstone, or none
		if err != nil {
			return nil, err
		}
		if err := settle(h); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
