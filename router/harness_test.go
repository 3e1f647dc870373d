package router_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// A house is a router with everything below it in memory.
type house struct {
	t      testing.TB
	clock  *clock
	files  *blob.Memory
	ledger interface {
		store.Driver
		apikey.Store
	}
	store   *projection.Store
	sender  *sender
	router  *router.Router
	relay   *outbox.Relay
	keys    map[events.TenantID]string
	nextID  int
	failing func(op string) error // fails an I/O of the ledger in memory
	catchUp func()                // updates the index of the ledger; nil if it does not lag
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// sender keeps what was published; answer, where set, decides on each entry.
type sender struct {
	mu     sync.Mutex
	sent   []events.Entry
	answer func(e events.Entry) (bus.Result, error)
}

func (s *sender) Send(_ context.Context, _ string, entries []events.Entry) ([]bus.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	results := make([]bus.Result, len(entries))
	for i, e := range entries {
		if s.answer != nil {
			result, err := s.answer(e)
			if err != nil {
				return nil, err
			}
			if results[i] = result; result.Code != "" {
				continue
			}
		}
		s.sent = append(s.sent, e)
	}
	return results, nil
}

func (s *sender) take() []events.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

const petSchema = `{"type":"object","properties":{"id":{"type":"string"},"name":{"type":"string"},"age":{"type":"number"},
	"status":{"enum":["available","pending","sold"]},"tags":{"type":"object"}},"required":["name"],"additionalProperties":false}`

// newHouse serves the tenants acme and rival, each with a schema pet whose
// changes are published to the default bus.
func newHouse(t testing.TB) *house {
	h := &house{t: t, clock: &clock{now: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)}, files: blob.NewMemory(),
		sender: &sender{}, keys: map[events.TenantID]string{}}
	if strings.HasPrefix(t.Name(), laggingIndex) {
		h.useLaggingIndex()
	} else {
		h.ledger = memstore.New(&memstore.Options{Clock: h.clock.Now, Fault: func(op string) error {
			if h.failing != nil {
				return h.failing(op)
			}
			return nil
		}})
	}
	h.store = projection.New(store.New(h.ledger, &store.Options{Clock: h.clock.Now}), nil)
	for _, id := range []events.TenantID{"acme", "rival"} {
		h.file(string(id)+"/tenant.properties", "eventbridge-input=true\neventbridge-output=[{}]\n")
		h.file(string(id)+"/pet.json", petSchema)
		key, secret, err := apikey.New(id, []apikey.Permission{apikey.BackendCalls}, time.Time{}, h.clock.Now(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.ledger.PutKey(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		h.keys[id] = secret.Reveal()
	}
	h.wire()
	return h
}

// wire makes router and relay over the store.
func (h *house) wire() {
	publisher := outbox.NewPublisher(h.store, bus.NewPublisher(h.sender), &outbox.Options{Clock: h.clock.Now})
	h.router = router.New(tenant.NewCatalog(h.files, &tenant.CatalogOptions{Clock: h.clock.Now, Report: func(diag.Diagnostic) {}}),
		apikey.NewAuthenticator(h.ledger, &apikey.AuthenticatorOptions{Clock: h.clock.Now}), h.store, publisher, &router.Options{Clock: h.clock.Now})
	h.relay = outbox.NewRelay(publisher, "relay")
}

func (h *house) file(name, text string) {
	h.t.Helper()
	if _, err := h.files.Put(h.t.Context(), name, []byte(text), nil, blob.Condition{}); err != nil {
		h.t.Fatal(err)
	}
}

// settings replaces a tenant's properties and waits until they are in force.
func (h *house) settings(id, text string) {
	h.file(id+"/tenant.properties", text)
	h.clock.advance(31 * time.Second)
}

// A put is one event to send; empty fields are those of a good event of acme.
type put struct {
	id, tenant, schema, operation, key, payload string
	idempotency, time, source                   string
	extra                                       string // more members of detail, such as `,"x":1`
}

func (h *house) event(p put) *events.Envelope {
	h.t.Helper()
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&p.tenant, "acme")
	def(&p.schema, "pet")
	def(&p.operation, "POST")
	def(&p.payload, `{"name":"Rex"}`)
	def(&p.source, events.InputSource)
	def(&p.time, h.clock.Now().Format(time.RFC3339))
	if p.id == "" {
		h.nextID++
		p.id = fmt.Sprintf("event-%d", h.nextID)
	}
	def(&p.key, h.keys[events.TenantID(p.tenant)])
	if p.idempotency != "" {
		p.extra += fmt.Sprintf(`,"idempotency_key":%q`, p.idempotency)
	}
	text := fmt.Sprintf(`{"version":"0","id":%q,"source":%q,"detail-type":"%s.%s","account":"1","time":%q,"region":"us-east-1","resources":[],
		"detail":{"tenant":%q,"rootSchema":%q,"operation":%q,"api_key":%q,"payload":%s%s}}`,
		p.id, p.source, p.schema, p.operation, p.time, p.tenant, p.schema, p.operation, p.key, p.payload, p.extra)
	e, err := events.DecodeEnvelope([]byte(text))
	if err != nil {
		h.t.Fatalf("%v in %s", err, text)
	}
	return &e
}

// send hands an event to the router.
func (h *house) send(p put) (store.Result, *router.Report, error) {
	h.t.Helper()
	return h.router.Event(h.t.Context(), h.event(p), "")
}

// must is send for an event that must be carried out.
func (h *house) must(p put) store.Result {
	h.t.Helper()
	r, report, err := h.send(p)
	if err != nil {
		h.t.Fatalf("%s: %v", report.Outcome, err)
	}
	return r
}

func (h *house) head(tenantID, key string) (store.Record, error) {
	return h.store.Get(h.t.Context(), store.Ref{Collection: store.Collection{Tenant: events.TenantID(tenantID), Schema: "pet"}, Key: events.RecordKey(key)})
}

func (h *house) data(key string) string {
	h.t.Helper()
	head, err := h.head("acme", key)
	if err != nil {
		h.t.Fatal(err)
	}
	if head.Deleted {
		return "deleted"
	}
	return string(head.Data)
}

func (h *house) tokens(tenantID string) int64 {
	h.t.Helper()
	if h.catchUp != nil {
		h.catchUp()
	}
	u, err := h.store.Usage(h.t.Context(), events.TenantID(tenantID), store.Month(h.clock.Now()))
	if err != nil {
		h.t.Fatal(err)
	}
	return u.Tokens()
}

// published takes the entries that were sent, as "detail-type payload".
func (h *house) published() string {
	h.t.Helper()
	var lines []string
	for _, e := range h.sender.take() {
		var d struct {
			Payload map[string]any `json:"payload"`
		}
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			h.t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %s %v", e.Source, e.DetailType, d.Payload["id"]))
	}
	return strings.Join(lines, "\n")
}

var errDown = errors.New("the database is down")
