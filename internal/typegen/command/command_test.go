package command_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/aws"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/typegen/command"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
	"github.com/blockforger/eventrouter/internal/typegen/schemaregistry"
	"github.com/blockforger/eventrouter/internal/typegen/schemaregistry/registrytest"
	"github.com/blockforger/eventrouter/tenant"
)

// serve starts a registry, and answers how to reach it.
func serve(t *testing.T, server *registrytest.Server) command.API {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	http := httptest.NewServer(server)
	t.Cleanup(http.Close)
	return command.API{Region: "us-east-1", EndpointURL: http.URL}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const state = "aws.ec2@EC2InstanceStateChangeNotification"

func TestExportServiceFromTheAPI(t *testing.T) {
	server := registrytest.New()
	current := read(t, "../testdata/registry/"+state+".json")
	for range 9 {
		server.Put("aws.events", state, `{"components":{"schemas":{"Old":{}}}}`)
	}
	server.Put("aws.events", state, current) // version 10
	server.Put("aws.events", "aws.ec2fleet@Change", current)
	server.Put("aws.events", "aws.ec2@Broken", "openapi: 3.0.0")
	server.Put("mine", "aws.ec2@Mine", strings.Replace(current, "EC2 Instance State-change Notification", "Mine", 1))
	api := serve(t, server)
	server.FailNext(1, http.StatusTooManyRequests, "TooManyRequestsException")

	dir := filepath.Join(t.TempDir(), "ec2")
	export := command.ExportService{Service: "ec2", Out: dir, API: api, RegistryName: []string{"aws.events", "mine"}, DryRun: true}
	var out strings.Builder
	if err := export.Run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the dry run made the folder")
	}
	for _, want := range []string{"registry aws.events: 2 of 2: " + state, "! aws.ec2@Broken: ", "YAML", "+ " + dir, "registry mine: 1 of 1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the dry run does not show %q:\n%s", want, &out)
		}
	}

	export.DryRun = false
	if err := export.Run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if text := read(t, dir+"/ec2_instance_state_change_notification_gen.go"); !strings.Contains(text, `// Version: "10"`) {
		t.Errorf("not version 10:\n%s", text)
	}
	if text := read(t, dir+"/registry_gen.go"); strings.Count(text, "typed.Decode[") != 2 {
		t.Errorf("the map:\n%s", text)
	}
	if n := server.Writes(); n > 0 {
		t.Errorf("an export wrote %d times to the registry", n)
	}
}

func TestExportServiceFails(t *testing.T) {
	server := registrytest.New()
	server.Put("aws.events", state, "{}")
	api := serve(t, server)
	for name, c := range map[string]struct {
		export command.ExportService
		fail   int
		code   fault.Code
		says   string
	}{
		"no match":      {command.ExportService{Service: "nothing", API: api}, 0, fault.NotFound, "--registry-name"},
		"no registry":   {command.ExportService{Service: "ec2", RegistryName: []string{"gone"}, API: api}, 0, fault.NotFound, "registry gone"},
		"not allowed":   {command.ExportService{Service: "ec2", API: api}, 1, fault.Denied, "schemas:ListSchemas"},
		"nothing typed": {command.ExportService{Service: "ec2", API: api}, 0, fault.Invalid, "nothing is changed"},
		"a path":        {command.ExportService{Service: "../ec2", API: api}, 0, fault.Invalid, "must be"},
		"no folder":     {command.ExportService{Service: "ec2", From: "testdata/none"}, 0, fault.Invalid, "cannot be read"},
	} {
		c.export.Out = filepath.Join(t.TempDir(), "out")
		server.FailNext(c.fail, http.StatusForbidden, "ForbiddenException")
		err := c.export.Run(t.Context(), new(strings.Builder))
		if fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want %v, saying %q", name, err, c.code, c.says)
		}
		if _, err := os.Stat(c.export.Out); err == nil {
			t.Errorf("%s: something was written", name)
		}
	}
}

func sample(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sample.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFromExampleWidens(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shop")
	run := func(text string) string {
		t.Helper()
		if err := (command.FromExample{Files: []string{sample(t, text)}, Out: dir}).Run(t.Context(), new(strings.Builder)); err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(read(t, dir+"/order_paid_gen.go")), " ")
	}
	const event = `{"source":"shop","detail-type":"Order Paid","detail":%s}`
	text := run(fmt.Sprintf(event, `{"id":"a","total":1,"note":null}`))
	for _, want := range []string{"ID string `json:\"id\"`", "Total int64 `json:\"total\"`", "Note jsontext.Value"} {
		if !strings.Contains(text, want) {
			t.Errorf("first sample: %s lacks %s", text, want)
		}
	}
	text = run(fmt.Sprintf(event+"\n"+event, `{"id":"a","total":1.5}`, `{"id":"a","note":"x","items":{"123456789012":true}}`))
	for _, want := range []string{"ID string `json:\"id\"`", "Total *events.Number", "Note events.Nullable[string]", "Items map[string]bool `json:\"items,omitzero\"`"} {
		if !strings.Contains(text, want) {
			t.Errorf("more samples: %s lacks %s", text, want)
		}
	}
	if again := run(fmt.Sprintf(event, `{"id":"a","total":1}`)); again != text {
		t.Errorf("a sample that fits already changed the type:\n%s", again)
	}
	if _, err := schema.Read("x", []byte(read(t, dir+"/schema/shop@OrderPaid.json"))); err != nil {
		t.Error(err)
	}
}

