package main

import (
	"crypto/rand"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/dynamostore"
	"github.com/blockforger/eventrouter/store/dynamostore/dynamotest"
)

// TestTenantCommandsWithLaggingIndex: `tenant export`, `entries`, `tenant migrate` and
// `tenant purge` on DynamoDB, whose index shows a write up to 5 s late. At any moment an
// export has all records and entries, and never more usage than was billed; once the
// index has caught up, it has all usage. A purge deletes everything.
func TestTenantCommandsWithLaggingIndex(t *testing.T) {
	const records = 12
	table := "lag-" + rand.Text()
	config := awstest.Config(awstest.DynamoDB(t))
	index := dynamotest.NewLaggingIndex(dynamodb.NewFromConfig(config), table)
	ledger := dynamostore.New(dynamodb.NewFromConfig(config, index.Use), table, &dynamostore.Options{Attempt: time.Minute}) // on a busy machine
	if err := ledger.CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := projection.New(store.New(ledger, nil), nil)
	direct := admin.NewDirect(ledger, s, nil, nil)
	server := httptest.NewServer(admin.NewHandler(direct))
	t.Cleanup(server.Close)
	cli := func(args ...string) string {
		t.Helper()
		code, out, errOut := runCLI(t, server.URL, args...)
		if code != 0 {
			t.Fatalf("%s: %s", strings.Join(args, " "), errOut)
		}
		return out
	}
	tokens := regexp.MustCompile(`"tokens":(\d+)`)
	// export returns the usage in an export of so many records and entries.
	export := func(tenant events.TenantID, records int) (usage int) {
		t.Helper()
		out := cli("tenant", "export", "--tenant", string(tenant))
		for kind, want := range map[string]int{"record": records, "entry": records} {
			if n := strings.Count(out, `{"kind":"`+kind+`"`); n != want {
				t.Fatalf("the export has %d lines of kind %s, want %d:\n%s", n, kind, want, out)
			}
		}
		if m := tokens.FindStringSubmatch(out); m != nil {
			_, _ = fmt.Sscan(m[1], &usage)
		}
		return usage
	}
	post := func(tenant events.TenantID, i int) {
		t.Helper()
		key := fmt.Sprint("k", i)
		ref := store.Ref{Collection: store.Collection{Tenant: tenant, Schema: "pet"}, Key: events.RecordKey(key)}
		if _, err := s.Commit(t.Context(), store.Change{
			Idempotency: store.IdempotencyRecord{
				Key:    store.IdempotencyKey{Tenant: tenant, Origin: store.OriginEventID, Value: key},
				Result: store.Result{Ref: ref, Operation: events.Post},
				Bill:   store.Bill{Tokens: 10, KeyID: "k"},
				Outputs: store.Outputs{Payload: jsontext.Value(`{}`), Entries: []store.Entry{{
					Bus: events.DefaultBus("aws", "us-east-1", "000000000000"), Source: "s", DetailType: "pet.POST", State: store.EntryPending}}},
			},
			Record: &store.Record{Ref: ref, Backend: events.DynamoDB, KeyField: "id", Revision: 1,
				Data: jsontext.Value(`{"id":"` + key + `","name":"n-` + key + `"}`)},
		}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range records {
		post("acme", i)
		post("rival", i)
		if usage := export("acme", i+1); usage > 10*(i+1) {
			t.Fatalf("the usage is %d after %d requests", usage, i+1)
		}
		if i == records/2 { // the relay aggregates some of the bills that it sees
			var keys []store.IdempotencyKey
			for shard := range store.Shards {
				pending, err := ledger.ListPending(t.Context(), shard, time.Now().Add(time.Hour), store.MaxAggregate-len(keys))
				if err != nil {
					t.Fatal(err)
				}
				if keys = append(keys, pending...); len(keys) == store.MaxAggregate {
					break
				}
			}
			if err := s.AggregateUsage(t.Context(), keys); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out := cli("entries", "list", "--tenant", "acme", "--state", "pending"); strings.Count(out, "pet.POST") != records {
		t.Errorf("pending entries: %s", out)
	}
	if out := cli("entries", "drop", "--tenant", "acme"); out != fmt.Sprintf("drop: %d entries\n", records) {
		t.Errorf("dropped: %s", out)
	}
	index.CatchUp()
	if usage := export("acme", records); usage != 10*records {
		t.Errorf("the usage is %d once the index has caught up, want %d", usage, 10*records)
	}
	moved, err := direct.MigrateSchema(t.Context(), admin.Migration{Tenant: "acme", Schema: "pet", Backend: events.DynamoDB, KeyField: "name"})
	if err != nil || moved != (admin.Migrated{Records: records, Moved: records}) {
		t.Errorf("migrated %+v, %v; want all %d", moved, err, records)
	}
	if usage := export("acme", records); usage != 10*records {
		t.Errorf("the usage is %d after the migration, want %d", usage, 10*records)
	}

	if made, err := direct.CreateKey(t.Context(), admin.NewKey{Tenant: "acme", Permissions: []apikey.Permission{apikey.ReadOnly}}); err != nil {
		t.Fatal(err)
	} else if _, err := direct.RevokeKey(t.Context(), made.KeyID); err != nil {
		t.Fatal(err)
	}
	cli("tenant", "purge", "--tenant", "acme", "--yes")
	if out := cli("tenant", "export", "--tenant", "acme"); out != "" {
		t.Errorf("left after the purge: %s", out)
	}
	if usage := export("rival", records); usage > 10*records {
		t.Errorf("the usage of the other tenant is %d", usage)
	}
	index.CatchUp()
	if usage := export("rival", records); usage != 10*records {
		t.Errorf("the usage of the other tenant is %d, want %d", usage, 10*records)
	}
}
