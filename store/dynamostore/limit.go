package dynamostore

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// checkEvery is the interval at which uncounted bills are searched for.
//
// A counter is the attribute used of a total: the tokens that count towards the
// limit of that month. The first change that has a limit adds it. Each bill is
// added to the counter exactly once:
//
//   - by the commit, in its transaction, which also sets counted on the idempotency record; or
//   - by the aggregation of an idempotency record without counted; or
//   - by seed, whose initial value is the sum of the bills that are already aggregated.
//
// A commit that does not count its bill writes no item that other commits write, so
// a tenant without a limit has no contention. The relay aggregates such bills later.
// [Ledger.catchUp] aggregates them sooner: when a counter is added, when this process
// has left bills uncounted, and otherwise once every checkEvery. The attribute
// checked holds the time of the last search for all processes.
const checkEvery = store.LimitLag / 2

// counting is what a commit does with the counter.
type counting uint8

const (
	uncounted counting = iota // nothing: the aggregation adds the bill
	counted                   // it adds the bill
	limited                   // it adds the bill if the limit allows it
)

// counters caches the state of the tenants' counters in this process. It is safe for
// concurrent use.
type counters struct {
	mu sync.Mutex
	of map[events.TenantID]counterState
}

// A counterState is the cached state of the counter of one month.
type counterState struct {
	month        string
	exists       bool // every commit must count its bill
	hasUncounted bool // this process has left bills uncounted since the last catchUp
}

// update changes the cached state of an account and returns the previous state.
func (k *counters) update(a account, f func(*counterState)) counterState {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.of[a.tenant]
	if now.month != a.month {
		now = counterState{month: a.month}
	}
	before := now
	f(&now)
	if k.of == nil {
		k.of = make(map[events.TenantID]counterState)
	}
	k.of[a.tenant] = now
	return before
}

func accountOf(c *store.Change) account {
	return account{c.Idempotency.Key.Tenant, c.Idempotency.Bill.Month}
}

// counting decides what the commit of a change does with the counter. For a change
// with a limit, it first aggregates the bills that this process has left uncounted.
func (l *Ledger) counting(ctx context.Context, c *store.Change) (counting, error) {
	if c.Idempotency.Bill.Tokens == 0 {
		return uncounted, nil
	}
	a := accountOf(c)
	if c.TokenLimit == 0 {
		if l.counters.update(a, func(*counterState) {}).exists {
			return counted, nil
		}
		return uncounted, nil
	}
	// hasUncounted is cleared before the index is read: a commit that ends in the
	// meantime sets it again.
	if l.counters.update(a, func(k *counterState) { k.hasUncounted = false }).hasUncounted {
		if err := l.catchUp(ctx, a); err != nil {
			l.counters.update(a, func(k *counterState) { k.hasUncounted = true })
			return limited, err
		}
	}
	return limited, nil
}

// noteCommit updates the cached state of the counter after a commit.
func (l *Ledger) noteCommit(c *store.Change, how counting, err error) {
	if c.Idempotency.Bill.Tokens == 0 {
		return
	}
	l.counters.update(accountOf(c), func(k *counterState) {
		if how == uncounted {
			k.hasUncounted = true // after an error too: the commit may have been executed
		} else if err == nil {
			k.exists = true
		}
	})
}

