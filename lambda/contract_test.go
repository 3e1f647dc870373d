package lambda_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
)

// sampleTenants returns the files of the sample tenants in the repository.
func sampleTenants(t testing.TB) map[string]string {
	t.Helper()
	files := map[string]string{}
	tree := os.DirFS("../schemas")
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Count(path, "/") != 1 {
			return err
		}
		data, err := fs.ReadFile(tree, path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// served returns a tenant's OpenAPI document, as an independent validator reads
// it.
func served(t testing.TB, h *restFixture, id string) *openapi3.T {
	t.Helper()
	a := h.do("GET", "/"+id+"/openapi.json", "", h.as(id))
	if a.StatusCode != 200 {
		t.Fatalf("%+v", a)
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(a.Body))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestExamplesOfTheDocumentRoundTrip sends each example of each tenant's document
// and reads it back.
func TestExamplesOfTheDocumentRoundTrip(t *testing.T) {
	h := newRESTFixture(t, sampleTenants(t))
	for id := range h.keys {
		sent := 0
		for path, item := range served(t, h, id).Paths.Map() {
			if item.Post == nil {
				continue
			}
			for _, example := range item.Post.RequestBody.Value.Content["application/json"].Examples {
				body := quoted(example.Value.Value)
				made := h.do("POST", path, body, h.as(id), jsonBody)
				read := h.do("GET", made.Headers["location"], "", h.as(id))
				want, got := jsontext.Value(body), jsontext.Value(read.Body)
				_, _ = want.Canonicalize(), got.Canonicalize()
				if made.StatusCode != 201 || read.StatusCode != 200 || string(got) != string(want) {
					t.Errorf("%s: sent %s: %d, read %d %s", path, want, made.StatusCode, read.StatusCode, got)
				}
				sent++
			}
		}
		if sent == 0 {
			t.Errorf("%s: no examples", id)
		}
	}
}

// TestContract sends random requests, valid and invalid, drawn from each tenant's
// document and checks every response: the document declares its status, headers
// and body, it is not a 5xx, and a body that the document allows is rejected only
// because of the record's state.
func TestContract(t *testing.T) {
	requests := 800
	if os.Getenv(soak) != "" {
		requests = 100_000
	}
	files := sampleTenants(t)
	files["mixed/tenant.properties"] = "eventbridge-output=[{}]\n"
	files["mixed/item.json"] = `{"meta":{"key":"sku"},"type":"object","required":["sku","kind"],"additionalProperties":false,
		"properties":{"sku":{"type":"integer"},"kind":{"enum":["a","b"]},"size":{"type":["number","null"],"minimum":0},
		"tags":{"type":"array","items":{"type":"string","maxLength":5},"maxItems":3},"in":{"$ref":"#/$defs/box"},"on":{"type":"string","format":"date"}},
		"$defs":{"box":{"type":"object","required":["w"],"properties":{"w":{"type":"integer","minimum":1},"in":{"$ref":"#/$defs/box"}}}}}`
	h := newRESTFixture(t, files)
	for id := range h.keys {
		t.Run(id, func(t *testing.T) {
			f := newContractFuzzer(t, h, id, rand.New(rand.NewPCG(1, uint64(len(id)))))
			for range requests {
				f.one()
			}
			for _, want := range []int{200, 201, 204, 400, 401, 404, 409, 412, 415} {
				if f.statuses[want] == 0 {
					t.Errorf("no response had status %d: %v", want, f.statuses)
				}
			}
		})
	}
}

// soak is the environment variable that makes tests run for longer.
const soak = "SOAK"

type contractFuzzer struct {
	t        *testing.T
	h        *restFixture
	tenant   string
	doc      *openapi3.T
	paths    []string
	rand     *rand.Rand
	etags    []string
	statuses map[int]int
}

func newContractFuzzer(t *testing.T, h *restFixture, id string, r *rand.Rand) *contractFuzzer {
	f := &contractFuzzer{t: t, h: h, tenant: id, doc: served(t, h, id), rand: r, statuses: map[int]int{}, etags: []string{`"00"`}}
	for path := range f.doc.Paths.Map() {
		f.paths = append(f.paths, path)
	}
	slices.Sort(f.paths)
	return f
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// one sends a random request and checks the response.
func (f *contractFuzzer) one() {
	template := pick(f.rand, f.paths...)
	item := f.doc.Paths.Find(template)
	operations := item.Operations()
	methods := make([]string, 0, len(operations))
	for m := range operations {
		methods = append(methods, m)
	}
	slices.Sort(methods)
	method := pick(f.rand, methods...)
	operation := operations[method]

	params, path := map[string]string{}, template
	if strings.Contains(template, "{key}") {
		key := fmt.Sprint(f.rand.IntN(8))
		if f.rand.IntN(10) == 0 {
			key = pick(f.rand, "x y", "ü/ö", "..", "%2F", "-0", "1e3", strings.Repeat("9", 300))
		}
		params["key"] = key
		path = strings.Replace(path, "{key}", events.RecordKey(key).Escape(), 1)
	}
	query := url.Values{}
	header := http.Header{"X-Api-Key": {f.h.keys[f.tenant]}}
	if f.rand.IntN(50) == 0 {
		header.Set("X-Api-Key", pick(f.rand, "", "nonsense", f.h.keys["evented"]+"x"))
	}
	for _, p := range append(slices.Clone(operation.Parameters), item.Parameters...) {
		f.parameter(p.Value, query, header)
	}
	var body []byte
	if operation.RequestBody != nil {
		content := operation.RequestBody.Value.Content
		kind := "application/json"
		if method == http.MethodPatch && f.rand.IntN(2) == 0 {
			kind = "application/merge-patch+json"
		}
		body = []byte(quoted(f.document(content[kind].Schema, method)))
		if f.rand.IntN(30) == 0 {
			body = body[:f.rand.IntN(len(body))]
		}
		header.Set("Content-Type", kind)
		if f.rand.IntN(40) == 0 {
			header.Set("Content-Type", "text/plain")
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	f.send(template, item, operation, method, path, params, header, body)
}

func (f *contractFuzzer) parameter(p *openapi3.Parameter, query url.Values, header http.Header) {
	if f.rand.IntN(4) != 0 {
		return
	}
	switch p.Name {
	case "limit":
		query.Set("limit", pick(f.rand, "1", "2", "1000", "0", "-5", "x", "1001"))
	case "cursor":
		query.Set("cursor", pick(f.rand, "AAAA", "x y", "s7LiyONIYgxhL2I"))
	case "month":
		query.Set("month", pick(f.rand, "2026-11", "1999-01", "2026-13", "now"))
	case "Idempotency-Key":
		header.Set(p.Name, fmt.Sprintf("k%d", f.rand.IntN(200)))
	case "If-Match", "If-None-Match":
		header.Set(p.Name, pick(f.rand, "*", pick(f.rand, f.etags...), "W/"+pick(f.rand, f.etags...), pick(f.rand, f.etags...)+", "+pick(f.rand, f.etags...), "junk"))
	}
}

// document returns a random body of a schema, often made invalid.
func (f *contractFuzzer) document(ref *openapi3.SchemaRef, method string) any {
	v := f.value(ref, 0)
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	if method == http.MethodPatch {
		for _, schema := range f.doc.Components.Schemas {
			if name := pick(f.rand, "name", "string", "status", "size"); schema.Value.Properties[name] != nil && len(object) == 0 {
				object[name] = pick[any](f.rand, f.value(schema.Value.Properties[name], 1), nil)
			}
		}
	}
	if f.rand.IntN(4) == 0 {
		names := append([]string{"extra"}, keysOf(object)...)
		object[pick(f.rand, names...)] = pick[any](f.rand, nil, -1, 1.5, "x", true, []any{}, map[string]any{"a": 1})
	}
	return object
}

func keysOf(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (f *contractFuzzer) value(ref *openapi3.SchemaRef, depth int) any {
	s := ref.Value
	switch {
	case len(s.Enum) > 0:
		return pick(f.rand, s.Enum...)
	case s.Type.Includes("string"):
		if v := map[string]string{"date": "2026-11-21", "date-time": "2026-11-21T03:00:00Z"}[s.Format]; v != "" {
			return v
		}
		return pick(f.rand, fmt.Sprint(f.rand.IntN(8)), "a", "ü", "x\"y")
	case s.Type.Includes("integer"):
		return f.rand.IntN(8) + 1
	case s.Type.Includes("number"):
		return pick(f.rand, 0, 1.5, 1e15)
	case s.Type.Includes("array"):
		list := []any{}
		for range f.rand.IntN(3) {
			list = append(list, f.value(s.Items, depth+1))
		}
		return list
	}
	object := map[string]any{}
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if slices.Contains(s.Required, name) || depth < 3 && f.rand.IntN(3) > 0 {
			object[name] = f.value(s.Properties[name], depth+1)
		}
	}
	return object
}

func (f *contractFuzzer) send(template string, item *openapi3.PathItem, operation *openapi3.Operation, method, path string, params map[string]string, header http.Header, body []byte) {
	f.t.Helper()
	var fields []string
	for name, values := range header {
		fields = append(fields, strings.ToLower(name)+": "+values[0])
	}
	a := f.h.do(method, path, string(body), fields...)
	f.statuses[a.StatusCode]++
	if etag := a.Headers["etag"]; etag != "" && len(f.etags) < 50 {
		f.etags = append(f.etags, etag)
	}

	request := httptest.NewRequest(method, path, bytes.NewReader(body))
	request.Header = header
	in := &openapi3filter.RequestValidationInput{Request: request, PathParams: params,
		Route:   &routers.Route{Spec: f.doc, Path: template, PathItem: item, Method: method, Operation: operation},
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true}}
	allowed := openapi3filter.ValidateRequest(context.Background(), in)
	answer := http.Header{}
	for name, value := range a.Headers {
		answer.Set(name, value)
	}
	describe := func() string {
		return fmt.Sprintf("%s %s %v %s\n%d %v %s", method, path, redact(header), body, a.StatusCode, a.Headers, a.Body)
	}
	if a.StatusCode >= 500 {
		f.t.Fatalf("a fault:\n%s", describe())
	}
	if err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: a.StatusCode, Header: answer, Body: io.NopCloser(strings.NewReader(a.Body)), Options: in.Options,
	}); err != nil {
		f.t.Fatalf("the response breaks the contract: %v\n%s", err, describe())
	}
	// A merged record may break its schema although the patch is valid, and a
	// path may name another record than the body.
	if allowed == nil && a.StatusCode == 400 && method != http.MethodPatch && !f.isExcused(params["key"], header, body, path) {
		f.t.Fatalf("the document allows a request that was rejected:\n%s", describe())
	}
	if allowed != nil && a.StatusCode < 300 {
		f.t.Fatalf("the document forbids a request that was accepted: %v\n%s", allowed, describe())
	}
}

// isExcused reports the few rejections that no document can declare.
func (f *contractFuzzer) isExcused(key string, header http.Header, body []byte, path string) bool {
	var object map[string]any
	_ = json.Unmarshal(body, &object)
	for _, field := range []string{"id", "sku"} {
		if v, ok := object[field]; ok && key != "" && fmt.Sprint(v) != key || ok && v == nil {
			return true
		}
	}
	_, hasSKU := object["sku"]
	return strings.Contains(path, "cursor=") || // a cursor is valid only in its own list
		strings.Contains(path, "/item") && !hasSKU && key == "" // an integer key is required
}

func redact(h http.Header) http.Header {
	h = h.Clone()
	h.Del("X-Api-Key")
	return h
}
