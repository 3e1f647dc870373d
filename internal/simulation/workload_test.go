package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// A request is sent by an event or over REST, as often as its sender needs.
type request struct {
	number  int // unique; the member n of the payload
	tenant  events.TenantID
	schema  events.SchemaID
	key     string
	op      events.Operation
	rest    bool
	idem    string // the sender's idempotency key; "" without one
	invalid bool   // the payload breaks its schema
	ifMatch string
	sent    time.Time // of an event, by its sender's clock

	secret  events.Secret // fixed at the first delivery
	keyID   apikey.ID
	first   *answer // the first that its sender got
	unknown bool    // a REST call without an idempotency key whose response was lost
}

// A delivery is one attempt to process a request.
type delivery struct {
	request *request
	due     time.Time
	extra   bool // a duplicate: not repeated after a failure
}

// operations are weighted so that many records exist.
var operations = []events.Operation{events.Post, events.Post, events.Post, events.Put, events.Put, events.Patch, events.Patch, events.Delete}

// plan makes requests for a few records, sent within some minutes.
func (s *system) plan(n int) {
	at := s.began
	for i := range n {
		r := &request{
			number: i + 1,
			tenant: tenants[s.rng.IntN(len(tenants))],
			schema: schemas[s.rng.IntN(len(schemas))],
			key:    string(rune('a' + s.rng.IntN(3))),
			op:     operations[s.rng.IntN(len(operations))],
			rest:   s.rng.IntN(3) == 0,
		}
		r.invalid = s.rng.IntN(20) == 0
		if r.rest && s.rng.IntN(4) == 0 {
			r.op = events.Get
		}
		if s.rng.IntN(3) > 0 && r.op != events.Get {
			r.idem = fmt.Sprintf("request-%d", r.number)
		}
		if r.rest && r.op != events.Post && s.rng.IntN(5) == 0 {
			r.ifMatch = "*"
		}
		r.sent = at
		latest := 3 * time.Minute
		if s.chance(ahead, 500) && !r.rest {
			r.sent = at.Add(s.between(0, 25*time.Minute))
			latest = 50 * time.Minute
		}
		s.requests = append(s.requests, r)
		s.deliveries = append(s.deliveries, &delivery{request: r, due: at})
		for s.chance(duplicates, 250) && (r.idem != "" || !r.rest) {
			s.deliveries = append(s.deliveries, &delivery{request: r, due: at.Add(s.between(0, latest)), extra: true})
		}
		if s.rng.IntN(3) > 0 { // a third of the requests come together with the next
			at = at.Add(s.between(0, 3*time.Second))
		}
	}
}

// planLast makes a request for each file: the next write of a file corrects what people
// changed in an old copy.
func (s *system) planLast() {
	for _, t := range tenants {
		for _, schema := range schemas {
			if s.backends[store.Collection{Tenant: t, Schema: schema}] == events.CSV {
				r := &request{number: len(s.requests) + 1, tenant: t, schema: schema, key: "last", op: events.Post, sent: time.Now()}
				s.requests = append(s.requests, r)
				s.deliveries = append(s.deliveries, &delivery{request: r, due: time.Now()})
			}
		}
	}
}

func (r *request) path() string { return fmt.Sprintf("/%s/%s/%s", r.tenant, r.schema, r.key) }

func (r *request) String() string {
	return fmt.Sprintf("%d %s %s", r.number, r.op, r.path())
}

// payload is unique to the request, and names its tenant.
func (r *request) payload() map[string]any {
	p := map[string]any{"id": r.key}
	if r.op == events.Delete || r.op == events.Get {
		return p
	}
	p["n"] = r.number
	if r.invalid {
		p["n"] = "not a number"
	}
	if r.op != events.Patch {
		p["text"] = string(r.tenant)
	}
	return p
}

