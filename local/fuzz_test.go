package local_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local"
)

// A request maker makes requests of the operations that are served, right in
// shape or wrong in every way that comes to mind.
type requestMaker struct {
	*rand.Rand
	operations map[string][]local.Operation
	services   []string
}

var prefixes = map[string]string{"events": "AWSEvents.", "sqs": "AmazonSQS.", "logs": "Logs_20140328.", "cloudwatch": "GraniteServiceVersion20100801."}

// words are what strings are made of: some are right somewhere.
var words = []string{"", "default", "a", "r", "box", "arn:aws:events:us-east-1:000000000000:event-bus/default",
	"arn:aws:events:us-east-1:000000000000:rule/r", "arn:aws:lambda:us-east-1:000000000000:function:box", "arn:aws:sqs:us-east-1:000000000000:q",
	"arn:aws:events:us-east-1:000000000000:archive/a", "rate(1 minute)", "cron(0 12 * * ? *)", "at(2030-01-01T00:00:00)", `{"source":["a"]}`, `{"a":`,
	`{}`, "$.detail", "<x>", "http://localhost/000000000000/q", "\x00", "ü\u2028", strings.Repeat("x", 5000), "true", "-1", "../..", "2026/01/01/[$LATEST]local"}

func (m *requestMaker) value(t reflect.Type, depth int) any {
	if m.IntN(40) == 0 { // of another type
		return []any{nil, 1.5, "x", []any{}, map[string]any{}, true, -1, 1e308}[m.IntN(8)]
	}
	switch t.Kind() {
	case reflect.Pointer:
		return m.value(t.Elem(), depth)
	case reflect.String:
		return words[m.IntN(len(words))]
	case reflect.Bool:
		return m.IntN(2) == 0
	case reflect.Int, reflect.Float64:
		return []int{0, 1, 2, 5, 60, 100, -1, 1 << 40}[m.IntN(8)]
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "AAEC"
		}
		list := []any{}
		for range m.IntN(4) {
			list = append(list, m.value(t.Elem(), depth+1))
		}
		return list
	case reflect.Map:
		return map[string]any{words[m.IntN(len(words))]: m.value(t.Elem(), depth+1)}
	case reflect.Struct:
		if t.Name() == "Time" {
			return m.Float64() * 4e9
		}
		object := map[string]any{}
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if name == "WaitTimeSeconds" || m.IntN(5) == 0 {
				continue // waiting is tested elsewhere
			}
			object[name] = m.value(t.Field(i).Type, depth+1)
			if _, enum, ok := strings.Cut(t.Field(i).Tag.Get("aws"), "enum="); ok && m.IntN(4) > 0 {
				object[name] = strings.Split(enum, "|")[0]
			} else if strings.HasSuffix(name, "Name") && m.IntN(2) > 0 {
				object[name] = words[1+m.IntN(4)]
			}
		}
		return object
	}
	return nil
}

func (m *requestMaker) request() *http.Request {
	service := m.services[m.IntN(len(m.services))]
	op := m.operations[service][m.IntN(len(m.operations[service]))]
	body, err := json.Marshal(m.value(op.Input, 0), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		body = []byte("{}")
	}
	if m.IntN(20) == 0 { // torn
		body = body[:m.IntN(len(body)+1)]
	}
	if m.IntN(20) == 0 && len(body) > 0 { // bent
		body[m.IntN(len(body))] ^= byte(1 << m.IntN(8))
	}
	method, path := http.MethodPost, "/"
	if op.Path != "" {
		method, path, _ = strings.Cut(op.Path, " ")
		for _, name := range []string{"{Name}", "{FunctionName}", "{StatementId}", "{registryName}", "{schemaName}", "{ResourceArn}"} {
			path = strings.Replace(path, name, []string{"a", "r", "box", "%00", "x%2Fy", "..%2f", strings.Repeat("y", 70)}[m.IntN(7)], 1)
		}
		path += []string{"", "?MaxResults=x", "?MaxResults=1", "?groupName=a", "?NextToken=!"}[m.IntN(5)]
	}
	r := httptest.NewRequest(method, path, strings.NewReader(string(body)))
	if op.Path == "" {
		r.Header.Set("X-Amz-Target", prefixes[service]+op.Name)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	}
	return r
}

// Ten thousand requests, right and wrong: none is answered with a 500, none ends
// the server, every answer is one that AWS's clients can read.
func TestFuzzedRequests(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, func(s *local.Server) {
		s.Functions.Register("box", func(context.Context, []byte, io.Writer) ([]byte, error) { return nil, nil })
	})
	seed := rand.Uint64()
	var makers sync.WaitGroup
	statuses := make([]map[int]int, 50)
	for i := range statuses {
		statuses[i] = map[int]int{}
		makers.Go(func() {
			maker := &requestMaker{Rand: rand.New(rand.NewPCG(seed, uint64(i))), operations: m.Operations(),
				services: []string{"events", "events", "sqs", "logs", "scheduler", "lambda", "cloudwatch", "schemas"}}
			for range 200 {
				r := maker.request()
				w := httptest.NewRecorder()
				m.Handler().ServeHTTP(w, r)
				statuses[i][w.Code]++
				if w.Code >= 500 || w.Body.Len() > 0 && !jsontext.Value(w.Body.Bytes()).IsValid() {
					t.Errorf("seed %d: %s %s %s: %d %s", seed, r.Method, r.URL, r.Header.Get("X-Amz-Target"), w.Code, w.Body)
				}
			}
		})
	}
	makers.Wait()
	total := map[int]int{}
	for _, s := range statuses {
		for code, n := range s {
			total[code] += n
		}
	}
	t.Log(fmt.Sprint(total))
	if total[200] < 500 || total[400] < 500 {
		t.Errorf("answers %v: the requests are too much of one kind", total)
	}
}
