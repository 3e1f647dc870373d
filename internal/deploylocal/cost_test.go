package deploylocal

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/internal/app"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/lambda"
	"github.com/blockforger/eventrouter/store/dynamostore"
)

// Prices in dollars of us-east-1, November 2026, from the price lists of the services;
// free tiers and volume discounts are not considered.
const (
	priceWrite      = 0.625e-6 // a DynamoDB write unit, on demand
	priceRead       = 0.125e-6 // a read unit
	pricePut        = 5e-6     // an S3 PUT or LIST; DELETE is free
	priceGet        = 0.4e-6   // an S3 GET or HEAD
	priceEvent      = 1e-6     // an event on a custom bus or from a custom source
	priceInvocation = 0.2e-6   // of a function
	priceGBSecond   = 13.3334e-6
	priceLogByte    = 0.5e-9
	priceAPI        = 1e-6 // a request of an HTTP API
	priceAlarm      = 0.1  // a month
	priceMetric     = 0.3  // a month
	priceKey        = 1.0  // a month
)

// Durations cannot be counted without AWS: these are assumed, with 512 MB.
const (
	requestSeconds = 0.04
	relaySeconds   = 0.5
	memoryGB       = 0.5
	runsPerMonth   = 30 * 24 * 60
)

// usage is what a number of requests took.
type usage struct{ writes, reads, puts, gets, outputs, logBytes float64 }

func (u usage) minus(v usage) usage {
	return usage{u.writes - v.writes, u.reads - v.reads, u.puts - v.puts, u.gets - v.gets, u.outputs - v.outputs, u.logBytes - v.logBytes}
}

func (u usage) per(n float64) usage {
	return usage{u.writes / n, u.reads / n, u.puts / n, u.gets / n, u.outputs / n, u.logBytes / n}
}

// cost is the price of the calls, without the invocation.
func (u usage) cost() float64 {
	return u.writes*priceWrite + u.reads*priceRead + u.puts*pricePut + u.gets*priceGet + u.outputs*priceEvent + u.logBytes*priceLogByte
}

// A meter counts the calls that pass through it, and their capacity units.
type meter struct {
	mu sync.Mutex
	usage
}

func (m *meter) Write(p []byte) (int, error) { // the function's log
	m.mu.Lock()
	defer m.mu.Unlock()
	m.logBytes += float64(len(p))
	return len(p), nil
}

func (m *meter) now() usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.usage
}

// dynamodb asks for the capacity units of each call, and adds them up.
func (m *meter) dynamodb(t *testing.T, url string) http.Handler {
	next := passTo(t, url)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var in map[string]json.RawMessage
		body, _ := io.ReadAll(req.Body)
		if err := json.Unmarshal(body, &in); err != nil {
			t.Error(err)
		}
		in["ReturnConsumedCapacity"] = json.RawMessage(`"TOTAL"`)
		body, _ = json.Marshal(in)
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		req.Header.Set("Content-Length", fmt.Sprint(len(body)))
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, req)
		var out struct{ ConsumedCapacity json.RawMessage }
		_ = json.Unmarshal(answer.Body.Bytes(), &out)
		type capacity struct{ CapacityUnits float64 }
		var one capacity
		var several []capacity
		units := 0.0
		if json.Unmarshal(out.ConsumedCapacity, &one) == nil {
			units = one.CapacityUnits
		} else if json.Unmarshal(out.ConsumedCapacity, &several) == nil {
			for _, c := range several {
				units += c.CapacityUnits
			}
		}
		if units == 0 { // what AWS bills at least for a read; DynamoDB Local returns 0 for an empty result
			units = 0.5
		}
		_, operation, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
		m.mu.Lock()
		switch operation {
		case "TransactWriteItems", "UpdateItem", "PutItem", "DeleteItem":
			m.writes += units
		default:
			m.reads += units
		}
		m.mu.Unlock()
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

func (m *meter) s3(t *testing.T, url string) http.Handler {
	next := passTo(t, url)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		m.mu.Lock()
		switch {
		case req.Method == "PUT" || req.URL.Query().Has("list-type"):
			m.puts++
		case req.Method != "DELETE":
			m.gets++
		}
		m.mu.Unlock()
		next.ServeHTTP(w, req)
	})
}

func (m *meter) bus(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	var in struct{ Entries []struct{} }
	_ = json.Unmarshal(body, &in)
	m.mu.Lock()
	m.outputs += float64(len(in.Entries))
	m.mu.Unlock()
	req.Body = io.NopCloser(bytes.NewReader(body))
	eventBridge(w, req)
}

