package app_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/internal/app"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/store/dynamostore"
)

// TestRecordsAreProjectedToTheBucket checks that the function, configured as in
// the stack, writes records to the object names that the requirements specify.
func TestRecordsAreProjectedToTheBucket(t *testing.T) {
	t.Parallel()
	table, bucket := "projecting-"+rand.Text(), "house"
	database, objects := awstest.DynamoDB(t), awstest.S3(t)
	ledger := dynamostore.New(dynamodb.NewFromConfig(awstest.Config(database)), table, nil)
	if err := ledger.CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	files := s3.NewFromConfig(awstest.Config(objects), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := files.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"tenant.properties": "eventbridge-input=true\n",
		"ons3.json":         `{"meta":{"backend":"s3"},"type":"object"}`,
		"oncsv.json":        `{"meta":{"backend":"csv"},"type":"object"}`,
	} {
		if _, err := files.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("schemas/acme/" + name), Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
	key, secret, err := apikey.New("acme", []apikey.Permission{apikey.BackendCalls}, time.Time{}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.PutKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secretkey1",
		"AWS_ENDPOINT_URL_DYNAMODB": database, "AWS_ENDPOINT_URL_S3": objects, "AWS_ENDPOINT_URL_EVENTBRIDGE": "http://127.0.0.1:1",
		names.EnvEnvironment: "test", names.EnvTable: table, names.EnvBucket: bucket, names.EnvAccount: "123456789012",
		names.EnvSchemasPrefix: names.SchemasPrefix, names.EnvDataPrefix: names.DataPrefix,
	}
	var log bytes.Buffer
	getenv := func(name string) string { return environment[name] }
	config, err := app.FromEnvironment(getenv)
	if err != nil {
		t.Fatal(err)
	}
	handler := app.New(config).Handler(&log)
	for _, schema := range []string{"ons3", "oncsv"} {
		event := fmt.Sprintf(`{"version":"0","id":%q,"source":"blockforger-input","detail-type":"%s.POST","time":%q,"region":"us-east-1","resources":[],
			"detail":{"tenant":"acme","rootSchema":%q,"api_key":%q,"payload":{"id":"rex/1","name":"Rex"}}}`,
			"e-"+schema, schema, time.Now().UTC().Format(time.RFC3339), schema, secret.Reveal())
		if _, err := handler.Invoke(t.Context(), []byte(event)); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(log.String(), "rror\":") || strings.Count(log.String(), `"outcome":"carried-out"`) != 2 {
		t.Errorf("the log:\n%s", &log)
	}
	for name, want := range map[string]string{"data/acme/ons3/rex%2F1.json": `"name": "Rex"`, "data/acme/oncsv.csv": "rex/1,"} {
		o, err := files.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(name)})
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(o.Body)
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}

	// The data prefix must end in data/; other values are rejected.
	for _, bad := range []string{"records/", "data", "mydata/", "/data/"} {
		environment[names.EnvDataPrefix] = bad
		if _, err := app.FromEnvironment(getenv); err == nil {
			t.Errorf("the data prefix %q was accepted", bad)
		}
	}
	environment[names.EnvDataPrefix] = "prod/data/"
	environment[names.EnvOutputBus] = "arn:aws:events:us-east-1:123456789012:rule/x"
	if _, err := app.FromEnvironment(getenv); err == nil || !strings.Contains(err.Error(), "name the bus") {
		t.Errorf("an invalid output bus: %v", err)
	}
	delete(environment, names.EnvOutputBus)
	if _, err := app.FromEnvironment(getenv); err != nil {
		t.Error(err)
	}
}
