// Command bare is what the function's cold start and CPU are measured against:
// a Lambda handler that makes the same AWS calls for a POST with one output,
// with the same SDK clients, and does nothing else.
package main

import (
	"context"
	"os"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blockforger/eventrouter/internal/awshttp"
)

type handler struct {
	db  *dynamodb.Client
	bus *eventbridge.Client
	s3  *s3.Client
	// cold is true until the first invocation has read what a cold function
	// reads: an API key, a tenant's properties, a schema.
	cold bool
}

func main() {
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}, nil
	})
	region, endpoint := os.Getenv("AWS_REGION"), aws.String(os.Getenv("AWS_ENDPOINT_URL"))
	awslambda.Start(&handler{
		db: dynamodb.New(dynamodb.Options{Region: region, Credentials: credentials, BaseEndpoint: endpoint},
			func(o *dynamodb.Options) { o.HTTPClient = awshttp.Keep(o.HTTPClient) }),
		bus: eventbridge.New(eventbridge.Options{Region: region, Credentials: credentials, BaseEndpoint: endpoint},
			func(o *eventbridge.Options) { o.HTTPClient = awshttp.Keep(o.HTTPClient) }),
		s3: s3.New(s3.Options{Region: region, Credentials: credentials, BaseEndpoint: endpoint, UsePathStyle: true},
			func(o *s3.Options) { o.HTTPClient = awshttp.Keep(o.HTTPClient) }),
		cold: true,
	})
}

// Invoke makes the calls.
func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	table, text := aws.String("bare"), string(payload)
	item := func(sk string) map[string]dynamotypes.AttributeValue {
		return map[string]dynamotypes.AttributeValue{
			"pk": &dynamotypes.AttributeValueMemberS{Value: "pk"}, "sk": &dynamotypes.AttributeValueMemberS{Value: sk},
		}
	}
	if h.cold {
		h.cold = false
		if _, err := h.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: item("key")}); err != nil {
			return nil, err
		}
		for _, key := range []string{"evented/tenant.properties", "evented/evented.json"} {
			out, err := h.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bench"), Key: aws.String(key)})
			if err != nil {
				return nil, err
			}
			if err := out.Body.Close(); err != nil {
				return nil, err
			}
		}
	}
	put := func(sk string) dynamotypes.TransactWriteItem {
		i := item(sk)
		i["data"] = &dynamotypes.AttributeValueMemberS{Value: text}
		return dynamotypes.TransactWriteItem{Put: &dynamotypes.Put{TableName: table, Item: i, ConditionExpression: aws.String("attribute_not_exists(pk)")}}
	}
	if _, err := h.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []dynamotypes.TransactWriteItem{put("head"), put("mark")}}); err != nil {
		return nil, err
	}
	if _, err := h.bus.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		Source: aws.String("bare"), DetailType: aws.String("bare"), Detail: aws.String(text)}}}); err != nil {
		return nil, err
	}
	_, err := h.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: table, Key: item("mark"),
		UpdateExpression:          aws.String("SET settled = :t"),
		ExpressionAttributeValues: map[string]dynamotypes.AttributeValue{":t": &dynamotypes.AttributeValueMemberBOOL{Value: true}}})
	return []byte(`{}`), err
}
