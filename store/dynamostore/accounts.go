package dynamostore

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// The attributes of a total: tokens by schema and operation, as in
// "op/pets/POST", and by day, as in "day/2026-11-21".
const (
	byOperation = "op/"
	byDay       = "day/"
)

// An account identifies a total: the usage of one tenant in one month.
type account struct {
	tenant events.TenantID
	month  string
}

// AggregateUsage implements [store.Billing].
func (l *Ledger) AggregateUsage(ctx context.Context, keys []store.IdempotencyKey) error {
	if err := store.CheckAggregate(keys); err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		err := l.aggregate(ctx, keys)
		failed, ok := errors.AsType[*conditionFailed](err)
		if !ok {
			return err
		}
		if err := failed.newer(format.Counter); err != nil {
			return err
		}
		if !l.retry.Pause(ctx, attempt) {
			return fault.Wrap("dynamostore.AggregateUsage", fault.Unavailable, err)
		}
	}
}

func (l *Ledger) aggregate(ctx context.Context, keys []store.IdempotencyKey) error {
	records, err := l.idempotencyRecords(ctx, keys)
	if err != nil {
		return err
	}
	var ups []types.Update
	bills := make(map[account]*store.Usage)
	uncounted := make(map[account]int64) // tokens
	for i := range records {
		m := &records[i]
		if !billed(&m.IdempotencyRecord) {
			continue
		}
		a := account{m.Key.Tenant, m.Bill.Month}
		if bills[a] == nil {
			bills[a] = &store.Usage{}
		}
		bills[a].AddBill(&m.IdempotencyRecord)
		if !m.counted {
			uncounted[a] += m.Bill.Tokens
		}
		m.Aggregated = true
		ups = append(ups, m.update(l.name))
	}
	if len(ups) == 0 {
		return nil
	}
	counter, err := l.withCounter(ctx, bills)
	if err != nil {
		return err
	}
	for a, sum := range bills {
		ups = append(ups, l.add(a, sum, uncounted[a], counter[a]))
	}
	err = l.write(ctx, ups...)
	if hasCode(err, "ValidationException") && len(keys) > 1 {
		// Large idempotency records can exceed the size of a transaction. Usage stays
		// exact if they are aggregated in two transactions.
		half := len(keys) / 2
		if err := l.AggregateUsage(ctx, keys[:half]); err != nil {
			return err
		}
		return l.AggregateUsage(ctx, keys[half:])
	}
	return err
}

// billed reports whether the idempotency record has a bill that is not aggregated.
func billed(m *store.IdempotencyRecord) bool { return m.Bill.Tokens > 0 && !m.Aggregated }