// message is the payload of the function.
func (r *request) message(attempt int) []byte {
	if !r.rest {
		detail := map[string]any{
			"tenant": r.tenant, "rootSchema": r.schema, "operation": r.op, "api_key": r.secret.Reveal(), "payload": r.payload(),
		}
		if r.idem != "" {
			detail["idempotency_key"] = r.idem
		}
		return marshal(map[string]any{
			"version": "0", "id": fmt.Sprintf("00000000-0000-4000-8000-%012d", r.number), "source": events.InputSource,
			"detail-type": fmt.Sprintf("%s.%s", r.schema, r.op), "account": account, "region": "us-east-1",
			"time": r.sent.UTC().Format(time.RFC3339), "resources": []string{}, "detail": detail,
		})
	}
	path := fmt.Sprintf("/%s/%s", r.tenant, r.schema)
	if r.op != events.Post {
		path = r.path()
	}
	headers := map[string]string{"x-api-key": r.secret.Reveal(), "content-type": "application/json"}
	if r.idem != "" {
		headers["idempotency-key"] = r.idem
	}
	if r.ifMatch != "" {
		headers["if-match"] = r.ifMatch
	}
	message := map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers,
		"requestContext": map[string]any{
			"requestId": fmt.Sprintf("rest-%d-%d", r.number, attempt), "http": map[string]any{"method": string(r.op), "path": path},
		},
	}
	if r.op != events.Delete && r.op != events.Get {
		message["body"] = string(marshal(r.payload()))
	}
	return marshal(message)
}

func marshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// deliver starts the deliveries that are due, as far as instances are free.
func (s *system) deliver() {
	now := time.Now()
	var due []*delivery
	for _, d := range s.deliveries {
		if !d.due.After(now) {
			due = append(due, d)
		}
	}
	for len(due) > 0 {
		i := s.idle()
		if i == nil {
			return
		}
		at := s.rng.IntN(len(due))
		d := due[at]
		due = slices.Delete(due, at, at+1)
		s.deliveries = slices.DeleteFunc(s.deliveries, func(other *delivery) bool { return other == d })
		if d.request.secret == "" {
			d.request.secret, d.request.keyID = s.secrets[d.request.tenant], s.keys[d.request.tenant]
		}
		message := d.request.message(s.tasks)
		id := fmt.Sprintf("invocation-%d", s.tasks)
		s.invoke(i, d.request.String(), 30*time.Second, d, func(ctx context.Context) ([]byte, error) {
			return i.handler.Invoke(lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: id}), message)
		})
	}
}

// redeliver repeats a delivery that failed: Lambda retries an event, and then an
// operator its dead letter; a sender over REST repeats a call that has an idempotency
// key.
func (s *system) redeliver(d *delivery) {
	if d.extra {
		return
	}
	if d.request.rest && d.request.idem == "" {
		d.request.unknown = true
		return
	}
	s.deliveries = append(s.deliveries, &delivery{request: d.request, due: time.Now().Add(s.between(time.Second, time.Minute))})
}

// ended handles the end of an invocation that did not crash.
func (s *system) ended(task *invocation) {
	d := task.delivery
	if d == nil {
		s.log("%s ends: %v", task.name, task.err)
		if f := s.onEnd[task.instance]; f != nil {
			f(task.err)
		}
		return
	}
	var a answer
	if task.err == nil {
		if err := json.Unmarshal(task.answer, &a); err != nil {
			s.problem("%s: the answer %q is no JSON: %v", task.name, task.answer, err)
			return
		}
	}
	if task.err != nil || a.Status >= 500 {
		s.log("%s fails: %v %d", task.name, task.err, a.Status)
		s.redeliver(d)
		return
	}
	s.log("%s ends: %s", task.name, &a)
	s.answered(d.request, &a)
}

// answered checks that a redelivery gets the first answer.
func (s *system) answered(r *request, a *answer) {
	if strings.Contains(a.Body, "the event is stale") {
		r.unknown = r.unknown || r.first == nil
		return
	}
	if r.first == nil {
		r.first = a
		return
	}
	if r.op == events.Get {
		return
	}
	if a.Status == 401 || r.first.Status == 401 {
		return // the key was revoked in between; see checkEffects
	}
	if r.first.Status != a.Status || r.first.revision() != a.revision() {
		s.problem("request %s got two answers: %s and %s", r, r.first, a)
	}
}
