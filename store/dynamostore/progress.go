package dynamostore

import (
	"context"
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// SaveProgress implements [store.Outbox].
//
// The progress that an invocation saves right after its commit is written by one
// call, with the projection of its record. For any other progress the idempotency record is read, and written on the
// condition that it has not changed since.
func (l *Ledger) SaveProgress(ctx context.Context, key store.IdempotencyKey, s store.Progress) error {
	if ups, ok := l.saveUnread(key, &s); ok {
		err := l.write(ctx, ups...)
		if _, failed := errors.AsType[*conditionFailed](err); !failed {
			return err
		}
	}
	for attempt := 0; ; attempt++ {
		err := l.saveProgress(ctx, key, s)
		if _, ok := errors.AsType[*conditionFailed](err); !ok {
			return err
		}
		// Another process has changed an item since it was read: read it again.
		if !l.retry.Pause(ctx, attempt) {
			return fault.Wrap("dynamostore.SaveProgress", fault.Unavailable, err)
		}
	}
}

func (l *Ledger) saveProgress(ctx context.Context, key store.IdempotencyKey, s store.Progress) error {
	records, err := l.idempotencyRecords(ctx, []store.IdempotencyKey{key})
	if err != nil || len(records) == 0 || !l.isLive(&records[0].IdempotencyRecord) {
		return err
	}
	m := &records[0]
	var record *store.Record
	if s.Projected != "" {
		h, err := l.Record(ctx, m.Result.Ref)
		switch {
		case err == nil:
			record = &h
		case !fault.Is(err, fault.NotFound):
			return err
		}
	}
	var ups []types.Update
	idempotencyChanged, recordChanged := s.Apply(&m.IdempotencyRecord, record)
	if idempotencyChanged {
		ups = append(ups, m.update(l.name))
	}
	if recordChanged {
		ups = append(ups, l.clearUnprojected(record))
	}
	if len(ups) == 0 {
		return nil
	}
	return l.write(ctx, ups...)
}

// clearUnprojected returns the update that stores that the object or file shows the
// record.
func (l *Ledger) clearUnprojected(h *store.Record) types.Update {
	e := newExpression()
	e.require("stamp", text(string(h.Version)))
	e.require("dirty", boolean(true))
	e.assign("dirty", nil)
	if h.FileWrite != 0 {
		e.assign("fileWrite", integer(h.FileWrite))
		e.assign(formatAttribute, integer(int64(h.Format())))
	}
	if h.Deleted {
		e.assign("ttl", integer(ttlTime(h.Expires)))
	}
	return e.update(l.name, recordKey(h.Ref))
}

// saveUnread returns the updates that save the results of entries, and of the projection
// of the record, without reading either. The conditions are that the entries are
// pending, that the bill is not aggregated, so that the idempotency record stays in the
// index, and that the record has the version that was projected and is unprojected:
// then [store.Progress.Apply] has the same effect whatever their other fields are. It
// returns false for any other progress.
func (l *Ledger) saveUnread(key store.IdempotencyKey, s *store.Progress) (ups []types.Update, ok bool) {
	const most = 10 // entries of one PutEvents; an expression has at most 4 KB
	projected := s.Projected != ""
	if len(s.Entries) == 0 && !projected || len(s.Entries) > most || s.Reopen || s.Rechecked ||
		projected && s.Ref.Key == "" || !projected && !s.Recheck.IsZero() {
		return nil, false
	}
	e := newExpression()
	e.require("folded", nil)
	e.condition = append(e.condition, "attribute_exists(#tokens)", "#expires > :now")
	e.names["#tokens"], e.names["#expires"] = "tokens", "expires"
	e.requireFormat(format.Idempotency)
	e.values[":now"], e.values[":one"], e.values[":zero"] = text(l.now()), integer(1), integer(0)
	e.names["#version"] = "version"
	e.set = append(e.set, "#version = if_not_exists(#version, :zero) + :one")

	if projected {
		e.assign("project", nil)
		if !s.Recheck.IsZero() {
			e.assign("recheck", instant(s.Recheck))
		}
		h := store.Record{Ref: s.Ref, Version: s.Projected, FileWrite: s.FileWrite, Deleted: !s.Expires.IsZero(), Expires: s.Expires}
		ups = append(ups, l.clearUnprojected(&h))
	}
	if len(s.Entries) > 0 {
		for _, name := range []string{"entries", "state", "attempts", "settled"} {
			e.names["#"+name] = name
		}
		e.values[":pending"] = text(string(store.EntryPending))
	}
	seen := make(map[int]bool, len(s.Entries))
	for _, o := range s.Entries {
		attempted := o.State == store.EntryPublished || o.State == store.EntryFailed
		if o.Index < 0 || seen[o.Index] || !attempted {
			return nil, false
		}
		seen[o.Index] = true
		i := strconv.Itoa(o.Index)
		entry := "#entries[" + i + "]."
		e.condition = append(e.condition, entry+"#state = :pending")
		e.set = append(e.set,
			entry+"#state = :state"+i, entry+"#settled = :settled"+i,
			entry+"#attempts = if_not_exists("+entry+"#attempts, :zero) + :one")
		e.values[":state"+i], e.values[":settled"+i] = text(string(o.State)), instant(o.Time)
		e.names["#error"] = "error"
		if o.Error == "" {
			e.remove = append(e.remove, entry+"#error")
		} else {
			e.set = append(e.set, entry+"#error = :error"+i)
			e.values[":error"+i] = text(o.Error)
		}
	}
	return append(ups, e.update(l.name, idempotencyKey(key))), true
}
