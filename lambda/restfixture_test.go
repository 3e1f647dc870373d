package lambda_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/lambda"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// A restFixture is the function over in-memory stores with a fixed clock and
// numbered versions, so that two fixtures can be compared.
type restFixture struct {
	t       testing.TB
	handler *lambda.Handler
	router  *router.Router
	relay   *outbox.Relay
	store   *projection.Store
	ledger  *memstore.Driver
	files   *blob.Memory
	keys    map[string]string // a key of each tenant with all permissions
	log     syncBuffer
	faults  func(op string) error

	mu   sync.Mutex
	now  time.Time
	sent []events.Entry
	seq  int
}

type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *syncBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// take returns what was logged and clears it.
func (b *syncBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.Buffer.String()
	b.Buffer.Reset()
	return text
}

// A counter is a source of consecutive numbers instead of random bytes.
type counter struct {
	mu sync.Mutex
	n  uint64
}

func (c *counter) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	clear(p)
	if len(p) >= 8 {
		binary.BigEndian.PutUint64(p[len(p)-8:], c.n)
	}
	return len(p), nil
}

func (h *restFixture) Send(_ context.Context, _ string, entries []events.Entry) ([]bus.Result, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent = append(h.sent, entries...)
	return make([]bus.Result, len(entries)), nil
}

func (h *restFixture) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *restFixture) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// newRESTFixture serves the given files and creates a key for each tenant in them.
func newRESTFixture(t testing.TB, files map[string]string, options ...func(*router.Options)) *restFixture {
	h := &restFixture{t: t, files: blob.NewMemory(), keys: map[string]string{},
		now: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)}
	h.ledger = memstore.New(&memstore.Options{Clock: h.clock, Fault: func(op string) error {
		if h.faults == nil {
			return nil
		}
		return h.faults(op)
	}})
	h.store = projection.New(store.New(h.ledger, &store.Options{Clock: h.clock, Rand: &counter{}}), nil)
	for name, text := range files {
		h.file(name, text)
		id, _, _ := strings.Cut(name, "/")
		if h.keys[id] == "" {
			_, h.keys[id] = h.newKey(id, apikey.BackendCalls)
		}
	}
	publisher := outbox.NewPublisher(h.store, bus.NewPublisher(h), &outbox.Options{Clock: h.clock})
	o := &router.Options{Clock: h.clock}
	for _, option := range options {
		option(o)
	}
	h.router = router.New(
		tenant.NewCatalog(h.files, &tenant.CatalogOptions{Clock: h.clock, Report: func(diag.Diagnostic) {}}),
		apikey.NewAuthenticator(h.ledger, &apikey.AuthenticatorOptions{Clock: h.clock}),
		h.store, publisher, o)
	h.relay = outbox.NewRelay(publisher, "test")
	h.handler = lambda.New(h.router, h.relay, &h.log, &lambda.Options{Environment: "test", Clock: h.clock})
	return h
}

func (h *restFixture) file(name, text string) {
	h.t.Helper()
	if _, err := h.files.Put(context.Background(), name, []byte(text), nil, blob.Condition{}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *restFixture) newKey(id string, permissions ...apikey.Permission) (apikey.Key, string) {
	h.t.Helper()
	key, secret, err := apikey.New(events.TenantID(id), permissions, time.Time{}, h.clock(), rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.ledger.PutKey(context.Background(), key); err != nil {
		h.t.Fatal(err)
	}
	return key, secret.Reveal()
}

// An httpResponse is the function's response to an HTTP request.
type httpResponse struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

// problem returns the type of a problem document, without the common prefix.
func (a httpResponse) problem() string {
	var p struct {
		Type   string `json:"type"`
		Status int    `json:"status"`
	}
	if json.Unmarshal([]byte(a.Body), &p) != nil || p.Status != a.StatusCode || a.Headers["content-type"] != "application/problem+json" {
		return ""
	}
	return p.Type[strings.LastIndex(p.Type, "/")+1:]
}

// invoke calls the function with a payload, as Lambda does.
func (h *restFixture) invoke(payload string) httpResponse {
	h.t.Helper()
	h.mu.Lock()
	h.seq++
	id := fmt.Sprintf("lambda-%d", h.seq)
	h.mu.Unlock()
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: id})
	out, err := h.handler.Serve(ctx, []byte(payload), io.Writer(&h.log))
	if err != nil {
		h.t.Fatalf("%.300s: %v", payload, err)
	}
	var a httpResponse
	if err := json.Unmarshal(out, &a); err != nil {
		h.t.Fatalf("%s: %v", out, err)
	}
	return a
}

// do sends a request through a function URL. Headers are "name: value".
func (h *restFixture) do(method, path, body string, headers ...string) httpResponse {
	h.t.Helper()
	return h.invoke(h.payload(method, path, body, headers...))
}

func (h *restFixture) payload(method, path, body string, headers ...string) string {
	h.mu.Lock()
	h.seq++
	id := h.seq
	h.mu.Unlock()
	raw, query, _ := strings.Cut(path, "?")
	fields := map[string]string{}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if old, ok := fields[name]; ok { // joined, as by a function URL
			value = old + "," + value
		}
		fields[name] = value
	}
	return fmt.Sprintf(`{"version":"2.0","routeKey":"$default","rawPath":%s,"rawQueryString":%s,"headers":%s,
		"requestContext":{"requestId":"request-%d","stage":"$default","domainName":"x.lambda-url.us-east-1.on.aws","http":{"method":%s}},
		"body":%q,"isBase64Encoded":true}`, quoted(raw), quoted(query), quoted(fields), id, quoted(method),
		base64.StdEncoding.EncodeToString([]byte(body)))
}

func quoted(v any) string {
	b, _ := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	return string(b)
}

// as returns the header with a tenant's key; jsonBody is that of a JSON body.
func (h *restFixture) as(id string) string { return "x-api-key: " + h.keys[id] }

const jsonBody = "content-type: application/json"

// effects returns everything that requests have stored and sent, as text.
func (h *restFixture) effects(tenants ...string) string {
	h.t.Helper()
	var b strings.Builder
	ctx := context.Background()
	for _, id := range tenants {
		schemas, err := h.files.List(ctx, id+"/", "", 1000)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, info := range schemas {
			schema, ok := strings.CutSuffix(strings.TrimPrefix(info.Key, id+"/"), ".json")
			if !ok {
				continue
			}
			heads, err := h.store.List(ctx, store.Collection{Tenant: events.TenantID(id), Schema: events.SchemaID(schema)}, "", 1000)
			if err != nil {
				h.t.Fatal(err)
			}
			for _, head := range heads {
				fmt.Fprintf(&b, "record %s rev %d version %s %s\n", head.Path(), head.Revision, head.Version, head.Data)
			}
		}
		usage, err := h.store.Usage(ctx, events.TenantID(id), store.Month(h.clock()))
		if err != nil {
			h.t.Fatal(err)
		}
		for schema, ops := range usage.BySchema {
			for op, n := range ops {
				if schema != "" {
					fmt.Fprintf(&b, "usage %s %s %s %d\n", id, schema, op, n)
				}
			}
		}
	}
	h.mu.Lock()
	for _, e := range h.sent {
		fmt.Fprintf(&b, "sent %s %s %s %v %v %s\n", e.Bus, e.Source, e.DetailType, e.Resources, e.Time, e.Detail)
	}
	h.mu.Unlock()
	lines := strings.Split(b.String(), "\n")
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}
