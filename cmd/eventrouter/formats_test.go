package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/seal"
	"github.com/blockforger/eventrouter/local/eventbridge"
	"github.com/blockforger/eventrouter/store"
)

// formatsV1 holds what a version with format 1 stored; its README.md says how it was made.
const formatsV1 = "../../testdata/formats/v1"

var updateFormats = flag.Bool("update-formats", false, "write testdata/formats/v1 anew: only with the code of format 1")

// formatsTime is when the fixtures were written.
var formatsTime = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const pins = events.TenantID("pins")

// pinnedRequest is one of the 50 requests, and its result in format 1.
type pinnedRequest struct {
	Name    string         `json:"name"`
	Payload jsontext.Value `json:"payload"` // of the function; $KEY is replaced by the API key

	// The idempotency key and what is derived from it.
	Origin      store.Origin     `json:"origin"`
	Value       string           `json:"value"`
	Shard       int              `json:"shard"`
	Fingerprint string           `json:"fingerprint"`
	Key         events.RecordKey `json:"key"`       // of the record; generated where the payload has none
	OutputIDs   []string         `json:"outputIds"` // of the entries
	Redelivered answerV1         `json:"redelivered"`
}

func (r *pinnedRequest) idempotencyKey() store.IdempotencyKey {
	return store.IdempotencyKey{Tenant: pins, Origin: r.Origin, Value: r.Value}
}

