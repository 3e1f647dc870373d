package router

import (
	"context"
	"errors"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// committed is a request whose change was committed, now or by an earlier
// delivery.
type committed struct {
	record    store.IdempotencyRecord // with the result
	projected bool                    // the record has an object or file that must be updated
}

// maxVersionConflicts is how often a request is evaluated again after another
// request changed the record, before it fails and is retried.
const maxVersionConflicts = 32

// apply evaluates the operation on the current record and commits the change.
// After a version conflict it evaluates the operation again on the new record.
func (r *Router) apply(ctx context.Context, op validatedRequest) (committed, error) {
	prior, err := r.current(ctx, &op)
	for range maxVersionConflicts {
		if err != nil {
			return committed{}, err
		}
		change, rejection := op.change(ctx, prior)
		if rejection != nil {
			return committed{}, r.limit(ctx, &op, rejection)
		}
		result, failure := r.commit(ctx, &op.authorizedRequest, change)
		if conflict, ok := errors.AsType[*store.VersionConflict](failure); ok {
			prior, err = conflict.Current, ctx.Err()
			continue
		}
		if failure != nil {
			return committed{}, r.limit(ctx, &op, failure)
		}
		change.Idempotency.Result = result
		projected := change.Record.Backend != events.DynamoDB && !result.Rejected
		return committed{record: change.Idempotency, projected: projected}, nil
	}
	return committed{}, fault.Errorf(fault.Unavailable, "record %s: %d write conflicts, giving up", op.ref.Path(), maxVersionConflicts)
}

// limit keeps the order of rejections (R7) for a POST that is too large: a POST
// reads nothing, but an existing key is rejected before a limit.
func (r *Router) limit(ctx context.Context, op *validatedRequest, rejection error) error {
	if op.operation != events.Post || !fault.Is(rejection, fault.TooLarge) {
		return rejection
	}
	record, err := r.store.Get(ctx, op.ref)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if conflict := op.checkState(&record); conflict != nil {
		return conflict
	}
	return rejection
}

// current returns the record that the operation applies to. A POST expects none
// and reads nothing: the commit reports a conflict if there is one.
func (r *Router) current(ctx context.Context, op *validatedRequest) (store.Record, error) {
	if op.operation == events.Post {
		return store.Record{}, nil
	}
	record, err := r.store.Get(ctx, op.ref)
	if fault.Is(err, fault.NotFound) {
		return store.Record{}, nil
	}
	return record, err
}

// change returns the change that the operation makes to a record (R5, R6), or the
// rejection.
func (op *validatedRequest) change(ctx context.Context, prior store.Record) (store.Change, error) {
	if err := op.checkState(&prior); err != nil {
		return store.Change{}, err
	}
	if most := op.owner.PayloadMaxBytes; most > 0 && int64(len(op.payload)) > most {
		return store.Change{}, fault.Errorf(fault.TooLarge, "the payload has %d bytes, this tenant allows %d", len(op.payload), most)
	}
	next := store.Record{
		Ref:      op.ref,
		Backend:  op.contract.Backend,
		KeyField: op.contract.KeyField,
		Revision: prior.Revision + 1,
		Data:     op.payload,
	}
	record := op.payload
	switch op.operation {
	case events.Patch:
		merged, err := Merge(prior.Data, op.payload)
		if err != nil {
			return store.Change{}, err
		}
		if err := op.contract.Validate(ctx, merged); err != nil {
			return store.Change{}, err
		}
		next.Data, record = merged, merged
	case events.Delete:
		next.Data, next.Deleted, record = nil, true, prior.Data
	}
	result := store.Result{Ref: op.ref, Operation: op.operation, Revision: next.Revision}
	return store.Change{
		Idempotency: store.IdempotencyRecord{
			Key:         op.idempotency,
			Fingerprint: op.fingerprint,
			Result:      result,
			Bill:        store.Bill{Tokens: TokensPerRequest, KeyID: string(op.keyID)},
			Outputs:     op.outputs(record, &result),
		},
		Record:     &next,
		IfVersion:  prior.Version,
		TokenLimit: op.owner.TokenLimit,
	}, nil
}

// checkState rejects what the record's state does not allow: 404, 409, 412.
func (op *validatedRequest) checkState(prior *store.Record) error {
	exists := prior.Version != "" && !prior.Deleted
	switch {
	case op.operation == events.Post && exists && !op.condition.NoneMatchAny:
		return fault.Errorf(fault.Conflict, "a record with this key exists already")
	case op.condition.NoneMatchAny && exists:
		return fault.Errorf(fault.Precondition, "the record exists, and If-None-Match requires that it does not")
	case op.operation != events.Post && !exists:
		return fault.Errorf(fault.NotFound, "there is no record with this key")
	case len(op.condition.Match) > 0 && !slices.Contains(op.condition.Match, prior.Version):
		return fault.Errorf(fault.Precondition, "the record has changed: its ETag is not one that If-Match names")
	case exists && slices.Contains(op.condition.NoneMatch, prior.Version):
		return fault.Errorf(fault.Precondition, "the record is still what If-None-Match names")
	case op.condition.MatchAny && !exists:
		return fault.Errorf(fault.Precondition, "there is no record, and If-Match requires one")
	}
	return nil
}

// outputs returns the entries that the change publishes: one for each matching
// rule (R20), and one that reports the result if the tenant has a bus for results.
func (op *validatedRequest) outputs(record jsontext.Value, result *store.Result) store.Outputs {
	rules := op.contract.Outputs(op.operation)
	if len(rules) == 0 && !op.wantsResult() {
		return store.Outputs{}
	}
	out := op.origin()
	out.Entries = make([]store.Entry, len(rules), len(rules)+1)
	// The payload of a POST or PUT is the record, so that one copy serves all rules.
	same := op.operation == events.Post || op.operation == events.Put
	for i, rule := range rules {
		out.Entries[i] = store.Entry{
			Bus: rule.Bus, Source: rule.Source, DetailType: rule.DetailType,
			WholeRecord: rule.Record && !same, Metadata: rule.Metadata, State: store.EntryPending,
		}
		if out.Entries[i].WholeRecord {
			out.Document = record
		} else {
			out.Payload = op.payload
		}
	}
	if op.wantsResult() {
		out.Entries = append(out.Entries, op.outcome(result))
	}
	return out
}
