package dynamostore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// apiKeys keeps the API keys.
type apiKeys struct{ *table }

// Key implements [apikey.Store].
func (l *apiKeys) Key(ctx context.Context, id apikey.ID) (apikey.Key, error) {
	it, err := l.get(ctx, apiKeyKey(id))
	if err != nil {
		return apikey.Key{}, err
	}
	if it == nil {
		return apikey.Key{}, fault.Errorf(fault.NotFound, "API key %s does not exist", id)
	}
	return decodeKey(it)
}

// PutKey implements [apikey.Store]. The key is stored twice, by its id and by its
// tenant. It therefore cannot move to another tenant: the error is Conflict.
func (l *apiKeys) PutKey(ctx context.Context, k apikey.Key) error {
	byID := encodeKey(apiKeyKey(k.ID), &k)
	err := l.transact(ctx, []types.TransactWriteItem{
		{Put: &types.Put{
			TableName:                 l.name,
			Item:                      byID,
			ConditionExpression:       aws.String("attribute_not_exists(pk) OR #tenant = :tenant AND " + knownFormat),
			ExpressionAttributeNames:  map[string]string{"#tenant": "tenant", "#format": formatAttribute},
			ExpressionAttributeValues: item{":tenant": byID["tenant"], ":format": integer(format.Key)},

			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}},
		{Put: &types.Put{TableName: l.name, Item: encodeKey(tenantAPIKeyKey(k.Tenant, k.ID), &k)}},
	})
	if failed, ok := errors.AsType[*conditionFailed](err); ok {
		if err := failed.newer(format.Key); err != nil {
			return err
		}
		return fault.Errorf(fault.Conflict, "API key %s belongs to another tenant", k.ID)
	}
	return err
}

// TouchKey implements [apikey.Store], on both of the key's items.
func (l *apiKeys) TouchKey(ctx context.Context, id apikey.ID, day time.Time) error {
	k, err := l.Key(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	touch := func(key item) types.Update {
		e := newExpression()
		e.assign("lastUsed", instant(day))
		e.condition = append(e.condition, "attribute_exists(pk)")
		return e.update(l.name, key)
	}
	err = l.write(ctx, touch(apiKeyKey(id)), touch(tenantAPIKeyKey(k.Tenant, id)))
	if _, ok := errors.AsType[*conditionFailed](err); ok {
		return nil // it has been deleted since it was read
	}
	return err
}

// activeKeyCheck returns the check that the API key of a change is active and
// belongs to the tenant.
func (l *apiKeys) activeKeyCheck(c *store.Change) *types.ConditionCheck {
	return &types.ConditionCheck{
		TableName: l.name,
		Key:       apiKeyKey(apikey.ID(c.ActiveKey)),
		ConditionExpression: aws.String("#tenant = :tenant AND (attribute_not_exists(#revoked) OR #revoked > :now)" +
			" AND (attribute_not_exists(#expires) OR #expires > :now)"),
		ExpressionAttributeNames:  activeKeyNames,
		ExpressionAttributeValues: item{":tenant": text(string(c.Idempotency.Key.Tenant)), ":now": instant(l.o.Clock())},
	}
}

var activeKeyNames = map[string]string{"#tenant": "tenant", "#revoked": "revoked", "#expires": "expires"}

// KeysOf implements [apikey.Store].
func (l *apiKeys) KeysOf(ctx context.Context, t events.TenantID) ([]apikey.Key, error) {
	in := &dynamodb.QueryInput{
		TableName:                 l.name,
		ConsistentRead:            aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": text(keysPrefix + string(t))},
	}
	var keys []apikey.Key
	for {
		out, err := l.query(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, it := range out.Items {
			k, err := decodeKey(it)
			if err != nil {
				return nil, err
			}
			keys = append(keys, k)
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			break
		}
	}
	slices.SortFunc(keys, func(a, b apikey.Key) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return keys, nil
}

func encodeKey(it item, k *apikey.Key) item {
	setInt(it, formatAttribute, int64(format.Field(k.Format())))
	setText(it, "id", k.ID)
	setText(it, "tenant", k.Tenant)
	it["hash"] = &types.AttributeValueMemberB{Value: slices.Clone(k.Hash[:])}
	setTime(it, "created", k.Created)
	setTime(it, "expires", k.Expires)
	setTime(it, "revoked", k.Revoked)
	setTime(it, "lastUsed", k.LastUsed)
	setText(it, "replaces", k.Replaces)
	if len(k.Permissions) > 0 {
		list := make([]types.AttributeValue, len(k.Permissions))
		for i, p := range k.Permissions {
			list[i] = text(string(p))
		}
		it["permissions"] = &types.AttributeValueMemberL{Value: list}
	}
	return it
}

func decodeKey(it item) (apikey.Key, error) {
	r := reader{item: it}
	if err := r.checkFormat(format.Key); err != nil {
		return apikey.Key{}, err
	}
	k := apikey.Key{
		ID:       apikey.ID(r.text("id")),
		Tenant:   events.TenantID(r.text("tenant")),
		Created:  r.instant("created"),
		Expires:  r.instant("expires"),
		Revoked:  r.instant("revoked"),
		LastUsed: r.instant("lastUsed"),
		Replaces: apikey.ID(r.text("replaces")),
	}
	r.bytes("hash", k.Hash[:])
	for _, p := range r.texts("permissions") {
		k.Permissions = append(k.Permissions, apikey.Permission(p))
	}
	return k, r.err
}
