package dynamostore

import (
	"cmp"
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/store"
)

// An expression builds the update expression and the condition of an update.
type expression struct {
	set, remove, condition []string

	names  map[string]string
	values item
}

func newExpression() *expression {
	return &expression{names: map[string]string{}, values: item{}}
}

// assign sets an attribute, or removes it if v is nil.
func (e *expression) assign(name string, v types.AttributeValue) {
	e.names["#"+name] = name
	if v == nil {
		e.remove = append(e.remove, "#"+name)
		return
	}
	e.values[":"+name] = v
	e.set = append(e.set, "#"+name+" = :"+name)
}

// require adds the condition that an attribute has the value v, or that it is absent
// if v is nil.
func (e *expression) require(name string, v types.AttributeValue) {
	e.names["#"+name] = name
	if v == nil {
		e.condition = append(e.condition, "attribute_not_exists(#"+name+")")
		return
	}
	e.values[":was_"+name] = v
	e.condition = append(e.condition, "#"+name+" = :was_"+name)
}

// requireFormat adds the condition that the item's format is known.
func (e *expression) requireFormat(known int64) {
	e.names["#format"], e.values[":format"] = formatAttribute, integer(known)
	e.condition = append(e.condition, knownFormat)
}

func (e *expression) update(table *string, key item) types.Update {
	var clauses []string
	if len(e.set) > 0 {
		clauses = append(clauses, "SET "+strings.Join(e.set, ", "))
	}
	if len(e.remove) > 0 {
		clauses = append(clauses, "REMOVE "+strings.Join(e.remove, ", "))
	}
	up := types.Update{
		TableName:                table,
		Key:                      key,
		UpdateExpression:         aws.String(strings.Join(clauses, " ")),
		ConditionExpression:      aws.String(strings.Join(e.condition, " AND ")),
		ExpressionAttributeNames: e.names,
	}
	if len(e.values) > 0 {
		up.ExpressionAttributeValues = e.values
	}
	return up
}

// A versioned is an idempotency record with the item's version at the time it was
// read.
type versioned struct {
	store.IdempotencyRecord
	version int64
	shard   string // its shard in the index; "" if it is not in the index
	counted bool   // the commit has added the bill to the counter
}

func decodeVersioned(it item) (versioned, error) {
	m, err := decodeIdempotencyRecord(it)
	r := reader{item: it, err: err}
	return versioned{m, r.integer("version"), r.text("open"), r.boolean("counted")}, r.err
}

// partial is the projection expression of the attributes that [versioned.update] needs
// of an idempotency record, which excludes the payloads, and that an aggregation needs
// of a total.
var partial, partialNames = projectionExpression("pk", "sk", "schema", "key", "operation", "time", "stamp",
	"tokens", "month", "folded", "expires", "entries", "project", "recheck", "version", "open", formatAttribute, "counted", "folds", "used")

// projectionExpression returns a projection expression with aliases for the attribute names,
// because DynamoDB reserves many words.
func projectionExpression(attributes ...string) (*string, map[string]string) {
	names := make(map[string]string, len(attributes))
	aliases := make([]string, len(attributes))
	for i, a := range attributes {
		aliases[i] = "#" + a
		names[aliases[i]] = a
	}
	return aws.String(strings.Join(aliases, ", ")), names
}

// update returns the update of the attributes that saving progress and aggregation
// change, on the condition that the item has not changed since it was read.
func (m *versioned) update(table *string) types.Update {
	e := newExpression()
	e.require("time", instant(m.Result.Time)) // the idempotency record may have expired and been replaced
	if m.version == 0 {
		e.require("version", nil)
	} else {
		e.require("version", integer(m.version))
	}
	e.assign("version", integer(m.version+1))
	if len(m.Outputs.Entries) > 0 {
		e.assign("entries", encodeEntries(m.Outputs.Entries))
	}
	if m.Aggregated {
		e.assign("folded", boolean(true))
	}
	if deletable(&m.IdempotencyRecord) {
		e.assign("ttl", integer(ttlTime(m.Expires)))
	}
	var project, recheck types.AttributeValue
	if m.NeedsProjection {
		project = boolean(true)
	}
	if !m.Recheck.IsZero() {
		recheck = instant(m.Recheck)
	}
	e.assign("project", project)
	e.assign("recheck", recheck)
	var open, opened types.AttributeValue
	shard := cmp.Or(strings.TrimPrefix(m.shard, failedPrefix), shardName(m.Key.Shard()))
	switch {
	case m.HasPendingWork():
		open, opened = text(shard), instant(m.Result.Time)
	case m.HasFailedEntries():
		open, opened = text(failedPrefix+shard), instant(m.Result.Time)
	}
	e.assign("open", open)
	e.assign("opened", opened)
	return e.update(table, idempotencyKey(m.Key))
}

// write executes one update, or several as one transaction.
func (t *table) write(ctx context.Context, ups ...types.Update) error {
	if len(ups) > 1 {
		writes := make([]types.TransactWriteItem, len(ups))
		for i := range ups {
			writes[i].Update = &ups[i]
		}
		return t.transact(ctx, writes)
	}
	up := ups[0]
	return t.try(ctx, "UpdateItem", func(ctx context.Context) error {
		_, err := t.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:                 up.TableName,
			Key:                       up.Key,
			UpdateExpression:          up.UpdateExpression,
			ConditionExpression:       up.ConditionExpression,
			ExpressionAttributeNames:  up.ExpressionAttributeNames,
			ExpressionAttributeValues: up.ExpressionAttributeValues,
		})
		return err
	})
}
