package dynamostore

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// An item is a row of the table, or the key of one.
type item = map[string]types.AttributeValue

// Index is the name of the sparse index over open marks.
const Index = "open"

// parts is how many partitions the records of one collection are divided into.
// Changing it strands the heads that are there.
const parts = 8

// The kinds of items: the first segment of pk. No id contains a slash, so
// tenants cannot reach each other's items whatever they call things.
const (
	headPrefix  = "head/"
	markPrefix  = "mark/"
	usagePrefix = "usage/"
	limitPrefix = "limit/" // counters of earlier versions, until they expire
	leasePrefix = "lease/"
	busPart     = "bus" // one partition: buses are few
	keyPrefix   = "key/"
	keysPrefix  = "keys/"
)

// alone is the sk of an item that has its pk for itself.
const alone = "-"

func primaryKey(pk, sk string) item { return item{"pk": text(pk), "sk": text(sk)} }

func recordKey(r store.Ref) item {
	return primaryKey(recordPartition(r.Collection, partOf(r.Key)), string(r.Key))
}

func recordPartition(c store.Collection, part int) string {
	return headPrefix + string(c.Tenant) + "/" + string(c.Schema) + "/" + strconv.Itoa(part)
}

// partOf spreads records by a hash of their key: keys that grow, such as order
// numbers, would all hit one end of one partition.
func partOf(k events.RecordKey) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k))
	return int(h.Sum32() % parts)
}

func idempotencyKey(k store.IdempotencyKey) item {
	return primaryKey(markPrefix+string(k.Tenant)+"/"+string(k.Origin)+"/"+k.Value, alone)
}

// parseIdempotencyKey is the inverse of [idempotencyKey].
func parseIdempotencyKey(pk string) (k store.IdempotencyKey, ok bool) {
	rest, isMark := strings.CutPrefix(pk, markPrefix)
	part := strings.SplitN(rest, "/", 3)
	if !isMark || len(part) != 3 {
		return k, false
	}
	return store.IdempotencyKey{Tenant: events.TenantID(part[0]), Origin: store.Origin(part[1]), Value: part[2]}, true
}

func usageKey(t events.TenantID, month string) item {
	return primaryKey(usagePrefix+string(t)+"/"+month, alone)
}

func busKey(bus events.BusARN) item { return primaryKey(busPart, string(bus)) }

func leaseKey(shard int) item { return primaryKey(leasePrefix+shardName(shard), alone) }

func keyKey(id apikey.ID) item { return primaryKey(keyPrefix+string(id), alone) }

func tenantKeyKey(t events.TenantID, id apikey.ID) item {
	return primaryKey(keysPrefix+string(t), string(id))
}

func shardName(shard int) string { return strconv.Itoa(shard) }

// timeLayout has a fixed width, so that times compare as text.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

func formatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// epoch is how DynamoDB wants the time after which it may delete an item.
func epoch(t time.Time) int64 { return t.Unix() + 1 }