func TestFromExampleFails(t *testing.T) {
	for text, says := range map[string]string{
		`hello`: "not valid JSON", `[]`: "no event", `{"source":"aws.x","detail":{}}`: "no detail-type",
		`{"source":"shop","detail-type":"x","detail":{}}`:    "--out",
		`{"source":"aws.ec2","detail-type":"x","detail":[]}`: "no object",
	} {
		err := command.FromExample{Files: []string{sample(t, text)}, DryRun: true}.Run(t.Context(), new(strings.Builder))
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v; want it to say %q", text, err, says)
		}
	}
}

func TestDecode(t *testing.T) {
	file := sample(t, read(t, "../testdata/events/aws.ec2@EC2InstanceStateChangeNotification-8.json")+
		`{"source":"blockforger-input","detail-type":"pet.POST","detail":{"tenant":"acme","rootSchema":"pet","api_key":"s3cret","payload":{}}}`+
		`{"source":"x","detail-type":"y","detail":{"api_key":"s3cret"}}`+
		`{"source":"aws.ec2","detail-type":"EC2 Instance State-change Notification","detail":{"state":7}}`)
	var out strings.Builder
	err := command.Decode{Files: []string{file}, Registry: aws.Registry()}.Run(t.Context(), &out)
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "1 of 4") {
		t.Errorf("%v; want 1 of 4 to fail", err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range []string{
		`"type":"ec2.InstanceStateChangeNotification"`, `"type":"typed.InputDetail[jsontext.Value]"`, `"type":"raw"`, `"error":"detail: \"/state\" must be a string, not a number"`,
	} {
		if i >= len(lines) || !strings.Contains(lines[i], want) {
			t.Errorf("line %d lacks %s:\n%s", i, want, &out)
		}
	}
	if strings.Contains(out.String(), "s3cret") {
		t.Errorf("an API key is shown:\n%s", &out)
	}
}

// TestDecodeContinuesAfterABadFile: the other files are decoded, and the events
// before the place where a file is bad.
func TestDecodeContinuesAfterABadFile(t *testing.T) {
	const event = `{"source":"x","detail-type":"y","detail":{}}`
	files := []string{sample(t, event+"{"), sample(t, "not JSON"), filepath.Join(t.TempDir(), "missing"), sample(t, event+event)}
	var out strings.Builder
	err := command.Decode{Files: files, Registry: aws.Registry()}.Run(t.Context(), &out)
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "3 of 4 files") {
		t.Errorf("%v; want 3 of 4 files to be bad", err)
	}
	if n := strings.Count(out.String(), `"type":"raw"`); n != 3 {
		t.Errorf("%d events are decoded, want 3:\n%s", n, &out)
	}
	for _, file := range files[:3] {
		if n := strings.Count(out.String(), `{"file":"`+file+`","error":"`+file); n != 1 {
			t.Errorf("%d lines say what is wrong with %s:\n%s", n, file, &out)
		}
	}
}

// TestExportFromSpec writes what package events/aws has.
func TestExportFromSpec(t *testing.T) {
	file := awstest.ServiceSpec(t)
	dir := filepath.Join(t.TempDir(), "ecs")
	var out strings.Builder
	export := command.ExportService{Service: "ecs", Out: dir, FromSpec: true, SpecFile: file}
	if err := export.Run(t.Context(), &out); err != nil || !strings.Contains(out.String(), "4 schemas") {
		t.Fatalf("%v\n%s", err, &out)
	}
	committed, err := filepath.Glob("../../../events/aws/ecs/*_gen.go")
	if err != nil || len(committed) != 5 {
		t.Fatalf("%d files are committed, %v", len(committed), err)
	}
	for _, path := range committed {
		// The committed package has its comment in the generated file too.
		if got, want := read(t, filepath.Join(dir, filepath.Base(path))), read(t, path); got != want {
			t.Errorf("%s differs from what is committed", path)
		}
	}
	for name, c := range map[string]struct {
		export command.ExportService
		code   fault.Code
	}{
		"no such service":          {command.ExportService{Service: "nosuch", Out: dir, FromSpec: true, SpecFile: file}, fault.NotFound},
		"a file without the flag":  {command.ExportService{Service: "ecs", Out: dir, SpecFile: file}, fault.Invalid},
		"a folder at once":         {command.ExportService{Service: "ecs", Out: dir, FromSpec: true, SpecFile: file, From: dir}, fault.Invalid},
		"not a specification":      {command.ExportService{Service: "ecs", Out: dir, FromSpec: true, SpecFile: committed[0]}, fault.Invalid},
		"a service that is a path": {command.ExportService{Service: "../ecs", FromSpec: true, SpecFile: file}, fault.Invalid},
	} {
		if err := c.export.Run(t.Context(), io.Discard); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %v", name, err, c.code)
		}
	}
}

