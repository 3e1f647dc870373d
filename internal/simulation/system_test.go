package simulation

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/app"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/lambda"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

const (
	account      = "123456789012"
	maxInstances = 4
	lifetime     = names.Timeout + names.RelayGrace
	retention    = 30 * time.Minute // of idempotency records
	maxSkew      = 3 * time.Second
)

// tenants are two that must not notice each other. Every change of each is published
// once, to the tenant's own bus, with metadata; the results of beta too.
// Gamma has a token limit.
var tenants = []events.TenantID{"acme", "beta", "gamma"}

const gammaLimit = 60

// schemas are named for their backends.
var schemas = []events.SchemaID{"dynamodb", "s3", "csv"}

func busOf(t events.TenantID) events.BusARN {
	return events.BusARN("arn:aws:events:us-east-1:" + account + ":event-bus/" + string(t))
}

func properties(t events.TenantID) string {
	text := "eventbridge-input=true\neventbridge-output=[{\"eventbridge_arn\":\"" + string(busOf(t)) + "\",\"metadata\":true"
	if t == "beta" {
		return text + ",\"payload\":\"record\"}]\neventbridge-results=" + string(busOf(t)) + "\n"
	}
	if t == "gamma" {
		return text + fmt.Sprintf("}]\ntoken-limit-monthly=%d\n", gammaLimit)
	}
	return text + "}]\n"
}

// A system is everything that one run simulates.
type system struct {
	*world
	data      *database
	objects   *blob.Memory
	files     *blob.Memory
	published []events.Entry

	instances []*instance
	nodes     int
	tasks     int
	secrets   map[events.TenantID]events.Secret
	keys      map[events.TenantID]apikey.ID
	revoked   map[apikey.ID]time.Time
	edited    map[int]bool        // the values of n that people wrote into objects
	copies    map[string][][]byte // of files, that people have
	removed   int                 // objects and rows that people removed
	backends  map[store.Collection]events.Backend
	extra     map[store.Collection]string // properties that were added to schemas
	agenda    []appointment
	migrating int
	migrated  []store.Collection
	onEnd     map[*instance]func(error)

	requests   []*request
	deliveries []*delivery

	resultsMu sync.Mutex
	results   []*invocation // that have ended since the scheduler last looked
	running   map[*invocation]bool
	problems  []string
}

// An instance is one execution environment of the function: it processes one
// invocation at a time.
type instance struct {
	*node
	app     *app.App
	handler *lambda.Handler
	ctx     context.Context
	busy    bool
}

// An invocation is one delivery to an instance, a run of the relay, or an operator's
// command.
type invocation struct {
	name     string
	instance *instance
	delivery *delivery // nil for a relay or an operator
	deadline time.Time
	answer   []byte
	err      error
}

func newSystem(seed uint64, f faults) *system {
	s := &system{
		world:   newWorld(seed, f),
		data:    &database{Driver: memstore.New(&memstore.Options{Clock: ledgerClock}), listed: map[int][]store.IdempotencyKey{}},
		objects: blob.NewMemory(), files: blob.NewMemory(),
		secrets: map[events.TenantID]events.Secret{}, keys: map[events.TenantID]apikey.ID{},
		edited: map[int]bool{}, running: map[*invocation]bool{}, copies: map[string][][]byte{},
		revoked: map[apikey.ID]time.Time{}, extra: map[store.Collection]string{},
		backends: map[store.Collection]events.Backend{}, onEnd: map[*instance]func(error){},
	}
	for _, t := range tenants {
		s.putFile(t, "tenant.properties", properties(t))
		for _, schema := range schemas {
			c := store.Collection{Tenant: t, Schema: schema}
			s.backends[c] = events.Backend(schema)
			s.putSchema(c)
		}
		s.newKey(t)
	}
	return s
}

func (s *system) newKey(t events.TenantID) {
	key, secret, err := apikey.New(t, []apikey.Permission{apikey.BackendCalls}, time.Time{}, time.Now(), rand.Reader)
	s.must(err)
	s.must(s.data.PutKey(background, key))
	s.secrets[t], s.keys[t] = secret, key.ID
}

func (s *system) putSchema(c store.Collection) {
	s.putFile(c.Tenant, string(c.Schema)+".json", fmt.Sprintf(`{"meta":{"backend":%q},"type":"object",
"properties":{"id":{"type":"string"},"n":{"type":"integer"},"text":{"type":"string"}%s}}`, s.backends[c], s.extra[c]))
}

// ledgerClock decides what has expired. In DynamoDB the instance decides that by its own
// clock, so that the record of a request lasts until the instance rejects the request
// as stale.
func ledgerClock() time.Time { return time.Now().Add(-2 * maxSkew) }

func (s *system) putFile(t events.TenantID, name, text string) {
	if _, err := s.files.Put(background, string(t)+"/"+name, []byte(text), nil, blob.Condition{}); err != nil {
		panic(err)
	}
}

