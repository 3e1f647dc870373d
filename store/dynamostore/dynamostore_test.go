package dynamostore

import (
	"crypto/rand"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/store"
)

func TestMain(m *testing.M) { os.Exit(awstest.Main(m)) }

// newLedger returns the ledger in a new table of DynamoDB Local.
func newLedger(t testing.TB, o *Options, options ...func(*dynamodb.Options)) *Ledger {
	t.Helper()
	l := New(newClient(t, options...), tableName(), o)
	if err := l.CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

func newClient(t testing.TB, options ...func(*dynamodb.Options)) *dynamodb.Client {
	t.Helper()
	return dynamodb.NewFromConfig(awstest.Config(awstest.DynamoDB(t)), options...)
}

func tableName() string { return "t-" + rand.Text() }

// now returns the time of the tests' changes. It is the real time, because DynamoDB
// Local deletes expired items by its own clock.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

var pets = store.Collection{Tenant: "acme", Schema: "pets"}

// newChange returns a POST of one record with one output event.
func newChange(key events.RecordKey, idempotency string, data string) *store.Change {
	at := now()
	ref := store.Ref{Collection: pets, Key: key}
	version := store.Version(rand.Text())
	return &store.Change{
		Idempotency: store.IdempotencyRecord{
			Key:         store.IdempotencyKey{Tenant: ref.Tenant, Origin: store.OriginEventID, Value: idempotency},
			Fingerprint: store.Fingerprint{1, 2, 3},
			Result:      store.Result{Ref: ref, Operation: events.Post, Revision: 1, Version: version, Time: at},
			Bill:        store.Bill{Tokens: 10, Month: store.Month(at), KeyID: "k1"},
			Expires:     at.Add(store.DefaultRetention),
			Outputs: store.Outputs{
				Entries: []store.Entry{{
					Bus: "arn:aws:events:us-east-1:111122223333:event-bus/default", Source: "blockforger-output",
					DetailType: "pets.POST", State: store.EntryPending,
				}},
				Payload:      jsontext.Value(data),
				InputEventID: "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
			},
		},
		Record: &store.Record{
			Ref: ref, Backend: events.DynamoDB, KeyField: "id", Revision: 1, Version: version, Time: at, Data: jsontext.Value(data),
		},
	}
}

func commit(t *testing.T, l *Ledger, c *store.Change) store.Result {
	t.Helper()
	r, err := l.Commit(t.Context(), c)
	if err != nil {
		t.Fatalf("commit of %s: %v", c.Idempotency.Key.Value, err)
	}
	return r
}