func directory(t *testing.T) *tenant.Catalog {
	t.Helper()
	tree, err := blob.OpenDir("testdata/schemas")
	if err != nil {
		t.Fatal(err)
	}
	return tenant.NewCatalog(tree, nil)
}

func TestPublishSchemas(t *testing.T) {
	server := registrytest.New()
	server.Put("acme", "other@X", "{}")
	publish := command.PublishSchemas{Tenant: "acme", Registry: "acme", DryRun: true, API: serve(t, server), Directory: directory(t)}
	run := func() string {
		t.Helper()
		var out strings.Builder
		if err := publish.Run(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if out := run(); !strings.Contains(out, "create    acme.pets@pet.POST\n") || !strings.Contains(out, "4 new, 0 updated") || server.Writes() > 0 {
		t.Errorf("dry run, %d writes:\n%s", server.Writes(), out)
	}
	publish.DryRun = false
	if out := run(); !strings.Contains(out, "4 new, 0 updated, 0 unchanged") {
		t.Errorf("first run:\n%s", out)
	}
	if out := run(); !strings.Contains(out, "0 new, 0 updated, 4 unchanged") {
		t.Errorf("second run:\n%s", out)
	}
	publish.Tenant = "nobody"
	if err := publish.Run(t.Context(), new(strings.Builder)); !fault.Is(err, fault.NotFound) {
		t.Errorf("unknown tenant: %v", err)
	}

	// What was published becomes types again: consumers get what R88 promises.
	dir := filepath.Join(t.TempDir(), "pets")
	export := command.ExportService{Service: "pets", Prefix: "acme.pets", RegistryName: []string{"acme"}, Out: dir, API: publish.API}
	if err := export.Run(t.Context(), new(strings.Builder)); err != nil {
		t.Fatal(err)
	}
	if text := read(t, dir+"/pet_post_gen.go"); !strings.Contains(text, "PetPOSTPet") {
		t.Errorf("exported again:\n%s", text)
	}
}

// TestPublishedSchemasTakeWhatIsPublished has a validator check output events
// against the documents.
func TestPublishedSchemasTakeWhatIsPublished(t *testing.T) {
	server := registrytest.New()
	server.Put("acme", "other@X", "{}")
	api := serve(t, server)
	if err := (command.PublishSchemas{Tenant: "acme", Registry: "acme", API: api, Directory: directory(t)}).Run(t.Context(), new(strings.Builder)); err != nil {
		t.Fatal(err)
	}
	client, err := schemaregistry.NewClient(t.Context(), schemaregistry.Options{Region: api.Region, EndpointURL: api.EndpointURL})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		op      events.Operation
		payload string
		fits    bool
	}{
		{events.Post, `{"id":7,"name":"Rex","tags":["a"],"owner":{"name":"x"},"score":12345678901234567890.10}`, true},
		{events.Post, `{"id":7}`, false}, {events.Post, `{"id":7,"name":null}`, false}, {events.Post, `{"name":"Rex"}`, false},
		{events.Patch, `{"id":7,"name":null,"owner":{"name":null,"gone":null},"kind":null}`, true}, {events.Patch, `{"name":"x"}`, false},
		{events.Patch, `{"id":7,"score":"x"}`, false},
		{events.Delete, `{"id":7,"whatever":[]}`, true}, {events.Delete, `{}`, false},
		{events.Put, `{"id":7,"name":"Rex","kind":"dog"}`, true}, {events.Put, `{"id":7,"name":"Rex","kind":"fish"}`, false},
	} {
		d, err := schemaregistry.New(client, "acme").Document(t.Context(), "acme.pets@pet."+string(c.op))
		if err != nil {
			t.Fatal(err)
		}
		detail := fmt.Sprintf(`{"tenant":"acme","rootSchema":"pet","operation":%q,"payload":%s,"metadata":{"outputId":"o","inputEventId":"","correlationId":"","hops":0,"revision":1,"time":"2026-01-02T03:04:05Z"}}`, c.op, c.payload)
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(detail))
		if err != nil {
			t.Fatal(err)
		}
		if err := validator(t, d.Content).Validate(v); (err == nil) != c.fits {
			t.Errorf("%s %s: %v, want it to fit: %v", c.op, c.payload, err, c.fits)
		}
	}
}

// validator reads OpenAPI 3.0 as JSON Schema, which says nullable otherwise.
func validator(t *testing.T, document []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(document)))
	if err != nil {
		t.Fatal(err)
	}
	nullable(doc)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	if err := c.AddResource("doc.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("doc.json#/components/schemas/Detail")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func nullable(v any) {
	switch v := v.(type) {
	case map[string]any:
		if kind, ok := v["type"].(string); ok && v["nullable"] == true {
			v["type"] = []any{kind, "null"}
		}
		for _, child := range v {
			nullable(child)
		}
	case []any:
		for _, child := range v {
			nullable(child)
		}
	}
}
