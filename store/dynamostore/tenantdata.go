package dynamostore

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// tenantData lists and deletes all items of a tenant.
type tenantData struct{ *table }

// Sample implements [store.TenantData]. A collection of more than a few records
// usually has some in its first part, so one query is enough. If the first part is
// empty, the others are queried concurrently.
func (l *tenantData) Sample(ctx context.Context, c store.Collection) (store.Record, error) {
	var sources [parts]partReader
	for i := range sources {
		sources[i] = partReader{table: l.table, partition: recordPartition(c, i), page: 1}
	}
	if err := sources[0].fill(ctx); err != nil {
		return store.Record{}, err
	}
	if len(sources[0].items) == 0 {
		group, groupCtx := errgroup.WithContext(ctx)
		for i := range sources[1:] {
			group.Go(func() error { return sources[1+i].fill(groupCtx) })
		}
		if err := group.Wait(); err != nil {
			return store.Record{}, err
		}
	}
	for i := range sources {
		if len(sources[i].items) > 0 {
			return decodeRecord(sources[i].pop())
		}
	}
	return store.Record{}, fault.Errorf(fault.NotFound, "the collection has no records")
}

// Inventory implements [store.TenantData]. It scans the table.
func (l *tenantData) Inventory(ctx context.Context, t events.TenantID) (store.Inventory, error) {
	schemas, months := map[events.SchemaID]bool{}, map[string]bool{}
	err := l.eachTenantItem(ctx, t, func(pk, _ string, it item) (bool, error) {
		kind, rest, _ := strings.Cut(pk, "/")
		_, rest, _ = strings.Cut(rest, "/")
		switch kind + "/" {
		case recordPrefix:
			schema, _, _ := strings.Cut(rest, "/")
			schemas[events.SchemaID(schema)] = true
		case usagePrefix:
			if _, aggregated := it["folds"]; aggregated { // otherwise it holds only a counter
				months[rest] = true
			}
		case idempotencyPrefix:
			m, err := decodeVersioned(it)
			if err != nil {
				return false, err
			}
			if m.Bill.Tokens > 0 {
				months[m.Bill.Month] = true
			}
		}
		return true, nil
	})
	return store.Inventory{Schemas: slices.Sorted(maps.Keys(schemas)), Months: slices.Sorted(maps.Keys(months))}, err
}

// Purge implements [store.TenantData]. It scans the table and deletes 25 items a call.
func (l *tenantData) Purge(ctx context.Context, t events.TenantID, limit int) (int, error) {
	var found []item
	err := l.eachTenantItem(ctx, t, func(pk, sk string, _ item) (bool, error) {
		found = append(found, primaryKey(pk, sk))
		if strings.HasPrefix(pk, keysPrefix) {
			found = append(found, primaryKey(keyPrefix+sk, onlySortKey))
		}
		return len(found) < limit, nil
	})
	if err != nil {
		return 0, err
	}
	n := 0
	for batch := range slices.Chunk(found, 25) {
		if err := l.deleteAll(ctx, batch); err != nil {
			return n, err
		}
		n += len(batch)
	}
	return n, nil
}

// eachTenantItem calls f for each item of a tenant until f returns false. Ids contain
// no slash, so the prefixes match no item of another tenant.
func (l *tenantData) eachTenantItem(ctx context.Context, t events.TenantID, f func(pk, sk string, it item) (more bool, err error)) error {
	values, clauses := item{":keys": text(keysPrefix + string(t))}, []string{"pk = :keys"}
	for i, prefix := range []string{recordPrefix, idempotencyPrefix, usagePrefix, limitPrefix} {
		name := ":" + string(rune('a'+i))
		values[name] = text(prefix + string(t) + "/")
		clauses = append(clauses, "begins_with(pk, "+name+")")
	}
	in := &dynamodb.ScanInput{
		TableName:                 l.name,
		ConsistentRead:            aws.Bool(true),
		FilterExpression:          aws.String(strings.Join(clauses, " OR ")),
		ExpressionAttributeValues: values,
		ProjectionExpression:      partial,
		ExpressionAttributeNames:  partialNames,
	}
	for {
		out, err := l.scan(ctx, in)
		if err != nil {
			return err
		}
		for _, it := range out.Items {
			r := reader{item: it}
			pk, sk := r.text("pk"), r.text("sk")
			if r.err != nil {
				return r.err
			}
			if more, err := f(pk, sk, it); err != nil || !more {
				return err
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return nil
		}
	}
}

// deleteAll deletes items, and repeats the call for those that DynamoDB left
// unprocessed.
func (t *table) deleteAll(ctx context.Context, keys []item) error {
	writes := make([]types.WriteRequest, len(keys))
	for i, key := range keys {
		writes[i].DeleteRequest = &types.DeleteRequest{Key: key}
	}
	for attempt := 0; len(writes) > 0; attempt++ {
		if attempt > 0 && !t.retry.Pause(ctx, attempt-1) {
			return fault.Errorf(fault.Unavailable, "DynamoDB did not delete %d items in time", len(writes))
		}
		var out *dynamodb.BatchWriteItemOutput
		err := t.try(ctx, "BatchWriteItem", func(ctx context.Context) (err error) {
			out, err = t.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
				RequestItems: map[string][]types.WriteRequest{*t.name: writes},
			})
			return err
		})
		if err != nil {
			return err
		}
		writes = out.UnprocessedItems[*t.name]
	}
	return nil
}
