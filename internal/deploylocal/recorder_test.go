package deploylocal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/smithy-go/encoding/cbor"
)

// A call is a request that a program sent to AWS: what IAM decides on.
type call struct {
	Caller    string // function, relay or doctor
	Operation string // such as dynamodb:Query, with the member of a transaction or a condition: s3:PutObject/If-Match
	Resource  string // an ARN; "" for an operation that knows no resource
	Source    string `json:",omitempty"` // PutEvents: the event's source
	Step      string // what the program did when it first made the call
}

func (c call) key() string { return c.Caller + " " + c.Operation + " " + c.Resource + " " + c.Source }

// A recorder writes down the calls that pass through it. It reads requests on
// the wire, below the SDK: a client built anywhere in the program is seen.
type recorder struct {
	t *testing.T

	mu           sync.Mutex
	caller, step string
	calls        map[string]call
}

func newRecorder(t *testing.T) *recorder { return &recorder{t: t, calls: map[string]call{}} }

// during names what is recorded from now on.
func (r *recorder) during(caller, step string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.caller, r.step = caller, step
}

// proxy returns the URL of a server that records requests and passes them to
// the URL given.
func (r *recorder) proxy(to string) string {
	target, err := url.Parse(to)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.before(httputil.NewSingleHostReverseProxy(target))
}

// before returns the URL of a server that records requests before h serves them.
func (r *recorder) before(h http.Handler) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			r.t.Errorf("reading a request: %v", err)
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		if err := r.record(req, body); err != nil {
			r.t.Errorf("a call that the recorder cannot read: %s %s: %v", req.Method, req.URL, err)
		}
		h.ServeHTTP(w, req)
	}))
	r.t.Cleanup(server.Close)
	return server.URL
}

// sorted returns the recorded calls in a stable order.
func (r *recorder) sorted() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []call
	for _, c := range r.calls {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b call) int { return strings.Compare(a.key(), b.key()) })
	return out
}

func (r *recorder) add(operation, resource, source string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := call{Caller: r.caller, Operation: operation, Resource: resource, Source: source, Step: r.step}
	if _, known := r.calls[c.key()]; !known {
		r.calls[c.key()] = c
	}
}

// scope is the credential scope of a signature: region and service.
var scope = regexp.MustCompile(`Credential=[^/]+/[0-9]{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request`)

func (r *recorder) record(req *http.Request, body []byte) error {
	signed := scope.FindStringSubmatch(req.Header.Get("Authorization"))
	if signed == nil {
		return fmt.Errorf("not signed: %q", req.Header.Get("Authorization"))
	}
	region, service := signed[1], signed[2]
	_, operation, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	arn := func(resource string) string {
		return "arn:aws:" + service + ":" + region + ":" + account + ":" + resource
	}
	switch service {
	case "dynamodb":
		return r.dynamodb(operation, body, arn)
	case "events":
		return r.events(operation, body, region)
	case "s3":
		return r.s3(req)
	case "sqs":
		var in struct{ QueueUrl, QueueName string }
		if err := json.Unmarshal(body, &in); err != nil {
			return err
		}
		name := in.QueueName + in.QueueUrl[strings.LastIndexByte(in.QueueUrl, '/')+1:]
		r.add("sqs:"+operation, arn(name), "")
		return nil
	case "lambda":
		return r.lambda(req, arn)
	case "sts":
		form, err := url.ParseQuery(string(body))
		r.add("sts:"+form.Get("Action"), "", "")
		return err
	case "logs":
		var in struct {
			LogGroupName string `json:"logGroupName"`
		}
		if err := json.Unmarshal(body, &in); err != nil {
			return err
		}
		r.add("logs:"+operation, arn("log-group:"+in.LogGroupName), "")
		return nil
	case "monitoring":
		in, err := cbor.Decode(body)
		if err != nil {
			return err
		}
		fields, _ := in.(cbor.Map)
		alarm, _ := fields["AlarmName"].(cbor.String)
		r.add("cloudwatch:"+path.Base(req.URL.Path), "arn:aws:cloudwatch:"+region+":"+account+":alarm:"+string(alarm), "")
		return nil
	}
	return fmt.Errorf("unknown service %s", service)
}

