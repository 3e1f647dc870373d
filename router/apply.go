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

// committed is an operation that has been committed, now or by an earlier
// delivery of the same request.
type committed struct {
	Result    store.Result
	record    store.IdempotencyRecord
	projected bool // an object or file is to show the record
}

// maxVersionConflicts bounds how often one operation gives way to rivals on the same
// record before the request is sent back to be tried again.
const maxVersionConflicts = 32

// apply decides what the operation means for the record as it stands, and
// commits it; where a rival was faster it decides anew on what the rival left.
func (r *Router) apply(ctx context.Context, op validatedRequest) (committed, error) {
	prior, err := r.current(ctx, &op)
	for range maxVersionConflicts {
		if err != nil {
			return committed{}, err
		}
		change, refusal := op.change(prior)
		if refusal != nil {
			return committed{}, r.limit(ctx, &op, refusal)
		}
		receipt, failure := r.commit(ctx, &op.authorizedRequest, change)
		if moved, ok := errors.AsType[*store.VersionConflict](failure); ok {
			prior, err = moved.Current, ctx.Err()
			continue
		}
		if failure != nil {
			return committed{}, r.limit(ctx, &op, failure)
		}
		change.Idempotency.Result = receipt
		follows := change.Record.Backend != events.DynamoDB && !receipt.Rejected
		return committed{Result: receipt, record: change.Idempotency, projected: follows}, nil
	}
	return committed{}, fault.Errorf(fault.Unavailable, "record %s is contended: gave way to %d rivals", op.ref.Path(), maxVersionConflicts)
}

// limit keeps the order of refusal (R7) for a POST that is too large: it has
// read nothing, and a key that is taken comes first.
func (r *Router) limit(ctx context.Context, op *validatedRequest, refusal error) error {
	if op.operation != events.Post || !fault.Is(refusal, fault.TooLarge) {
		return refusal
	}
	head, err := r.store.Get(ctx, op.ref)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if taken := op.checkState(&head); taken != nil {
		return taken
	}
	return refusal
}

// prior is the record's head as the operation expects it. A POST expects none
// and reads nothing: the commit tells if it is wrong.
func (r *Router) current(ctx context.Context, op *validatedRequest) (store.Record, error) {
	if op.operation == events.Post {
		return store.Record{}, nil
	}
	head, err := r.store.Get(ctx, op.ref)
	if fault.Is(err, fault.NotFound) {
		return store.Record{}, nil
	}
	return head, err
}

// change builds the whole effect of the operation on a record whose head is
// prior (R5, R6), or refuses.
func (op *validatedRequest) change(prior store.Record) (store.Change, error) {
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
		if err := op.contract.Validate(merged); err != nil {
			return store.Change{}, err
		}
		next.Data, record = merged, merged
	case events.Delete:
		next.Data, next.Deleted, record = nil, true, prior.Data
	}
	receipt := store.Result{Ref: op.ref, Operation: op.operation, Revision: next.Revision}
	return store.Change{
		Idempotency: store.IdempotencyRecord{
			Key:         op.idempotency,
			Fingerprint: op.fingerprint,
			Result:      receipt,
			Bill:        store.Bill{Tokens: TokensPerRequest, KeyID: string(op.keyID)},
			Outputs:     op.outputs(record, &receipt),
		},
		Record:     &next,
		IfVersion:  prior.Version,
		TokenLimit: op.owner.TokenLimit,
	}, nil
}

// admit refuses what the record's state does not allow: 404, 409, 412.
func (op *validatedRequest) checkState(prior *store.Record) error {
	exists := prior.Version != "" && !prior.Deleted
	switch {
	case op.operation == events.Post && exists && !op.condition.NoneMatchAny:
		return fault.Errorf(fault.Conflict, "a record with this key exists already")
	case op.condition.NoneMatchAny && exists:
		return fault.Errorf(fault.Precondition, "the record exists, and If-None-Match asks that it does not")
	case op.operation != events.Post && !exists:
		return fault.Errorf(fault.NotFound, "there is no record with this key")
	case len(op.condition.Match) > 0 && !slices.Contains(op.condition.Match, prior.Version):
		return fault.Errorf(fault.Precondition, "the record has changed: its ETag is not one that If-Match names")
	case exists && slices.Contains(op.condition.NoneMatch, prior.Version):
		return fault.Errorf(fault.Precondition, "the record is still what If-None-Match names")
	case op.condition.MatchAny && !exists:
		return fault.Errorf(fault.Precondition, "there is no record, and If-Match asks for one")
	}
	return nil
}

// outputs are the entries that the change publishes: one a matching rule (R20),
// and one that tells the sender of the outcome, where the tenant wants that.
func (op *validatedRequest) outputs(record jsontext.Value, receipt *store.Result) store.Outputs {
	rules := op.contract.Outputs(op.operation)
	if len(rules) == 0 && !op.wantsResult() {
		return store.Outputs{}
	}
	out := op.origin()
	out.Entries = make([]store.Entry, len(rules), len(rules)+1)
	// What a POST or PUT sends is the record: then one copy serves every rule.
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
		out.Entries = append(out.Entries, op.outcome(receipt))
	}
	return out
}