// count returns the update that adds the bill of a change to the counter. The counter
// must exist. For a change with a limit, the sum must be within the limit, and
// uncounted bills must have been searched for within checkEvery.
func (l *Ledger) count(c *store.Change, how counting) *types.Update {
	up := &types.Update{
		TableName:                           l.name,
		Key:                                 usageKey(c.Idempotency.Key.Tenant, c.Idempotency.Bill.Month),
		UpdateExpression:                    aws.String("ADD #used :tokens"),
		ConditionExpression:                 aws.String("attribute_exists(#used) AND " + knownFormat),
		ExpressionAttributeNames:            map[string]string{"#used": "used", "#format": formatAttribute},
		ExpressionAttributeValues:           item{":tokens": integer(c.Idempotency.Bill.Tokens), ":format": integer(format.Counter)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if how == limited {
		up.ConditionExpression = aws.String("#used <= :room AND #checked > :stale AND " + knownFormat)
		up.ExpressionAttributeNames["#checked"] = "checked"
		up.ExpressionAttributeValues[":room"] = integer(c.TokenLimit - c.Idempotency.Bill.Tokens)
		up.ExpressionAttributeValues[":stale"] = instant(l.o.Clock().Add(-checkEvery))
	}
	return up
}

// resolveLimit handles a commit for which the counter's condition failed; total is
// the item that was found. It returns Exhausted, or removes the cause and returns
// errRetry.
func (l *Ledger) resolveLimit(ctx context.Context, c *store.Change, total item) error {
	a := accountOf(c)
	r := reader{item: total}
	if err := r.checkFormat(format.Counter); err != nil {
		return err
	}
	if c.TokenLimit == 0 {
		// The counter has been purged with the tenant.
		l.counters.update(a, func(k *counterState) { k.exists = false })
		return errRetry
	}
	used, checked := r.integer("used"), r.text("checked")
	if r.err != nil {
		return r.err
	}
	e := newExpression()
	e.requireFormat(format.Counter)
	e.assign("checked", instant(l.o.Clock()))
	if _, exists := total["used"]; exists {
		if err := c.Exhausted(used); err != nil {
			return err
		}
		e.require("checked", text(checked)) // only one process searches
	} else if err := e.seed(a, total); err != nil {
		return err
	}
	err := l.write(ctx, e.update(l.name, usageKey(a.tenant, a.month)))
	if _, ok := errors.AsType[*conditionFailed](err); ok {
		return errRetry // another process has updated it
	}
	if err != nil {
		return err
	}
	if err := l.catchUp(ctx, a); err != nil {
		l.counters.update(a, func(k *counterState) { k.hasUncounted = true })
		return err
	}
	return errRetry
}

// seed adds a counter whose value is the sum of the bills in the total, on the
// condition that no bill has been aggregated since the total was read.
func (e *expression) seed(a account, total item) error {
	aggregated, err := sum(a, total, nil)
	if err != nil {
		return err
	}
	e.require("used", nil)
	e.require("folds", total["folds"])
	e.assign("used", integer(aggregated.Tokens()))
	return nil
}

// catchUp adds the bills in the index that are neither counted nor aggregated to the
// counter, by aggregating them.
func (l *Ledger) catchUp(ctx context.Context, a account) error {
	open, err := l.pendingRecords(ctx, a.tenant)
	if err != nil {
		return err
	}
	var keys []store.IdempotencyKey
	for i := range open {
		if m := &open[i]; billed(&m.IdempotencyRecord) && !m.counted && m.Bill.Month == a.month {
			keys = append(keys, m.Key)
		}
	}
	for batch := range slices.Chunk(keys, store.MaxAggregate) {
		if err := l.AggregateUsage(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// withCounter returns the accounts that have a counter.
func (l *Ledger) withCounter(ctx context.Context, bills map[account]*store.Usage) (map[account]bool, error) {
	var wanted []item
	byKey := make(map[string]account, len(bills))
	for a := range bills {
		key := usageKey(a.tenant, a.month)
		wanted = append(wanted, key)
		byKey[key["pk"].(*types.AttributeValueMemberS).Value] = a
	}
	exists := make(map[account]bool, len(bills))
	err := l.batchGet(ctx, wanted, func(it item) error {
		r := reader{item: it}
		if _, ok := it["used"]; ok {
			exists[byKey[r.text("pk")]] = true
		}
		return r.err
	})
	return exists, err
}

// batchGet reads items, strongly consistent, with the attributes in [partial], and
// calls f for each item that exists.
func (t *table) batchGet(ctx context.Context, wanted []item, f func(item) error) error {
	const most = 100 // in one call
	for attempt := 0; len(wanted) > 0; {
		n := min(most, len(wanted))
		var out *dynamodb.BatchGetItemOutput
		err := t.try(ctx, "BatchGetItem", func(ctx context.Context) (err error) {
			out, err = t.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
				*t.name: {
					Keys: wanted[:n], ConsistentRead: aws.Bool(true),
					ProjectionExpression: partial, ExpressionAttributeNames: partialNames,
				},
			}})
			return err
		})
		if err != nil {
			return err
		}
		for _, it := range out.Responses[*t.name] {
			if err := f(it); err != nil {
				return err
			}
		}
		left := out.UnprocessedKeys[*t.name].Keys
		if len(left) < n {
			attempt = 0
		} else if !t.retry.Pause(ctx, attempt) {
			return fault.Errorf(fault.Unavailable, "DynamoDB did not read %d items in time", len(wanted))
		} else {
			attempt++
		}
		wanted = slices.Concat(left, wanted[n:])
	}
	return nil
}
