package dynamostore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/fault"
)

// ttlAttribute holds the time from which DynamoDB may delete an item.
const ttlAttribute = "ttl"

// Check verifies that the table has the keys and the index that the ledger needs. It
// is called at start. The error is Internal; it says what is missing and which
// command creates it.
func (t *table) Check(ctx context.Context) error {
	var out *dynamodb.DescribeTableOutput
	err := t.try(ctx, "DescribeTable", func(ctx context.Context) (err error) {
		out, err = t.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: t.name})
		return err
	})
	if err != nil {
		return err
	}
	table := out.Table
	if wrong := keyMismatch(table.KeySchema, table.AttributeDefinitions, "pk", "sk"); wrong != "" {
		return fault.Errorf(fault.Internal, "table %s %s; a table's keys cannot be changed, create another table:\n%s", *t.name, wrong, t.createCommand())
	}
	for _, index := range table.GlobalSecondaryIndexes {
		if aws.ToString(index.IndexName) != Index {
			continue
		}
		if wrong := keyMismatch(index.KeySchema, table.AttributeDefinitions, "open", "opened"); wrong != "" {
			return fault.Errorf(fault.Internal, "index %s of table %s %s; delete it and create it again:\n%s", Index, *t.name, wrong, t.indexCommand())
		}
		return nil
	}
	return fault.Errorf(fault.Internal, "table %s has no index %s; create it:\n%s", *t.name, Index, t.indexCommand())
}

// keyMismatch returns how a key schema differs from two string keys of these names,
// or "".
func keyMismatch(schema []types.KeySchemaElement, defined []types.AttributeDefinition, hash, sort string) string {
	var got []string
	for _, k := range schema {
		got = append(got, aws.ToString(k.AttributeName)+" "+string(k.KeyType))
	}
	want := []string{hash + " HASH", sort + " RANGE"}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		return fmt.Sprintf("has the keys %s, want %s", strings.Join(got, ", "), strings.Join(want, ", "))
	}
	for _, d := range defined {
		if name := aws.ToString(d.AttributeName); (name == hash || name == sort) && d.AttributeType != types.ScalarAttributeTypeS {
			return fmt.Sprintf("has the key %s of type %s, want S", name, d.AttributeType)
		}
	}
	return ""
}

// CreateTable creates the table and waits until it can be used. It is for tests and
// for deployments without the supplied template. It returns nil if the table already
// exists; [Ledger.Check] verifies its keys.
func (t *table) CreateTable(ctx context.Context) error {
	if err := t.createTable(ctx); err != nil {
		return err
	}
	return t.enableExpiry(ctx)
}

func (t *table) createTable(ctx context.Context) error {
	err := t.try(ctx, "CreateTable", func(ctx context.Context) error {
		_, err := t.client.CreateTable(ctx, &dynamodb.CreateTableInput{
			TableName:   t.name,
			BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{
				stringAttribute("pk"), stringAttribute("sk"), stringAttribute("open"), stringAttribute("opened"),
			},
			KeySchema: keySchema("pk", "sk"),
			GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
				IndexName:  aws.String(Index),
				KeySchema:  keySchema("open", "opened"),
				Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
			}},
		})
		return err
	})
	if hasCode(err, "ResourceInUseException") {
		return nil
	}
	if err != nil {
		return err
	}
	waiter := dynamodb.NewTableExistsWaiter(t.client)
	const maxWait = 5 * time.Minute
	if err := waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: t.name}, maxWait); err != nil {
		return fault.Wrap("dynamodb.DescribeTable", fault.Unavailable, err)
	}
	return nil
}

// enableExpiry enables the deletion of expired items by DynamoDB. It returns nil if
// it is already enabled.
func (t *table) enableExpiry(ctx context.Context) error {
	out, err := t.timeToLive(ctx)
	if err != nil || out == types.TimeToLiveStatusEnabled || out == types.TimeToLiveStatusEnabling {
		return err
	}
	return t.try(ctx, "UpdateTimeToLive", func(ctx context.Context) error {
		_, err := t.client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
			TableName:               t.name,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(ttlAttribute), Enabled: aws.Bool(true)},
		})
		return err
	})
}

func (t *table) timeToLive(ctx context.Context) (status types.TimeToLiveStatus, err error) {
	err = t.try(ctx, "DescribeTimeToLive", func(ctx context.Context) error {
		out, err := t.client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: t.name})
		if err == nil && out.TimeToLiveDescription != nil {
			status = out.TimeToLiveDescription.TimeToLiveStatus
		}
		return err
	})
	return status, err
}

func stringAttribute(name string) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: types.ScalarAttributeTypeS}
}

func keySchema(hash, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: aws.String(hash), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
	}
}

// createCommand returns the command that does the same as [Ledger.CreateTable].
func (t *table) createCommand() string {
	return `aws dynamodb create-table --table-name ` + *t.name + ` --billing-mode PAY_PER_REQUEST \
  --attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S AttributeName=open,AttributeType=S AttributeName=opened,AttributeType=S \
  --key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE \
  --global-secondary-indexes 'IndexName=` + Index + `,KeySchema=[{AttributeName=open,KeyType=HASH},{AttributeName=opened,KeyType=RANGE}],Projection={ProjectionType=KEYS_ONLY}'
aws dynamodb wait table-exists --table-name ` + *t.name + `
aws dynamodb update-time-to-live --table-name ` + *t.name + ` --time-to-live-specification Enabled=true,AttributeName=` + ttlAttribute
}

func (t *table) indexCommand() string {
	return `aws dynamodb update-table --table-name ` + *t.name + ` \
  --attribute-definitions AttributeName=open,AttributeType=S AttributeName=opened,AttributeType=S \
  --global-secondary-index-updates '[{"Create":{"IndexName":"` + Index + `","KeySchema":[{"AttributeName":"open","KeyType":"HASH"},{"AttributeName":"opened","KeyType":"RANGE"}],"Projection":{"ProjectionType":"KEYS_ONLY"}}}]'`
}
