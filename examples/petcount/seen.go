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

// remember is how long an id is stored: longer than events are redelivered. The
// table's time to live uses the attribute "expires".
const remember = 35 * 24 * time.Hour

// seen is a deduplicating store: an effect and the id of its event are written in
// one transaction.
type seen struct {
	client *dynamodb.Client
	table  string
}

// once applies the effect unless the id is stored already.
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
	// Only the first item has a condition: if it fails, the event is a duplicate.
	// All other errors make Lambda retry.
	canceled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if ok && len(canceled.CancellationReasons) > 0 && aws.ToString(canceled.CancellationReasons[0].Code) == "ConditionalCheckFailed" {
		return nil
	}
	return err
}

// add returns the effect that adds n to a counter.
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
