package dynamostore

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/blockforger/eventrouter/events"
)

// busCheckAge is the time for which the result of a check is stored.
const busCheckAge = 24 * time.Hour

// PutBus implements [store.Buses].
func (l *Ledger) PutBus(ctx context.Context, bus events.BusARN, missing bool, checked time.Time) error {
	it := busKey(bus)
	setBool(it, "missing", missing)
	setTime(it, "checked", checked)
	it["ttl"] = integer(ttlTime(checked.Add(busCheckAge)))
	err := l.try(ctx, "PutItem", func(ctx context.Context) error {
		_, err := l.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName:                 l.name,
			Item:                      it,
			ConditionExpression:       aws.String("attribute_not_exists(pk) OR checked <= :checked"),
			ExpressionAttributeValues: item{":checked": instant(checked)},
		})
		return err
	})
	if _, newer := errors.AsType[*conditionFailed](err); newer {
		return nil
	}
	return err
}

// MissingBuses implements [store.Buses].
func (l *Ledger) MissingBuses(ctx context.Context) (map[events.BusARN]time.Time, error) {
	missing := map[events.BusARN]time.Time{}
	in := &dynamodb.QueryInput{
		TableName:                 l.name,
		ConsistentRead:            aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk"),
		FilterExpression:          aws.String("#missing = :true"),
		ExpressionAttributeNames:  map[string]string{"#missing": "missing"},
		ExpressionAttributeValues: item{":pk": text(busPart), ":true": boolean(true)},
	}
	for {
		out, err := l.query(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, it := range out.Items {
			r := reader{item: it}
			bus, checked := events.BusARN(r.text("sk")), r.instant("checked")
			if r.err != nil {
				return nil, r.err
			}
			missing[bus] = checked
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return missing, nil
		}
	}
}