func (r *recorder) dynamodb(operation string, body []byte, arn func(string) string) error {
	var in struct {
		TableName, IndexName string
		RequestItems         map[string]json.RawMessage
		TransactItems        []map[string]struct{ TableName string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return err
	}
	for _, write := range in.TransactItems {
		for kind, at := range write {
			r.add("dynamodb:"+operation+"/"+kind, arn("table/"+at.TableName), "")
		}
	}
	for table := range in.RequestItems {
		r.add("dynamodb:"+operation, arn("table/"+table), "")
	}
	switch {
	case in.IndexName != "":
		r.add("dynamodb:"+operation, arn("table/"+in.TableName+"/index/"+in.IndexName), "")
	case in.TableName != "":
		r.add("dynamodb:"+operation, arn("table/"+in.TableName), "")
	case len(in.TransactItems)+len(in.RequestItems) == 0:
		return fmt.Errorf("%s names no table", operation)
	}
	return nil
}

func (r *recorder) events(operation string, body []byte, region string) error {
	var in struct {
		Entries                              []struct{ EventBusName, Source string }
		Name, Rule, EventBusName, ReplayName string
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return err
	}
	prefix := "arn:aws:events:" + region + ":" + account + ":"
	bus := func(name string) string {
		if strings.HasPrefix(name, "arn:") {
			return name
		}
		if name == "" {
			name = "default"
		}
		return prefix + "event-bus/" + name
	}
	switch operation {
	case "PutEvents":
		for _, e := range in.Entries {
			r.add("events:PutEvents", bus(e.EventBusName), e.Source)
		}
	case "DescribeEventBus":
		r.add("events:DescribeEventBus", bus(in.Name), "")
	case "DescribeRule", "ListTargetsByRule":
		rule := in.Name + in.Rule
		if in.EventBusName != "" && in.EventBusName != "default" {
			rule = in.EventBusName + "/" + rule
		}
		r.add("events:"+operation, prefix+"rule/"+rule, "")
	case "ListRules": // IAM's resource is any rule of the bus
		rule := "*"
		if in.EventBusName != "" && in.EventBusName != "default" {
			rule = in.EventBusName + "/*"
		}
		r.add("events:"+operation, prefix+"rule/"+rule, "")
	default:
		return fmt.Errorf("operation %s", operation)
	}
	return nil
}

// s3 reads path-style requests. Objects are recorded by their prefix.
func (r *recorder) s3(req *http.Request) error {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	resource := "arn:aws:s3:::" + bucket
	if key == "" {
		if req.Method == "GET" && req.URL.Query().Get("list-type") == "2" {
			r.add("s3:ListObjectsV2", resource, "")
			return nil
		}
		return fmt.Errorf("no operation on a bucket that the recorder knows")
	}
	prefix, _, _ := strings.Cut(key, "/")
	operations := map[string]string{"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
	operation, known := operations[req.Method]
	if !known || req.URL.Query().Has("uploadId") || req.Header.Get("X-Amz-Copy-Source") != "" {
		return fmt.Errorf("no operation on an object that the recorder knows")
	}
	for _, condition := range []string{"If-Match", "If-None-Match"} {
		if req.Header.Get(condition) != "" {
			operation += "/" + condition
		}
	}
	r.add("s3:"+operation, resource+"/"+prefix+"/OBJECT", "")
	return nil
}

func (r *recorder) lambda(req *http.Request, arn func(string) string) error {
	steps := strings.Split(strings.Trim(req.URL.Path, "/"), "/") // 2015-03-31/functions/NAME/...
	operations := map[string]string{"GET configuration": "GetFunctionConfiguration", "GET policy": "GetPolicy", "POST invocations": "Invoke"}
	operation := operations[req.Method+" "+steps[len(steps)-1]]
	if len(steps) != 4 || operation == "" {
		return fmt.Errorf("no operation on a function that the recorder knows")
	}
	r.add("lambda:"+operation, arn("function:"+steps[2]), "")
	return nil
}