// TestCosts counts calls and capacity units of requests by operation and backend,
// including the relay's part, and of a month without requests, and compares the tables
// of doc/deploy.md with them. -update writes the tables.
func TestCosts(t *testing.T) {
	ctx := t.Context()
	const n = 40 // requests of each kind
	database, objects := awstest.DynamoDB(t), awstest.S3(t)
	table, bucket := "costs-"+strings.ToLower(rand.Text()), "costs"
	ledger := dynamostore.New(dynamodb.NewFromConfig(awstest.Config(database)), table, nil)
	if err := ledger.CreateTable(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = dynamodb.NewFromConfig(awstest.Config(database)).DeleteTable(context.WithoutCancel(ctx), &dynamodb.DeleteTableInput{TableName: &table})
	})
	files := s3.NewFromConfig(awstest.Config(objects), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := files.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	backends := []string{"dynamodb", "s3", "csv"}
	texts := map[string]string{"acme/tenant.properties": "eventbridge-input=true\neventbridge-output=[{}]\n"}
	for _, b := range backends {
		texts["acme/on"+b+".json"] = `{"meta":{"backend":"` + b + `"},"type":"object","properties":{"id":{"type":"string"},"name":{"type":"string"}}}`
	}
	for name, text := range texts {
		if _, err := files.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("schemas/" + name), Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
	key, secret, err := apikey.New("acme", []apikey.Permission{apikey.BackendCalls, apikey.ReadOnly}, time.Time{}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.PutKey(ctx, key); err != nil {
		t.Fatal(err)
	}

	m := &meter{}
	serve := unrecorded(t)
	variables := map[string]string{
		"AWS_REGION": region, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secretkey1",
		"AWS_ENDPOINT_URL_DYNAMODB": serve(m.dynamodb(t, database)), "AWS_ENDPOINT_URL_S3": serve(m.s3(t, objects)), "AWS_ENDPOINT_URL_EVENTBRIDGE": serve(http.HandlerFunc(m.bus)),
		names.EnvEnvironment: "costs", names.EnvTable: table, names.EnvBucket: bucket, names.EnvAccount: account,
		names.EnvSchemasPrefix: names.SchemasPrefix, names.EnvDataPrefix: names.DataPrefix,
	}
	config, err := app.FromEnvironment(func(name string) string { return variables[name] })
	if err != nil {
		t.Fatal(err)
	}
	config.Lifetime = -time.Minute // the relay does its part at once
	handler := app.New(config).Handler(m)

	var rows strings.Builder
	rows.WriteString("| operation | backend | DynamoDB writes | reads | S3 PUT | GET | output events | dollars per million |\n|---|---|---|---|---|---|---|---|\n")
	post := map[string]float64{}
	for _, backend := range backends {
		for _, operation := range []string{"POST", "PUT", "PATCH", "GET", "DELETE"} {
			u := measure(t, m, handler, n, operation, "on"+backend, secret.Reveal())
			dollars := 1e6 * (u.cost() + priceInvocation + requestSeconds*memoryGB*priceGBSecond)
			way := priceEvent // the input event
			if operation == "GET" {
				way = priceAPI
			}
			dollars += 1e6 * way
			post[operation+backend] = dollars
			fmt.Fprintf(&rows, "| %s | %s | %.1f | %.1f | %.1f | %.1f | %.0f | %.1f |\n", operation, backend, u.writes, u.reads, u.puts, u.gets, u.outputs, dollars)
		}
	}
	before := m.now()
	relay(t, handler)
	idle := m.now().minus(before)
	if idle.outputs != 0 {
		t.Errorf("an idle relay publishes %v events", idle.outputs)
	}
	functions := runsPerMonth * (priceInvocation + relaySeconds*memoryGB*priceGBSecond)
	alarms, metrics := float64(goldenAlarms(t)), 14.0 // of requests 9, of the relay 4 more, of tenant files 1
	fmt.Fprintf(&rows, "\nA month without requests:\n\n| what | counted | dollars |\n|---|---|---|\n")
	fmt.Fprintf(&rows, "| relay: DynamoDB | %d runs of %.0f writes and %.0f reads | %.2f |\n", runsPerMonth, idle.writes, idle.reads, runsPerMonth*idle.cost())
	fmt.Fprintf(&rows, "| relay: function | %d runs of %.1f s | %.2f |\n", runsPerMonth, relaySeconds, functions)
	fmt.Fprintf(&rows, "| alarms | %.0f | %.2f |\n", alarms, alarms*priceAlarm)
	fmt.Fprintf(&rows, "| metrics | %.0f, and one for each active tenant | %.2f |\n", metrics, metrics*priceMetric)
	fmt.Fprintf(&rows, "| key | 1 | %.2f |\n", priceKey)
	fmt.Fprintf(&rows, "| **together** | | **%.2f** |\n", runsPerMonth*idle.cost()+functions+alarms*priceAlarm+metrics*priceMetric+priceKey)

	const guide, begin, end = "../../doc/deploy.md", "<!-- generated: costs -->\n", "<!-- end: costs -->"
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), begin)
	was, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no %s", guide, begin)
	}
	if *update {
		if err := os.WriteFile(guide, []byte(head+begin+rows.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !similar(was, rows.String()) {
		t.Errorf("the costs differ from %s; if that is intended, add -update\n%s", guide, rows.String())
	}
	if post["POSTdynamodb"] > 12 {
		t.Errorf("a million POSTs with one output cost %.1f dollars", post["POSTdynamodb"])
	}
}

// similar reports whether two tables have the same text and similar numbers: how many
// bills the relay adds in one transaction, and when files are read again, depends on
// the time.
func similar(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	return slices.EqualFunc(x, y, func(p, q string) bool {
		m, err1 := strconv.ParseFloat(strings.Trim(p, "*"), 64)
		n, err2 := strconv.ParseFloat(strings.Trim(q, "*"), 64)
		if err1 != nil || err2 != nil {
			return p == q
		}
		return math.Abs(m-n) <= max(1, 0.1*math.Abs(m))
	})
}

func TestSimilar(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"| POST | 9.0 |", "| POST | 9.8 |", true}, {"| POST | 9.0 |", "| POST | 10.2 |", false}, {"| POST | 9.0 |", "| PUT | 9.0 |", false},
		{"| **60.1** |", "| **62** |", true}, {"| 1 |", "| 1 | 1 |", false}} {
		if got := similar(c.a, c.b); got != c.want {
			t.Errorf("%q, %q: %v", c.a, c.b, got)
		}
	}
}

