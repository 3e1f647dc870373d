package deploylocal

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/app"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/lambda"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/dynamostore"
)

// TestRestore rehearses "Restoring the table" of doc/operations.md: a table is copied
// at a time, as a point-in-time recovery does; further events arrive; then the function
// runs on the copy and the archive is replayed, with events from before that time too.
// Each event must have one effect and one bill, and each output event the id that it
// had before, on each backend.
func TestRestore(t *testing.T) {
	ctx := t.Context()
	const bucket, original, restored = "restore", "eventrouter-restore", "eventrouter-restore-2"
	database, objects := awstest.DynamoDB(t), awstest.S3(t)
	client := dynamodb.NewFromConfig(awstest.Config(database))
	for _, table := range []string{original, restored} {
		if err := dynamostore.New(client, table, nil).CreateTable(ctx); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_, _ = client.DeleteTable(context.WithoutCancel(ctx), &dynamodb.DeleteTableInput{TableName: &table})
		})
	}
	files := s3.NewFromConfig(awstest.Config(objects), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := files.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
	schemas := map[string]string{"acme/tenant.properties": "eventbridge-input=true\neventbridge-output=[{}]\n"}
	backends := []string{"dynamodb", "s3", "csv"}
	for _, b := range backends {
		schemas["acme/on"+b+".json"] = `{"meta":{"backend":"` + b + `"},"type":"object","properties":{"id":{"type":"string"},"n":{"type":"number"}}}`
	}
	for name, text := range schemas {
		if _, err := files.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("schemas/" + name), Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
	key, secret, err := apikey.New("acme", []apikey.Permission{apikey.BackendCalls}, time.Time{}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := dynamostore.New(client, original, nil).PutKey(ctx, key); err != nil {
		t.Fatal(err)
	}

	bus := httptest.NewServer(http.HandlerFunc(eventBridge))
	t.Cleanup(bus.Close)
	function := func(table string) *lambda.Handler {
		variables := map[string]string{
			"AWS_REGION": region, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secretkey1",
			"AWS_ENDPOINT_URL_DYNAMODB": database, "AWS_ENDPOINT_URL_S3": objects, "AWS_ENDPOINT_URL_EVENTBRIDGE": bus.URL,
			names.EnvEnvironment: "restore", names.EnvTable: table, names.EnvBucket: bucket, names.EnvAccount: account,
			names.EnvSchemasPrefix: names.SchemasPrefix, names.EnvDataPrefix: names.DataPrefix,
		}
		config, err := app.FromEnvironment(func(name string) string { return variables[name] })
		if err != nil {
			t.Fatal(err)
		}
		return app.New(config).Handler(io.Discard)
	}

	var archive []string // all events, in the order in which they were sent
	send := func(h *lambda.Handler, event string) {
		t.Helper()
		if out, err := h.Invoke(ctx, []byte(event)); err != nil || !strings.Contains(string(out), `"statusCode":20`) {
			t.Fatalf("%s: %s, %v", event, out, err)
		}
	}
	put := func(h *lambda.Handler, schema, operation, payload string) {
		t.Helper()
		archive = append(archive, fmt.Sprintf(`{"version":"0","id":"restore-%d","source":"blockforger-input","detail-type":"%s.%s","account":%q,"time":%q,"region":%q,"resources":[],`+
			`"detail":{"tenant":"acme","rootSchema":%q,"operation":%q,"api_key":%q,"payload":%s}}`,
			len(archive), schema, operation, account, time.Now().UTC().Format(time.RFC3339), region, schema, operation, secret.Reveal(), payload))
		send(h, archive[len(archive)-1])
	}
	before := function(original)
	for _, b := range backends {
		put(before, "on"+b, "POST", `{"id":"a","n":1}`)
		put(before, "on"+b, "POST", `{"id":"b","n":1}`)
		put(before, "on"+b, "PUT", `{"id":"b","n":2}`)
	}
	copyTable(t, client, original, restored)
	for _, b := range backends { // what the restored table does not have
		put(before, "on"+b, "PUT", `{"id":"a","n":3}`)
		put(before, "on"+b, "DELETE", `{"id":"b"}`)
		put(before, "on"+b, "POST", `{"id":"c","n":4}`)
	}
	want := contents(t, client, original, backends, len(archive))

	after := function(restored)
	for range 2 { // a replay may be repeated
		for _, event := range archive {
			send(after, event)
		}
	}
	if got := contents(t, client, restored, backends, len(archive)); got != want {
		t.Errorf("after the replay\n%s\nwant what it was before the restore\n%s", got, want)
	}
}

func copyTable(t *testing.T, client *dynamodb.Client, from, to string) {
	t.Helper()
	pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: &from, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &to, Item: item}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// contents describes records, usage and output events of a table.
func contents(t *testing.T, client *dynamodb.Client, table string, backends []string, sent int) string {
	t.Helper()
	records := store.New(dynamostore.New(client, table, nil), nil)
	var b strings.Builder
	for _, backend := range backends {
		list, err := records.List(t.Context(), store.Collection{Tenant: "acme", Schema: events.SchemaID("on" + backend)}, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			fmt.Fprintf(&b, "%s %s revision %d %s\n", backend, r.Key, r.Revision, r.Data)
		}
	}
	usage, err := records.Usage(t.Context(), "acme", store.Month(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "%d tokens\n", usage.Tokens())
	for n := range sent {
		m, err := records.IdempotencyRecord(t.Context(), store.IdempotencyKey{Tenant: "acme", Origin: store.OriginEventID, Value: fmt.Sprintf("restore-%d", n)})
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range m.Outputs.Entries {
			fmt.Fprintf(&b, "event %d output %s %s\n", n, m.OutputID(i), e.State)
		}
	}
	return b.String()
}
