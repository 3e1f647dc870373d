package dynamostore

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// limitAge is how long a counter stays after the first day of its month.
const limitAge = 100 * 24 * time.Hour

var usedNames = map[string]string{"#used": "used", "#format": formatAttribute}

// count adds the bill of a change to the counter of its month, which must be
// there and leave room for it.
func (l *Ledger) count(c *store.Change) *types.Update {
	return &types.Update{
		TableName:                l.table,
		Key:                      limitKey(c.Mark.Key.Tenant, c.Mark.Bill.Month),
		UpdateExpression:         aws.String("ADD #used :tokens"),
		ConditionExpression:      aws.String("#used <= :room AND " + knownFormat),
		ExpressionAttributeNames: usedNames,
		ExpressionAttributeValues: item{
			":tokens": integer(c.Mark.Bill.Tokens),
			":room":   integer(c.TokenLimit - c.Mark.Bill.Tokens),
			":format": integer(format.Counter),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// overLimit says why the counter refused: the limit is used up, or there was no
// counter yet. Then it makes one and answers errAgain.
func (l *Ledger) overLimit(ctx context.Context, c *store.Change, counter item) error {
	if counter != nil {
		r := reader{item: counter}
		if err := r.checkFormat(format.Counter); err != nil {
			return err
		}
		used := r.integer("used")
		if r.err != nil {
			return r.err
		}
		if err := c.Exhausted(used); err != nil {
			return err
		}
		return errAgain
	}
	if err := l.seed(ctx, c); err != nil {
		return err
	}
	return errAgain
}

// seed starts the counter of a month with what has been used. Nothing is lost
// between reading and writing: while there is no counter no change of a tenant
// with a limit is committed.
func (l *Ledger) seed(ctx context.Context, c *store.Change) error {
	t, month := c.Mark.Key.Tenant, c.Mark.Bill.Month
	usage, err := l.Usage(ctx, t, month)
	if err != nil {
		return err
	}
	counter := limitKey(t, month)
	counter["used"] = integer(usage.Tokens())
	if first, err := time.Parse("2006-01", month); err == nil {
		counter["ttl"] = integer(epoch(first.Add(limitAge)))
	}
	err = l.try(ctx, "PutItem", func(ctx context.Context) error {
		_, err := l.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName:           l.table,
			Item:                counter,
			ConditionExpression: aws.String("attribute_not_exists(pk)"),
		})
		return err
	})
	if _, ok := errors.AsType[*refused](err); ok {
		return nil // another has made it
	}
	return err
}
