//go:build conformance

package dynamostore

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/storetest"
)

// TestConformance runs part of the suite against moto, as a second implementation
// besides DynamoDB Local. It omits concurrency, size limits and long histories,
// because moto fails half of the concurrent transactions, accepts items that are too
// large, and needs a tenth of a second for each transaction.
func TestConformance(t *testing.T) {
	client := dynamodb.NewFromConfig(awstest.Config(awstest.Moto(t)))
	storetest.Run(t, storetest.Harness{
		Open: func(t testing.TB, e storetest.Env) store.Driver {
			l := New(client, tableName(), &Options{Clock: e.Clock, Backoff: func(int) time.Duration { return 0 }})
			if err := l.createTable(t.Context()); err != nil {
				t.Fatal(err)
			}
			return l
		},
		Only: []string{
			"Atomicity/all or nothing",
			"Atomicity/every field is stored",
			"Redelivery/returns the stored result",
			"Redelivery/rejections are stored",
			"Redelivery/the stored result takes precedence over record and limit",
			"Fingerprint/another request is a conflict",
			"Isolation/delete and create again",
			"Expiry/an expired idempotency record is absent",
			"Expiry/bills outlive their idempotency records",
			"Usage/exact before and after aggregation",
			"Outbox/saved progress is never undone",
			"Outbox/an operator may publish again",
			"Outbox/projected records are not unprojected",
			"Outbox/one owner of a lease",
			"TenantData/inventory of schemas and months",
			"TenantData/records fix backend and key field",
		},
	})
}