// newInstance starts a process with cold caches.
func (s *system) newInstance(kind string) *instance {
	s.nodes++
	ctx, cancel := context.WithCancel(background)
	n := &node{name: fmt.Sprintf("%s%d", kind, s.nodes), cancel: cancel}
	if s.chance(skew, 500) {
		n.skew = s.between(-maxSkew, maxSkew)
	}
	i := &instance{node: n, ctx: ctx}
	i.app = app.New(app.Config{
		Environment: "simulation", Account: account,
		Ledger:      &ledger{s.world, n, s.data},
		Files:       &bucket{s.world, n, s.files},
		Objects:     &bucket{s.world, n, s.objects},
		EventBridge: &eventBridge{s.world, n, &s.published},
		Lifetime:    lifetime, Retention: retention, RelayOwner: n.name,
		Clock:   func() time.Time { return time.Now().Add(n.skew) },
		Catalog: tenant.CatalogOptions{Report: reportNoDiagnostic},

		InactiveSchemas: kind == "operator",
	})
	i.handler = i.app.Handler(io.Discard)
	return i
}

// invoke starts f on an instance, with a time-out.
func (s *system) invoke(i *instance, name string, timeout time.Duration, d *delivery, f func(context.Context) ([]byte, error)) {
	s.tasks++
	task := &invocation{name: fmt.Sprintf("#%d %s", s.tasks, name), instance: i, delivery: d, deadline: time.Now().Add(timeout)}
	i.busy = true
	s.running[task] = true
	s.log("%s starts %s", i.name, task.name)
	ctx, cancel := context.WithDeadline(context.WithValue(i.ctx, taskKey{}, task.name), task.deadline)
	go func() {
		defer cancel()
		task.answer, task.err = f(ctx)
		s.resultsMu.Lock()
		defer s.resultsMu.Unlock()
		s.results = append(s.results, task)
	}()
	synctest.Wait()
}

// collect handles the invocations that have ended, and kills instances that have
// exceeded their time-out or crashed.
func (s *system) collect() {
	s.resultsMu.Lock()
	ended := s.results
	s.results = nil
	s.resultsMu.Unlock()
	slices.SortFunc(ended, func(a, b *invocation) int { return cmp.Compare(a.name, b.name) })
	for _, task := range ended {
		if !s.running[task] {
			continue // its instance has crashed
		}
		delete(s.running, task)
		task.instance.busy = false
		if !task.instance.dead {
			s.ended(task)
		} else if task.delivery != nil {
			s.redeliver(task.delivery) // the answer is lost with the instance
		} else if f := s.onEnd[task.instance]; f != nil {
			f(errGone)
		}
	}
	for _, task := range s.tasksRunning() {
		late := time.Now().After(task.deadline)
		if !late && !task.instance.dead {
			continue
		}
		if !task.instance.dead {
			s.log("%s TIMES OUT", task.name)
			s.kill(task.instance.node)
		}
		delete(s.running, task)
		if task.delivery != nil {
			s.redeliver(task.delivery)
		} else if f := s.onEnd[task.instance]; f != nil {
			f(errGone)
		}
	}
	s.instances = slices.DeleteFunc(s.instances, func(i *instance) bool { return i.dead })
}

func (s *system) tasksRunning() []*invocation {
	list := make([]*invocation, 0, len(s.running))
	for task := range s.running {
		list = append(list, task)
	}
	slices.SortFunc(list, func(a, b *invocation) int { return cmp.Compare(a.name, b.name) })
	return list
}

// idle returns an instance without an invocation, a new one if need be, or nil.
func (s *system) idle() *instance {
	var free []*instance
	for _, i := range s.instances {
		if !i.busy {
			free = append(free, i)
		}
	}
	if len(s.instances) < maxInstances && (len(free) == 0 || s.rng.IntN(10) == 0) {
		i := s.newInstance("instance")
		s.instances = append(s.instances, i)
		return i
	}
	if len(free) == 0 {
		return nil
	}
	return free[s.rng.IntN(len(free))]
}

// relay starts a run of the relay in a process of its own.
func (s *system) relay() {
	i := s.newInstance("relay")
	s.invoke(i, "relay", names.RelayTimeout, nil, func(ctx context.Context) ([]byte, error) {
		_, err := i.app.Relay.Run(ctx, lifetime)
		return nil, err
	})
}

// problem records that an invariant does not hold.
func (s *system) problem(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
	s.log("PROBLEM: "+format, args...)
}

// An answer is what the sender of a request gets.
type answer struct {
	Status  int               `json:"statusCode"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// revision returns the revision in the body; 0 if there is none.
func (a *answer) revision() int64 {
	var body struct {
		Revision int64 `json:"revision"`
	}
	_ = json.Unmarshal([]byte(a.Body), &body)
	return body.Revision
}

func (a *answer) accepted() bool { return a.Status >= 200 && a.Status < 300 }

func (a *answer) String() string {
	return fmt.Sprintf("%d revision %d %s", a.Status, a.revision(), strings.TrimSpace(a.Body))
}

func reportNoDiagnostic(diag.Diagnostic) {}
