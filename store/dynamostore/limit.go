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

// A counter is the attribute used of a total: the tokens that count towards the
// limit of that month. It is there from the first change on that carries a
// limit. Each bill is added to it exactly once:
//
//   - by the commit, in its transaction, which also sets counted on the idempotency record; or
//   - by the aggregation of an idempotency record without counted; or
//   - by seed, which starts the counter with the bills that are aggregated already.
//
// A commit that does not count writes nothing that others write, so a tenant
// without a limit has no contention. What it left uncounted is aggregated by the
// relay; [Ledger.catchUp] does so sooner: when a counter is started, when this
// process has left bills uncounted, and else once every checkEvery, which the
// attribute checked records for all processes.
const checkEvery = store.LimitLag / 2

// counting says what a commit does about the counter.
type counting uint8

const (
	uncounted counting = iota // nothing: the aggregation will
	counted                   // it adds the bill
	limited                   // it adds the bill where the limit leaves room
)

// counters are what this process knows of the tenants' counters. It is safe for
// concurrent use.
type counters struct {
	mu sync.Mutex
	of map[events.TenantID]knowledge
}

// knowledge is about the counter of one month.
type knowledge struct {
	month string
	there bool // the counter exists: count every bill from now on
	owing bool // this process has left bills uncounted since it last caught up
}

// update changes what is known of an account, and returns what it was before.
func (k *counters) update(a account, f func(*knowledge)) knowledge {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.of[a.tenant]
	if now.month != a.month {
		now = knowledge{month: a.month}
	}
	before := now
	f(&now)
	if k.of == nil {
		k.of = make(map[events.TenantID]knowledge)
	}
	k.of[a.tenant] = now
	return before
}

func accountOf(c *store.Change) account {
	return account{c.Idempotency.Key.Tenant, c.Idempotency.Bill.Month}
}

// counting decides what a commit of the change does about the counter. Before a
// change with a limit it catches up where this process has left bills uncounted.
func (l *Ledger) counting(ctx context.Context, c *store.Change) (counting, error) {
	if c.Idempotency.Bill.Tokens == 0 {
		return uncounted, nil
	}
	a := accountOf(c)
	if c.TokenLimit == 0 {
		if l.counters.update(a, func(*knowledge) {}).there {
			return counted, nil
		}
		return uncounted, nil
	}
	// owing is cleared before the index is read: a commit that ends meanwhile
	// sets it again.
	if l.counters.update(a, func(k *knowledge) { k.owing = false }).owing {
		if err := l.catchUp(ctx, a); err != nil {
			l.counters.update(a, func(k *knowledge) { k.owing = true })
			return limited, err
		}
	}
	return limited, nil
}

// committed notes what the end of a commit says about the counter.
func (l *Ledger) committed(c *store.Change, how counting, err error) {
	if c.Idempotency.Bill.Tokens == 0 {
		return
	}
	l.counters.update(accountOf(c), func(k *knowledge) {
		if how == uncounted {
			k.owing = true // after an error too: it may have been carried out
		} else if err == nil {
			k.there = true
		}
	})
}

// count adds the bill of a change to the counter, which must exist and, for a
// change with a limit, leave room for it and have been checked lately.
func (l *Ledger) count(c *store.Change, how counting) *types.Update {
	up := &types.Update{
		TableName:                           l.table,
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

// countRefused handles a commit that the counter's condition rejected, where
// total is what was found: it returns Exhausted, or removes the cause and
// returns errRetry.
func (l *Ledger) countRefused(ctx context.Context, c *store.Change, total item) error {
	a := accountOf(c)
	r := reader{item: total}
	if err := r.checkFormat(format.Counter); err != nil {
		return err
	}
	if c.TokenLimit == 0 {
		// The counter has been purged.
		l.counters.update(a, func(k *knowledge) { k.there = false })
		return errRetry
	}
	used, checked := r.integer("used"), r.text("checked")
	if r.err != nil {
		return r.err
	}
	e := newExpression()
	e.requireFormat(format.Counter)
	e.assign("checked", instant(l.o.Clock()))
	if _, there := total["used"]; there {
		if err := c.Exhausted(used); err != nil {
			return err
		}
		e.require("checked", text(checked)) // one process is enough
	} else if err := e.seed(a, total); err != nil {
		return err
	}
	err := l.write(ctx, e.update(l.table, usageKey(a.tenant, a.month)))
	if _, ok := errors.AsType[*refused](err); ok {
		return errRetry // another process was first
	}
	if err != nil {
		return err
	}
	if err := l.catchUp(ctx, a); err != nil {
		l.counters.update(a, func(k *knowledge) { k.owing = true })
		return err
	}
	return errRetry
}

// seed starts a counter with the bills in the total, on the condition that none
// has been aggregated since the total was read.
func (e *expression) seed(a account, total item) error {
	folded, err := sum(a, total, nil)
	if err != nil {
		return err
	}
	e.require("used", nil)
	e.require("folds", total["folds"])
	e.assign("used", integer(folded.Tokens()))
	return nil
}

// catchUp adds to the counter what the index shows of bills that are neither
// counted nor aggregated, by aggregating them.
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

// withCounter returns which of the accounts have a counter.
func (l *Ledger) withCounter(ctx context.Context, bills map[account]*store.Usage) (map[account]bool, error) {
	var wanted []item
	byKey := make(map[string]account, len(bills))
	for a := range bills {
		key := usageKey(a.tenant, a.month)
		wanted = append(wanted, key)
		byKey[key["pk"].(*types.AttributeValueMemberS).Value] = a
	}
	there := make(map[account]bool, len(bills))
	err := l.batchGet(ctx, wanted, func(it item) error {
		r := reader{item: it}
		if _, ok := it["used"]; ok {
			there[byKey[r.text("pk")]] = true
		}
		return r.err
	})
	return there, err
}

// batchGet calls f for each of the items that exist, read strongly consistent,
// of each the attributes in [partial].
func (l *Ledger) batchGet(ctx context.Context, wanted []item, f func(item) error) error {
	const most = 100 // in one call
	for attempt := 0; len(wanted) > 0; {
		n := min(most, len(wanted))
		var out *dynamodb.BatchGetItemOutput
		err := l.try(ctx, "BatchGetItem", func(ctx context.Context) (err error) {
			out, err = l.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
				*l.table: {
					Keys: wanted[:n], ConsistentRead: aws.Bool(true),
					ProjectionExpression: partial, ExpressionAttributeNames: partialNames,
				},
			}})
			return err
		})
		if err != nil {
			return err
		}
		for _, it := range out.Responses[*l.table] {
			if err := f(it); err != nil {
				return err
			}
		}
		left := out.UnprocessedKeys[*l.table].Keys
		if len(left) < n {
			attempt = 0
		} else if !l.retry.Pause(ctx, attempt) {
			return fault.Errorf(fault.Unavailable, "DynamoDB did not read %d items in time", len(wanted))
		} else {
			attempt++
		}
		wanted = slices.Concat(left, wanted[n:])
	}
	return nil
}