// goldenAlarms counts the alarms of the stack.
func goldenAlarms(t *testing.T) (n int) {
	t.Helper()
	text, err := os.ReadFile("../../infra/testdata/golden/EventRouter-dev.template.json")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct{ Type string }
	}
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	for _, r := range template.Resources {
		if r.Type == "AWS::CloudWatch::Alarm" {
			n++
		}
	}
	return n
}

// measure returns the average usage of a request, with the relay's part.
func measure(t *testing.T, m *meter, h *lambda.Handler, n int, operation, schema, key string) usage {
	t.Helper()
	relay(t, h)
	before := m.now()
	relay(t, h)
	idle := m.now().minus(before)
	before = m.now()
	for i := range n {
		id := fmt.Sprintf("record-%03d", i)
		payload := fmt.Sprintf(`{"version":"0","id":"%s-%s-%d","source":"blockforger-input","detail-type":"%s.%s","account":%q,"time":%q,"region":%q,"resources":[],`+
			`"detail":{"tenant":"acme","rootSchema":%q,"operation":%q,"api_key":%q,"payload":{"id":%q,"name":%q}}}`,
			operation, schema, i, schema, operation, account, time.Now().UTC().Format(time.RFC3339), region, schema, operation, key, id, operation)
		if operation == "GET" {
			path := "/acme/" + schema + "/" + id
			payload = fmt.Sprintf(`{"version":"2.0","routeKey":"$default","rawPath":%q,"rawQueryString":"","headers":{"x-api-key":%q},"requestContext":{"requestId":"r-%s-%d","stage":"$default","http":{"method":"GET","path":%q,"sourceIp":"127.0.0.1"}},"isBase64Encoded":false}`,
				path, key, schema, i, path)
		}
		out, err := h.Invoke(t.Context(), []byte(payload))
		if err != nil || !strings.Contains(string(out), `"statusCode":20`) {
			t.Fatalf("%s %s: %s, %v", operation, schema, out, err)
		}
	}
	relay(t, h)
	return m.now().minus(before).minus(idle).per(float64(n))
}

func relay(t *testing.T, h *lambda.Handler) {
	t.Helper()
	if _, err := h.Invoke(t.Context(), []byte(schedule)); err != nil {
		t.Fatal(err)
	}
}