// answerV1 is what the function returns for a request.
type answerV1 struct {
	Status  int               `json:"statusCode"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// pinnedData is what the data folder holds.
type pinnedData struct {
	Key         string                             `json:"key"`       // the API key of all requests
	KeyInfos    []admin.KeyInfo                    `json:"keys"`      // without the time of their last use
	Records     map[events.SchemaID][]admin.Record `json:"records"`   // when the folder was closed
	Usage       admin.Usage                        `json:"usage"`     // likewise
	Pending     []string                           `json:"pending"`   // syncBuffer ids of entries that were not published
	Unread      []string                           `json:"unread"`    // record keys of input events that no function has had
	DeadLetters int                                `json:"letters"`   // undeliverable events
	Archived    int                                `json:"archived"`  // events in the archive
	Messages    int                                `json:"messages"`  // in the queue
	Delivered   int                                `json:"delivered"` // events that the test function had logged
}

// pinnedRequests are the 50: events and calls of the REST API, on all three
// backends, with and without a key of their own, and some that are rejected.
func pinnedRequests() (all []pinnedRequest) {
	event := func(name, schema, op, payload, extra string) {
		id := fmt.Sprintf("00000000-0000-4000-8000-%012d", len(all)+1)
		origin, value := store.OriginEventID, id
		if strings.Contains(extra, "idempotency_key") {
			origin, value = store.OriginEventKey, "pin-"+name
		}
		all = append(all, pinnedRequest{Name: name, Origin: origin, Value: value, Payload: jsontext.Value(fmt.Sprintf(
			`{"version":"0","id":%q,"detail-type":"%s.%s","source":"blockforger-input","account":"000000000000","time":%q,"region":"us-east-1","resources":[],`+
				`"detail":{"tenant":"pins","rootSchema":%q,"operation":%q,"api_key":"$KEY","payload":%s%s}}`,
			id, schema, op, formatsTime.Format(time.RFC3339), schema, op, payload, strings.ReplaceAll(extra, "$NAME", name)))})
	}
	rest := func(name, method, path, body string, headers map[string]string) {
		origin, value := store.OriginRESTKey, "pin-"+name
		if _, once := headers["once"]; once {
			origin, value = store.OriginRESTOnce, "request-"+name
		} else {
			headers["idempotency-key"] = value
		}
		delete(headers, "once")
		headers["x-api-key"], headers["content-type"] = "$KEY", "application/json"
		payload, _ := json.Marshal(functionURLRequest{Version: "2.0", RawPath: "/api/pins/" + path, Headers: headers,
			RequestContext: functionURLContext{RequestID: "request-" + name, Stage: restStage, DomainName: "local.lambda-url.local",
				HTTP: functionURLGet{Method: method, Path: "/api/pins/" + path}},
			Body: base64.StdEncoding.EncodeToString([]byte(body)), IsBase64Encoded: true}, json.Deterministic(true))
		all = append(all, pinnedRequest{Name: name, Origin: origin, Value: value, Payload: payload})
	}
	const sender = `,"idempotency_key":"pin-$NAME"`
	const metadata = `,"metadata":{"correlation_id":"pin-correlation","hops":2}`
	for i := range 6 {
		event(fmt.Sprintf("order-generated-%d", i), "orders", "POST", fmt.Sprintf(`{"customer":"c%d","total":%d.50}`, i, i), "")
	}
	event("order-a", "orders", "POST", `{"id":"a","customer":"ann","total":12345678901234567890.10}`, sender)
	event("order-b", "orders", "POST", `{"total":1,"customer":"bob","id":"b/ä %"}`, sender+metadata)
	event("order-c", "orders", "POST", `{"id":"c","customer":"eve","lines":[{"n":1},{"n":[null,true,-0.0,1e3]}]}`, "")
	event("order-a-patch", "orders", "PATCH", `{"id":"a","total":7}`, sender)
	event("order-a-put", "orders", "PUT", `{"id":"a","customer":"ann lee","total":8}`, "")
	event("order-c-delete", "orders", "DELETE", `{"id":"c"}`, "")
	event("order-c-gone", "orders", "PUT", `{"id":"c","customer":"eve"}`, sender)
	event("order-c-again", "orders", "POST", `{"id":"c","customer":"eve"}`, sender)
	event("order-missing-patch", "orders", "PATCH", `{"id":"nowhere","total":7}`, sender)
	event("order-exists", "orders", "POST", `{"id":"a","customer":"ann"}`, sender)
	event("order-bad-patch", "orders", "PATCH", `{"id":"a","total":"seven"}`, sender)
	for i := range 6 {
		event(fmt.Sprintf("note-%d", i), "notes", "POST", fmt.Sprintf(`{"number":%d,"text":"note %d","tags":["x","y"]}`, i, i), "")
	}
	event("note-1-patch", "notes", "PATCH", `{"number":1,"tags":null}`, sender)
	event("note-2-put", "notes", "PUT", `{"number":2,"text":"zwei","extra":{"b":1,"a":2}}`, sender)
	event("note-3-delete", "notes", "DELETE", `{"number":3}`, sender)
	for i := range 4 {
		event(fmt.Sprintf("item-generated-%d", i), "items", "POST", fmt.Sprintf(`{"name":"item, \"%d\"","amount":%d.25}`, i, i), sender)
	}
	event("item-a", "items", "POST", `{"id":"a","name":"a\nb","note":null,"parts":{"x":1}}`, "")
	event("item-b", "items", "POST", `{"id":"b","name":"=1+1","amount":-0.5}`, "")
	event("item-c", "items", "POST", `{"id":"c","name":"","more":[1,2,3]}`, "")
	event("item-a-patch", "items", "PATCH", `{"id":"a","name":"A","parts":null}`, sender)
	event("item-b-put", "items", "PUT", `{"id":"b","name":"B"}`, sender)
	event("item-c-delete", "items", "DELETE", `{"id":"c"}`, sender)
	for i := range 3 {
		rest(fmt.Sprintf("rest-generated-%d", i), "POST", "orders", fmt.Sprintf(`{"customer":"r%d"}`, i), map[string]string{})
	}
	rest("rest-once", "POST", "orders", `{"customer":"once"}`, map[string]string{"once": ""})
	rest("rest-post", "POST", "orders", `{"id":"rest/1","customer":"r"}`, map[string]string{})
	rest("rest-patch", "PATCH", "orders/rest%2F1", `{"total":1}`, map[string]string{"if-match": "*"})
	rest("rest-stale", "PUT", "orders/rest%2F1", `{"customer":"s"}`, map[string]string{"if-match": `"0123", "4567"`})
	rest("rest-other", "PUT", "orders/rest%2F2", `{"customer":"s"}`, map[string]string{"if-none-match": `"0123"`})
	rest("rest-note", "POST", "notes", `{"number":77,"text":"by REST"}`, map[string]string{})
	rest("rest-note-patch", "PATCH", "notes/77", `{"text":"patched"}`, map[string]string{})
	rest("rest-note-delete", "DELETE", "notes/77", ``, map[string]string{})
	rest("rest-item", "POST", "items", `{"id":"rest","name":"by REST","amount":1}`, map[string]string{})
	rest("rest-item-delete", "DELETE", "items/rest", ``, map[string]string{})
	rest("rest-again", "PUT", "orders/rest%2F1", `{"customer":"again"}`, map[string]string{})
	return all
}

// openPinned opens a server over a data folder whose clock begins at the time given.
func openPinned(t *testing.T, data string, begin time.Time) *server {
	t.Helper()
	side := (&awsFlags{}).options(slog.New(slog.DiscardHandler))
	started := time.Now()
	side.Now = func() time.Time { return begin.Add(time.Since(started)) }
	side.RetryDelays = []time.Duration{time.Millisecond, time.Millisecond}
	srv, err := openServer("127.0.0.1:0", data, filepath.Join(formatsV1, "schemas"), side)
	if err != nil {
		t.Fatal(err)
	}
	return srv
}

// runPinned runs the server; the returned function stops it, and leaves it open.
func runPinned(t *testing.T, srv *server) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// deliver has the function carry out a request.
func (r *pinnedRequest) deliver(t *testing.T, srv *server, key string) (a answerV1) {
	t.Helper()
	payload := bytes.ReplaceAll(r.Payload, []byte("$KEY"), []byte(key))
	out, failed, err := srv.local.Functions.Invoke(t.Context(), function, "request-"+r.Name, payload)
	if err != nil || failed {
		t.Fatalf("%s: %v %s", r.Name, err, out)
	}
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("%s: %v", r.Name, err)
	}
	// Bodies have ended with a newline since the pinned ones were recorded.
	a.Body = strings.TrimSuffix(a.Body, "\n")
	return a
}

// derive sets what the stored idempotency record holds of a request.
func (r *pinnedRequest) derive(t *testing.T, srv *server) {
	t.Helper()
	m, err := srv.app.Store.IdempotencyRecord(t.Context(), r.idempotencyKey())
	if err != nil {
		t.Fatalf("%s: %v", r.Name, err)
	}
	r.Shard, r.Fingerprint, r.Key = m.Key.Shard(), hex.EncodeToString(m.Fingerprint[:]), m.Result.Ref.Key
	r.OutputIDs = []string{}
	for i := range m.Outputs.Entries {
		r.OutputIDs = append(r.OutputIDs, m.OutputID(i))
	}
}

// records lists all records of the three schemas.
func pinnedRecords(t *testing.T, srv *server) map[events.SchemaID][]admin.Record {
	t.Helper()
	all := map[events.SchemaID][]admin.Record{}
	for _, schema := range []events.SchemaID{"orders", "notes", "items"} {
		page, err := srv.admin.ListRecords(t.Context(), admin.RecordQuery{Tenant: pins, Schema: schema, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		all[schema] = page.Records
	}
	return all
}

func pinnedUsage(t *testing.T, srv *server) admin.Usage {
	t.Helper()
	u, err := srv.admin.Usage(t.Context(), pins, store.Month(formatsTime))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func pinnedKeys(t *testing.T, srv *server) []admin.KeyInfo {
	t.Helper()
	keys, err := srv.admin.ListKeys(t.Context(), pins)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// pendingEntries lists the output ids of entries that are still to be published.
func pendingEntries(t *testing.T, srv *server) (ids []string) {
	t.Helper()
	for q := (admin.EntryQuery{State: string(store.EntryPending)}); ; {
		page, err := srv.admin.ListEntries(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			ids = append(ids, e.OutputID)
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			slices.Sort(ids)
			return ids
		}
	}
}

// aws calls the AWS side of the server, whether or not it listens.
func (s *server) aws(t *testing.T, target, body string, out any) {
	t.Helper()
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	req.Header.Set("X-Amz-Target", target)
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	if strings.HasPrefix(target, "AmazonSQS") {
		req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	}
	resp := httptest.NewRecorder()
	s.local.Handler().ServeHTTP(resp, req)
	if resp.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", target, resp.Code, resp.Body)
	}
	if out != nil {
		if err := json.Unmarshal(resp.Body.Bytes(), out); err != nil {
			t.Fatalf("%s: %v", target, err)
		}
	}
}

func (s *server) archived(t *testing.T) int {
	var out struct{ EventCount int }
	s.aws(t, "AWSEvents.DescribeArchive", `{"ArchiveName":"pins"}`, &out)
	return out.EventCount
}

// queued counts the messages of the queue.
func (s *server) queued(t *testing.T) (n int) {
	var out struct{ Attributes map[string]string }
	s.aws(t, "AmazonSQS.GetQueueAttributes", `{"QueueUrl":"`+s.url+`/000000000000/pins","AttributeNames":["All"]}`, &out)
	_, _ = fmt.Sscan(out.Attributes["ApproximateNumberOfMessages"], &n)
	return n
}

// delivered counts the events that the test function has logged.
func (s *server) delivered(t *testing.T) (n int) {
	for from := int64(0); ; {
		page, err := s.admin.Logs(t.Context(), testFunction, from, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range page.Lines {
			if strings.Contains(l.Text, `"detail-type"`) {
				n++
			}
		}
		if len(page.Lines) == 0 {
			return n
		}
		from = page.Next
	}
}

func (s *server) letters(t *testing.T) []admin.DeadLetter {
	letters, err := s.admin.DeadLetters(t.Context(), admin.LetterQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return letters
}

func readFixture(t *testing.T, name string, v any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(formatsV1, name))
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func writeFixture(t *testing.T, name string, v any) {
	t.Helper()
	text, err := json.Marshal(v, json.Deterministic(true), jsontext.WithIndent("  "))
	if err == nil {
		err = os.WriteFile(filepath.Join(formatsV1, name), append(text, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// inputEvent is an entry of PutEvents for the schema orders.
func pinnedEntry(id, key string) eventbridge.PutEventsRequestEntry {
	return eventbridge.PutEventsRequestEntry{Source: "blockforger-input", DetailType: "orders.POST", Detail: fmt.Sprintf(
		`{"tenant":"pins","rootSchema":"orders","operation":"POST","api_key":%q,"payload":{"id":%q,"customer":"late"}}`, key, id)}
}

// TestWriteFormats writes the data folder and the 50 requests.
func TestWriteFormats(t *testing.T) {
	if !*updateFormats {
		t.Skip("only with -update-formats, and only with the code of format 1")
	}
	data := t.TempDir()
	srv := openPinned(t, data, formatsTime)
	created, err := srv.admin.CreateKey(t.Context(), admin.NewKey{Tenant: pins, Permissions: []apikey.Permission{apikey.BackendCalls}})
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := srv.admin.CreateKey(t.Context(), admin.NewKey{Tenant: pins, Permissions: []apikey.Permission{apikey.BackendCalls}, Expires: formatsTime.AddDate(10, 0, 0)})
	if err == nil {
		_, err = srv.admin.RevokeKey(t.Context(), revoked.KeyID)
	}
	if err != nil {
		t.Fatal(err)
	}
	srv.aws(t, "AWSEvents.CreateArchive", `{"ArchiveName":"pins","EventSourceArn":"arn:aws:events:us-east-1:000000000000:event-bus/default"}`, nil)
	srv.aws(t, "AmazonSQS.CreateQueue", `{"QueueName":"pins","Attributes":{"MessageRetentionPeriod":"1209600"}}`, nil)
	srv.aws(t, "AWSEvents.PutRule", `{"Name":"pins-queue","EventPattern":"{\"detail-type\":[\"notes.audit\"]}"}`, nil)
	srv.aws(t, "AWSEvents.PutTargets", `{"Rule":"pins-queue","Targets":[{"Id":"queue","Arn":"arn:aws:sqs:us-east-1:000000000000:pins"}]}`, nil)
	srv.aws(t, "AWSEvents.PutRule", `{"Name":"pins-nobody","EventPattern":"{\"detail-type\":[\"items.audit\"]}"}`, nil)
	srv.aws(t, "AWSEvents.PutTargets", `{"Rule":"pins-nobody","Targets":[{"Id":"nobody","Arn":"arn:aws:lambda:us-east-1:000000000000:function:pins-nobody"}]}`, nil)

	stop := runPinned(t, srv)
	requests := pinnedRequests()
	for i := range requests {
		requests[i].deliver(t, srv, created.Key)
	}
	for i := range requests {
		requests[i].Redelivered = requests[i].deliver(t, srv, created.Key)
		requests[i].derive(t, srv)
	}
	eventually(t, "all is published and delivered", func() bool {
		due, waiting := srv.local.Pending()
		return due+waiting == 0 && len(pendingEntries(t, srv)) == 0 && len(srv.letters(t)) > 0
	})
	stop()

	// Nothing listens any longer: what is committed now cannot be published.
	want := pinnedData{Key: created.Key}
	for _, id := range []string{"pending-1", "pending-2"} {
		r := pinnedRequest{Name: id, Payload: jsontext.Value(fmt.Sprintf(`{"version":"0","id":%q,"detail-type":"orders.POST","source":"blockforger-input",`+
			`"account":"000000000000","time":%q,"region":"us-east-1","resources":[],"detail":{"tenant":"pins","rootSchema":"orders","api_key":"$KEY","payload":{"id":%q,"customer":"p"}}}`,
			id, formatsTime.Format(time.RFC3339), id))}
		r.deliver(t, srv, created.Key)
	}
	for _, id := range []string{"unread-1", "unread-2", "unread-3"} {
		if _, err := srv.local.EventBridge.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []eventbridge.PutEventsRequestEntry{pinnedEntry(id, created.Key)}}); err != nil {
			t.Fatal(err)
		}
		want.Unread = append(want.Unread, id)
	}
	want.KeyInfos, want.Records, want.Usage = pinnedKeys(t, srv), pinnedRecords(t, srv), pinnedUsage(t, srv)
	want.Pending, want.DeadLetters, want.Archived = pendingEntries(t, srv), len(srv.letters(t)), srv.archived(t)
	want.Messages, want.Delivered = srv.queued(t), srv.delivered(t)
	if err := srv.close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(formatsV1, "data")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(formatsV1, "data"), os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	writeFixture(t, "requests.json", requests)
	writeFixture(t, "data.json", want)
}

// pinnedCopy copies the data folder to where it may be changed. A checkout does
// not keep the mode of key files.
func pinnedCopy(t *testing.T) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(data, os.DirFS(filepath.Join(formatsV1, "data"))); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == seal.FileName {
			err = os.Chmod(path, 0o600)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// same compares two values as JSON.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	g, gErr := json.Marshal(got, json.Deterministic(true))
	w, wErr := json.Marshal(want, json.Deterministic(true))
	if err := errors.Join(gErr, wErr); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(g, w) {
		t.Errorf("%s:\ngot  %s\nwant %s", what, g, w)
	}
}

// TestFormatV1DataFolder opens a data folder of format 1: what it holds can be
// read, a redelivery returns the stored result and has no effect, and what was
// left to be done is done.
func TestFormatV1DataFolder(t *testing.T) {
	t.Parallel()
	var want pinnedData
	var requests []pinnedRequest
	readFixture(t, "data.json", &want)
	readFixture(t, "requests.json", &requests)
	srv := openPinned(t, pinnedCopy(t), formatsTime.Add(10*time.Minute))
	defer func() {
		if err := srv.close(); err != nil {
			t.Error(err)
		}
	}()
	unchanged := func(when string) {
		t.Helper()
		same(t, "records "+when, pinnedRecords(t, srv), want.Records)
		same(t, "usage "+when, pinnedUsage(t, srv), want.Usage)
		same(t, "pending entries "+when, pendingEntries(t, srv), want.Pending)
	}
	unchanged("at first")
	same(t, "keys", pinnedKeys(t, srv), want.KeyInfos)
	same(t, "dead letters", len(srv.letters(t)), want.DeadLetters)
	same(t, "archived events", srv.archived(t), want.Archived)
	same(t, "messages", srv.queued(t), want.Messages)
	same(t, "events in the log", srv.delivered(t), want.Delivered)
	if due, _ := srv.local.Pending(); due < len(want.Unread) {
		t.Errorf("%d deliveries are due, want %d at least", due, len(want.Unread))
	}
	if len(want.Pending) == 0 || want.DeadLetters == 0 || want.Messages == 0 || len(requests) != 50 {
		t.Fatalf("the fixture lacks something: %d pending, %d dead letters, %d messages, %d requests", len(want.Pending), want.DeadLetters, want.Messages, len(requests))
	}
	for i := range requests {
		same(t, requests[i].Name+", redelivered", requests[i].deliver(t, srv, want.Key), requests[i].Redelivered)
	}
	unchanged("after redeliveries")
	if t.Failed() {
		return
	}

	stop := runPinned(t, srv)
	defer stop()
	records := map[events.RecordKey]bool{}
	eventually(t, "what was left is done", func() bool {
		for _, r := range pinnedRecords(t, srv)["orders"] {
			records[r.Key] = true
		}
		due, waiting := srv.local.Pending()
		return due+waiting == 0 && len(pendingEntries(t, srv)) == 0 && records["unread-1"] && records["unread-2"] && records["unread-3"]
	})
	const billed = 10 // tokens for one request
	same(t, "usage", pinnedUsage(t, srv).Tokens, want.Usage.Tokens+int64(billed*len(want.Unread)))
	var got struct{ Messages []jsontext.Value }
	srv.aws(t, "AmazonSQS.ReceiveMessage", `{"QueueUrl":"`+srv.url+`/000000000000/pins","MaxNumberOfMessages":10}`, &got)
	if len(got.Messages) == 0 {
		t.Error("the queue has no message to receive")
	}

	// The dead letters reach a function that is there now.
	letters := srv.letters(t)
	reached := make(chan []byte, 2*len(letters))
	srv.local.Functions.Register("pins-nobody", func(_ context.Context, payload []byte, _ io.Writer) ([]byte, error) {
		reached <- payload
		return nil, nil
	})
	ids := make([]string, len(letters))
	for i, l := range letters {
		ids[i] = l.ID
	}
	if _, err := srv.admin.RetryDeadLetters(t.Context(), admin.LetterQuery{IDs: ids}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "dead letters are delivered", func() bool { return len(reached) == len(letters) && len(srv.letters(t)) == 0 })

	// A replay of the archive has no second effect.
	before, tokens := pinnedRecords(t, srv), pinnedUsage(t, srv).Tokens
	srv.aws(t, "AWSEvents.StartReplay", fmt.Sprintf(`{"ReplayName":"pins","EventSourceArn":"arn:aws:events:us-east-1:000000000000:archive/pins",`+
		`"EventStartTime":%d,"EventEndTime":%d,"Destination":{"Arn":"arn:aws:events:us-east-1:000000000000:event-bus/default"}}`,
		formatsTime.Add(-time.Hour).Unix(), formatsTime.Add(time.Hour).Unix()), nil)
	eventually(t, "the replay ends", func() bool {
		var replay struct{ State string }
		srv.aws(t, "AWSEvents.DescribeReplay", `{"ReplayName":"pins"}`, &replay)
		due, waiting := srv.local.Pending()
		return replay.State == "COMPLETED" && due+waiting == 0
	})
	same(t, "records after the replay", pinnedRecords(t, srv), before)
	same(t, "tokens after the replay", pinnedUsage(t, srv).Tokens, tokens)
}

// TestFormatV1Requests delivers the 50 requests to a new server: fingerprints,
// generated keys, output ids and shards are what they were.
func TestFormatV1Requests(t *testing.T) {
	t.Parallel()
	var want []pinnedRequest
	readFixture(t, "requests.json", &want)
	srv := openPinned(t, t.TempDir(), formatsTime)
	defer func() {
		if err := srv.close(); err != nil {
			t.Error(err)
		}
	}()
	stop := runPinned(t, srv)
	defer stop()
	key, err := srv.admin.CreateKey(t.Context(), admin.NewKey{Tenant: pins, Permissions: []apikey.Permission{apikey.BackendCalls}})
	if err != nil {
		t.Fatal(err)
	}
	made := pinnedRequests()
	for i := range want {
		got := want[i]
		got.deliver(t, srv, key.Key)
		got.derive(t, srv)
		same(t, got.Name, got, want[i])
		same(t, got.Name+" in this file and in the fixture", made[i].Payload, want[i].Payload)
	}
}
