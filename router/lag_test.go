package router_test

import (
	"crypto/rand"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/store/dynamostore"
	"github.com/blockforger/eventrouter/store/dynamostore/dynamotest"
)

func TestMain(m *testing.M) { os.Exit(awstest.Main(m)) }

// laggingIndex is the prefix of the names of tests whose ledger is a DynamoDB table with
// an index that lags.
const laggingIndex = "TestWithLaggingIndex/"

// TestWithLaggingIndex runs tests of requests, outputs, projections and the relay on
// DynamoDB, whose index shows a write up to 5 s late. Tests that inject faults into the
// ledger in memory, or compare the order of members, are not among them.
func TestWithLaggingIndex(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"operations":         TestOperations,
		"redelivery":         TestRedeliveryChangesNothing,
		"rejections":         TestRejectionsThatDependOnStateAreRemembered,
		"revoked key":        TestARevokedKeyIsRefusedDespiteTheMark,
		"96 redeliveries":    TestHundredRedeliveries,
		"concurrent writers": TestRivalsOnOneRecordLoseNothing,
		"tenants":            TestTenantsCannotReachEachOther,
		"objects":            TestObjectsFollowEveryOperation,
		"no outputs":         TestWithoutOutputsObjectsFollow,
		"external edits":     TestWhatAPersonChangesIsReadBack,
	} {
		t.Run(name, test)
	}
}

// useLaggingIndex gives the house a new table, and the present time, because DynamoDB
// deletes expired items by its own clock.
func (h *house) useLaggingIndex() {
	h.t.Helper()
	config, table := awstest.Config(awstest.DynamoDB(h.t)), "router-"+rand.Text()
	h.clock.now = time.Now().UTC().Truncate(time.Millisecond)
	index := dynamotest.NewLaggingIndex(dynamodb.NewFromConfig(config), table)
	ledger := dynamostore.New(dynamodb.NewFromConfig(config, index.Use), table, &dynamostore.Options{
		Clock: h.clock.Now, Attempt: time.Minute, // on a busy machine
	})
	if err := ledger.CreateTable(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	h.ledger, h.catchUp = ledger, index.CatchUp
}
