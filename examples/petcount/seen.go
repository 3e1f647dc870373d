package main

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// remember is how long an id is known: longer than anything delivers again. The
// table's time to live is on "expires".
const remember = 35 * 24 * time.Hour

// seen is a de-duplicating store: an effect and the id that it is due to are
// written together or not at all.
type seen struct {
	client *dynamodb.Client
	table  string
}

// once carries out the effect, unless the id has been seen.
func (s seen) once(ctx context.Context, id string, effect types.TransactWriteItem) error {
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{
			TableName:           &s.table,
			ConditionExpression: aws.String("attribute_not_exists(id)"),
			Item: map[string]types.AttributeValue{
				"id":      &types.AttributeValueMemberS{Value: "seen#" + id},
				"expires": &types.AttributeValueMemberN{Value: strconv.FormatInt(time.Now().Add(remember).Unix(), 10)},
			},
		}},
		effect,
	}})
	// Only the first item has a condition: a failed one is a duplicate. All
	// other reasons are worth Lambda's retry.
	canceled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if ok && len(canceled.CancellationReasons) > 0 && aws.ToString(canceled.CancellationReasons[0].Code) == "ConditionalCheckFailed" {
		return nil
	}
	return err
}

// add is the effect of adding n to a counter.
func (s seen) add(counter string, n int) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName:        &s.table,
		Key:              map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: "counter#" + counter}},
		UpdateExpression: aws.String("ADD n :n"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":n": &types.AttributeValueMemberN{Value: strconv.Itoa(n)},
		},
	}}
}