// add returns the update that adds bills to a total, and the uncounted ones also to
// its counter, if it has one. The update's condition fails if a counter has been
// added or removed since it was read.
func (l *Ledger) add(a account, sum *store.Usage, uncounted int64, counter bool) types.Update {
	names := map[string]string{"#folds": "folds", "#format": formatAttribute}
	values := item{":one": integer(1), ":format": integer(format.Counter)}
	clauses := []string{"#folds :one"}
	put := func(attribute string, tokens int64) {
		alias := strconv.Itoa(len(names))
		names["#n"+alias] = attribute
		values[":n"+alias] = integer(tokens)
		clauses = append(clauses, "#n"+alias+" :n"+alias)
	}
	for schema, operations := range sum.BySchema {
		for op, tokens := range operations {
			put(byOperation+string(schema)+"/"+string(op), tokens)
		}
	}
	for day, tokens := range sum.ByDay {
		put(byDay+day, tokens)
	}
	condition := knownFormat
	if uncounted > 0 {
		names["#used"] = "used"
		condition += " AND attribute_not_exists(#used)"
		if counter {
			condition = knownFormat + " AND attribute_exists(#used)"
			values[":used"] = integer(uncounted)
			clauses = append(clauses, "#used :used")
		}
	}
	return types.Update{
		TableName:                 l.name,
		Key:                       usageKey(a.tenant, a.month),
		UpdateExpression:          aws.String("ADD " + strings.Join(clauses, ", ")),
		ConditionExpression:       aws.String(condition),
		ExpressionAttributeNames:  names,
		ExpressionAttributeValues: values,

		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// Usage implements [store.Billing]. It reads the total, then every idempotency
// record in the index, then the total again. If nothing was aggregated in between,
// each bill was read in exactly one of the two places.
func (l *Ledger) Usage(ctx context.Context, t events.TenantID, month string) (store.Usage, error) {
	total, err := l.get(ctx, usageKey(t, month))
	if err != nil {
		return store.Usage{}, err
	}
	for attempt := 0; ; attempt++ {
		open, err := l.pendingRecords(ctx, t)
		if err != nil {
			return store.Usage{}, err
		}
		after, err := l.get(ctx, usageKey(t, month))
		if err != nil {
			return store.Usage{}, err
		}
		if aggregations(after) == aggregations(total) {
			return sum(account{t, month}, total, open)
		}
		total = after
		if !l.retry.Pause(ctx, attempt) {
			return store.Usage{}, fault.Errorf(fault.Unavailable, "bills are aggregated faster than usage can be read")
		}
	}
}

func aggregations(total item) int64 {
	r := reader{item: total}
	return r.integer("folds")
}

func sum(a account, total item, open []versioned) (store.Usage, error) {
	u := store.Usage{
		Tenant: a.tenant, Month: a.month,
		BySchema: map[events.SchemaID]map[events.Operation]int64{}, ByDay: map[string]int64{},
	}
	r := reader{item: total}
	if err := r.checkFormat(format.Counter); err != nil {
		return store.Usage{}, err
	}
	for name := range total {
		if day, ok := strings.CutPrefix(name, byDay); ok {
			u.ByDay[day] += r.integer(name)
			continue
		}
		path, ok := strings.CutPrefix(name, byOperation)
		if !ok {
			continue
		}
		schema, op, _ := strings.Cut(path, "/")
		if u.BySchema[events.SchemaID(schema)] == nil {
			u.BySchema[events.SchemaID(schema)] = map[events.Operation]int64{}
		}
		u.BySchema[events.SchemaID(schema)][events.Operation(op)] += r.integer(name)
	}
	for i := range open {
		if m := &open[i].IdempotencyRecord; billed(m) && m.Bill.Month == a.month {
			u.AddBill(m)
		}
	}
	return u, r.err
}

// openMarks reads, strongly consistent, those idempotency records of a tenant that the index
// names.
func (l *Ledger) pendingRecords(ctx context.Context, t events.TenantID) ([]versioned, error) {
	var shards [store.Shards][]store.IdempotencyKey
	group, groupCtx := errgroup.WithContext(ctx)
	for shard := range shards {
		group.Go(func() (err error) {
			shards[shard], err = l.pendingKeys(groupCtx, shard, t)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var keys []store.IdempotencyKey
	for _, of := range shards {
		keys = append(keys, of...)
	}
	return l.idempotencyRecords(ctx, keys)
}

func (l *Ledger) pendingKeys(ctx context.Context, shard int, t events.TenantID) (keys []store.IdempotencyKey, err error) {
	in := &dynamodb.QueryInput{
		TableName:                 l.name,
		IndexName:                 aws.String(Index),
		KeyConditionExpression:    aws.String("#open = :shard"),
		FilterExpression:          aws.String("begins_with(pk, :tenant)"),
		ExpressionAttributeNames:  map[string]string{"#open": "open"},
		ExpressionAttributeValues: item{":shard": text(shardName(shard)), ":tenant": text(idempotencyPrefix + string(t) + "/")},
	}
	for {
		out, err := l.query(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, it := range out.Items {
			r := reader{item: it}
			if key, ok := parseIdempotencyKey(r.text("pk")); ok {
				keys = append(keys, key)
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return keys, nil
		}
	}
}

// idempotencyRecords reads idempotency records, strongly consistent and without
// their payloads. It omits those that do not exist.
func (l *Ledger) idempotencyRecords(ctx context.Context, keys []store.IdempotencyKey) ([]versioned, error) {
	var records []versioned
	seen := make(map[store.IdempotencyKey]bool, len(keys))
	var wanted []item
	for _, key := range keys {
		if !seen[key] {
			seen[key] = true
			wanted = append(wanted, idempotencyKey(key))
		}
	}
	err := l.batchGet(ctx, wanted, func(it item) error {
		m, err := decodeVersioned(it)
		records = append(records, m)
		return err
	})
	return records, err
}
