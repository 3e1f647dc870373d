// Package dynamoclaims keeps the claims of typed.Consumer.Once in a DynamoDB table,
// for consumers that run in several processes. The table needs a string key "id";
// its time to live is on "expires", in seconds. Other items may be in it:
//
//	consumer = consumer.Once(dynamoclaims.New(client, "claims"), nil)
//
// All calls are safe for concurrent use. Each is one conditional write, so that of
// two processes one gets the claim.
package dynamoclaims

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/fault"
)

// prefix begins the ids of claims, so that other items may be in the table.
const prefix = "claim#"

// Claims are claims in a table.
type Claims struct {
	client *dynamodb.Client
	table  string
	now    func() time.Time
}

var _ typed.Claims = (*Claims)(nil)

// New returns the claims in a table.
func New(client *dynamodb.Client, table string) *Claims {
	return &Claims{client: client, table: table, now: time.Now}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// Claim implements [typed.Claims].
func (c *Claims) Claim(ctx context.Context, id, owner string, expires time.Time) (typed.ClaimResult, error) {
	_, err := c.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &c.table,
		// DynamoDB removes expired items some time later, so the condition looks at
		// the time too.
		ConditionExpression:                 aws.String("attribute_not_exists(id) OR #u <= :now"),
		ExpressionAttributeNames:            map[string]string{"#u": "until"},
		ExpressionAttributeValues:           map[string]types.AttributeValue{":now": number(c.now().UnixMilli())},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		Item:                                item(id, owner, "claimed", expires),
	})
	failed, isCondition := errors.AsType[*types.ConditionalCheckFailedException](err)
	switch {
	case err == nil:
		return typed.Claimed, nil
	case !isCondition:
		return 0, fault.Wrap("dynamoclaims.Claim", fault.Unavailable, err)
	}
	if state, ok := failed.Item["state"].(*types.AttributeValueMemberS); ok && state.Value == "done" {
		return typed.Done, nil
	}
	return typed.InProgress, nil
}

// item is a claim: until is exact, expires is what the table's time to live reads.
func item(id, owner, state string, until time.Time) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"id": text(prefix + id), "owner": text(owner), "state": text(state),
		"until": number(until.UnixMilli()), "expires": number(until.Unix() + 1),
	}
}

// MarkDone implements [typed.Claims].
func (c *Claims) MarkDone(ctx context.Context, id, owner string, forget time.Time) error {
	_, err := c.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                 &c.table,
		ConditionExpression:       aws.String("attribute_not_exists(id) OR (#o = :owner AND #s = :claimed)"),
		ExpressionAttributeNames:  map[string]string{"#o": "owner", "#s": "state"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":owner": text(owner), ":claimed": text("claimed")},
		Item:                      item(id, owner, "done", forget),
	})
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return fault.Errorf(fault.Conflict, "the claim of event %q expired, and another owner has it", id)
	}
	return fault.Wrap("dynamoclaims.MarkDone", fault.Unavailable, err)
}

// Release implements [typed.Claims].
func (c *Claims) Release(ctx context.Context, id, owner string) error {
	_, err := c.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName:                 &c.table,
		Key:                       map[string]types.AttributeValue{"id": text(prefix + id)},
		ConditionExpression:       aws.String("#o = :owner AND #s = :claimed"),
		ExpressionAttributeNames:  map[string]string{"#o": "owner", "#s": "state"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":owner": text(owner), ":claimed": text("claimed")},
	})
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return nil
	}
	return fault.Wrap("dynamoclaims.Release", fault.Unavailable, err)
}
