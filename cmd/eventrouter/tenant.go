package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/jsonerror"
	"github.com/blockforger/eventrouter/internal/typegen/infer"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

type tenantCommands struct {
	Init      tenantInit      `cmd:"" help:"Write a new tenant: properties with comments, a schema and a test."`
	AddSchema tenantAddSchema `cmd:"" name:"add-schema" help:"Write a schema that accepts sample records."`
	Lint      tenantLint      `cmd:"" help:"Check every tenant below a folder; exit with 1 if there are errors."`
	Test      tenantTest      `cmd:"" help:"Run the tests of tenants; exit with 1 if one fails."`
	Push      tenantPush      `cmd:"" help:"Check tenants' files, show what has changed, and upload it."`
	Migrate   tenantMigrate   `cmd:"" help:"Move the records of a schema to another backend or key field."`
	Export    tenantExport    `cmd:"" help:"Write all records, usage and entries of a tenant as JSON lines."`
	Purge     tenantPurge     `cmd:"" help:"Delete all data of a tenant."`
}

type tenantLint struct {
	lintFlags `embed:""`
	Format    string `enum:"text,github" default:"text" help:"The form of the diagnostics: text, or github for annotations of GitHub Actions."`
	Account   string `env:"EVENTROUTER_ACCOUNT" help:"The account of the server: rules for buses of other accounts are reported. Default: the one that all rules name."`
	Region    string `env:"EVENTROUTER_REGION" help:"The region of the server, in the same way."`
}

// lintFlags select the files to check and the options of the deployment that reads
// them.
type lintFlags struct {
	Dir         string `arg:"" optional:"" default:"schemas" type:"path" help:"The folder with one folder per tenant, or of one tenant. Default: schemas."`
	DefaultBus  string `help:"The ARN of the deployment's own default bus; with --output-buses."`
	OutputBuses string `env:"EVENTROUTER_OUTPUT_BUSES" help:"The deployment's allow-list of output buses, as JSON: rules that it disables are shown."`
	Strict      bool   `help:"Report warnings, for example of unknown properties, as errors."`
}

// options returns the options of the deployment that will read the files.
func (c *lintFlags) options() (*tenant.LintOptions, error) {
	if c.DefaultBus == "" && c.OutputBuses == "" {
		return &tenant.LintOptions{}, nil
	}
	own, err := events.ParseBusARN(c.DefaultBus)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "--default-bus: %s", fault.MessageOf(err))
	}
	buses, err := tenant.ParseAllowList(c.OutputBuses)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "--output-buses: %s", fault.MessageOf(err))
	}
	return &tenant.LintOptions{DefaultBus: own, AllowBus: tenant.AllowOnly(own, buses)}, nil
}

// warnForeign returns a policy that warns of buses of other accounts and regions than
// the default bus has or, without one, than all rules name.
func (c *tenantLint) warnForeign(ctx context.Context, files blob.Bucket) (tenant.BusPolicy, error) {
	here := place{c.Account, c.Region}
	if err := here.check(); err != nil {
		return nil, fault.Errorf(fault.Invalid, "%v", err)
	}
	named, err := tenant.Buses(ctx, files)
	if err != nil {
		return nil, fault.Wrap("tenant lint", fault.Unavailable, err)
	}
	if c.DefaultBus != "" {
		named = []events.BusARN{events.BusARN(c.DefaultBus)}
	}
	common, _ := placeOf(named)
	return place{cmp.Or(here.Account, common.Account), cmp.Or(here.Region, common.Region)}.warnForeign(), nil
}

// relativePath returns the path relative to the working directory, if the file is below it.
func relativePath(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// Run prints every diagnostic with its position.
func (c *tenantLint) Run(s *session) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	root := c.Dir
	if _, err := os.Stat(filepath.Join(root, "tenant.properties")); err == nil { // the folder of one tenant
		options.Only, root = filepath.Base(root), filepath.Dir(root)
	}
	tree, err := openSchemas(root)
	if err != nil {
		return fault.Errorf(fault.Invalid, "%s", strings.TrimPrefix(fault.MessageOf(err), "--schemas: "))
	}
	if c.OutputBuses == "" {
		if options.WarnBus, err = c.warnForeign(s.ctx, tree); err != nil {
			return err
		}
	}
	findings, err := tenant.Lint(s.ctx, tree, options)
	if err != nil {
		return fault.Wrap("tenant lint", fault.Unavailable, err)
	}
	if len(findings) == 0 {
		tenants, err := tenant.NewCatalog(tree, nil).Tenants(s.ctx)
		if err != nil {
			return fault.Wrap("tenant lint", fault.Unavailable, err)
		}
		if len(tenants) == 0 {
			findings = []diag.Diagnostic{{File: ".", Line: 1, Column: 1, Severity: diag.SeverityError,
				Message: "there is no tenant here: each tenant needs a folder with a tenant.properties"}}
		}
	}
	wrong := 0
	for i, f := range findings {
		findings[i].File = relativePath(filepath.Join(root, filepath.FromSlash(f.File)))
		if c.Strict {
			findings[i].Severity = diag.SeverityError
		}
		if findings[i].Severity == diag.SeverityError {
			wrong++
		}
	}
	if findings == nil {
		findings = []diag.Diagnostic{}
	}
	done, err := s.print.printJSON(struct {
		Findings []diag.Diagnostic `json:"findings"`
	}{findings})
	if !done {
		for _, f := range findings {
			if c.Format == "github" {
				s.print.line("%s", annotation(f))
				continue
			}
			s.print.line("%s", f)
		}
		if len(findings) == 0 && c.Format == "text" {
			s.print.line("%s: no problems found", c.Dir)
		}
	}
	if err == nil && wrong > 0 {
		return errFindings
	}
	return err
}

// annotation formats a diagnostic as a workflow command of GitHub Actions, which shows
// it at its line of a pull request.
func annotation(d diag.Diagnostic) string {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	return fmt.Sprintf("::%s file=%s,line=%d,col=%d::%s", d.Severity, property.Replace(filepath.ToSlash(d.File)), max(d.Line, 1), max(d.Column, 1), data.Replace(d.Message))
}

type tenantInit struct {
	Name   string `arg:"" help:"The tenant's id: letters, digits, _ and -."`
	Dir    string `name:"schemas" aliases:"dir" default:"schemas" type:"path" help:"The folder with one folder per tenant."`
	Schema string `help:"The id of the first schema. The command asks for it if it is not given."`
	Input  string `enum:"yes,no," default:"" help:"Whether the tenant accepts input events: yes or no. The command asks for it if it is not given."`
}

// Run asks for the values that are not given as flags, and writes a tenant that is
// usable without further changes.
func (c *tenantInit) Run(s *session) error {
	id, err := events.ParseTenantID(c.Name)
	if err != nil {
		return err
	}
	ask := bufio.NewScanner(s.in)
	if c.Schema == "" {
		c.Schema = s.ask(ask, "What is the id of the first schema?", "records")
	}
	schema, err := events.ParseSchemaID(c.Schema)
	if err != nil {
		return err
	}
	if c.Input == "" {
		c.Input = s.ask(ask, "Should the tenant accept input events, in addition to API calls? (yes or no)", "yes")
	}
	if c.Input != "yes" && c.Input != "no" {
		return fault.Errorf(fault.Invalid, "the answer must be yes or no, not %q", c.Input)
	}

	folder := filepath.Join(c.Dir, string(id))
	if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		return fault.Errorf(fault.Conflict, "%s already exists", folder)
	}
	fill := strings.NewReplacer("{tenant}", string(id), "{schema}", string(schema), "{input}", fmt.Sprint(c.Input == "yes"))
	written := []string{
		filepath.Join(folder, "tenant.properties"), filepath.Join(folder, string(schema)+".json"),
		filepath.Join(folder, testsFolder, "create-"+string(schema)+".json"),
	}
	for i, template := range []string{propertiesTemplate, schemaTemplate, testTemplate} {
		if c.Input == "no" && template == testTemplate {
			written = written[:i] // the test uses input events
			break
		}
		if err := writeNew(written[i], fill.Replace(template)); err != nil {
			return err
		}
	}
	if done, err := s.print.printJSON(struct {
		Files []string `json:"files"`
	}{written}); done {
		return err
	}
	for _, file := range written {
		s.print.line("wrote %s", file)
	}
	s.print.note("Next: eventrouter tenant lint %s, and eventrouter keys create --tenant %s", c.Dir, id)
	return nil
}

// ask asks a question on the terminal and returns the answer, or the default if the
// answer is empty.
func (s *session) ask(in *bufio.Scanner, question, otherwise string) string {
	fmt.Fprintf(s.print.err, "%s [%s] ", question, otherwise)
	if in.Scan() {
		if answer := strings.TrimSpace(in.Text()); answer != "" {
			return answer
		}
	}
	return otherwise
}

// writeNew writes a file that does not exist yet, and creates its folder.
func writeNew(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fileError("", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fault.Errorf(fault.Conflict, "%s already exists", path)
	}
	if err != nil {
		return fileError("", err)
	}
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

const propertiesTemplate = `# The tenant {tenant}. doc/tenants.md is the reference of all properties.
# A change takes effect within 30 seconds.

# Accept input events (source blockforger-input) with an API key of this tenant.
# The REST API needs no such switch.
eventbridge-input = {input}

# The events that are published after each change: every rule that matches
# publishes one. This rule matches all changes, and publishes "{schema}.POST" and so on to the
# default bus. A rule may also have eventbridge_arn, source, detail_type,
# operations, schema_names, payload and metadata.
eventbridge-output = [
  {}
]

# Limits. A successful request costs 10 tokens.
# token-limit-monthly = 1000000
# rate-limit-per-second = 50
# payload-max-bytes = 65536

# Web pages that may call the API.
# cors-origins = https://app.example.com

# The bus for the results of input events.
# eventbridge-results = arn:aws:events:us-east-1:111122223333:event-bus/results
`

const schemaTemplate = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$comment": "The key is the member id; a POST without one gets a UUID. meta says otherwise: key, backend (dynamodb, s3, csv), logKey, eventbridge-output.",
  "title": "{schema}",
  "type": "object",
  "properties": {
    "id": {
      "type": "string"
    },
    "name": {
      "type": "string",
      "minLength": 1
    }
  },
  "required": ["name"],
  "additionalProperties": false
}
`

const testTemplate = `{
  "description": "Creating a record publishes it. Run by: eventrouter tenant test",
  "steps": [
    {
      "event": {
        "detail-type": "{schema}.POST",
        "detail": { "rootSchema": "{schema}", "payload": { "id": "first", "name": "First" } }
      },
      "expect": {
        "status": 201,
        "record": { "id": "first", "name": "First" },
        "outputs": [
          { "detail-type": "{schema}.POST", "payload": { "id": "first", "name": "First" } }
        ]
      }
    }
  ]
}
`

type tenantAddSchema struct {
	Dir    string `arg:"" type:"path" help:"The folder of the tenant, for example schemas/acme."`
	Schema string `arg:"" help:"The id of the new schema."`
	From   string `required:"" help:"A file with sample records: JSON objects one after another, or an array of them; - is standard input."`
	Key    string `default:"id" help:"The member that holds the record's key."`
	Closed bool   `help:"Reject members that no sample has."`
}

// Run writes the strictest schema that accepts all samples.
func (c *tenantAddSchema) Run(s *session) error {
	id, err := events.ParseSchemaID(c.Schema)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(c.Dir, "tenant.properties")); err != nil {
		return fault.Errorf(fault.NotFound, "%s has no tenant.properties; create a tenant with `eventrouter tenant init`", c.Dir)
	}
	samples, err := c.samples(s)
	if err != nil {
		return err
	}
	text, err := schemaOf(string(id), c.Key, c.Closed, samples)
	if err != nil {
		return err
	}
	if err := checkSamples(s, id, text, samples); err != nil {
		return err
	}
	path := filepath.Join(c.Dir, string(id)+".json")
	if err := writeNew(path, text); err != nil {
		return err
	}
	if done, err := s.print.printJSON(struct {
		File    string `json:"file"`
		Samples int    `json:"samples"`
	}{path, len(samples)}); done {
		return err
	}
	s.print.line("wrote %s, which accepts all %d samples", path, len(samples))
	return nil
}

// samples reads the sample records: objects one after another, or in arrays.
func (c *tenantAddSchema) samples(s *session) ([]jsontext.Value, error) {
	text, err := readInput(s, c.From)
	if err != nil {
		return nil, err
	}
	var out []jsontext.Value
	for dec := jsontext.NewDecoder(bytes.NewReader(text)); ; {
		v, err := dec.ReadValue()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "%s is not JSON: %s", c.From, jsonerror.Describe(text, err))
		}
		list := []jsontext.Value{v.Clone()}
		if v.Kind() == '[' {
			list = nil
			if err := json.Unmarshal(v, &list); err != nil {
				return nil, fault.Errorf(fault.Invalid, "%s: %s", c.From, jsonerror.Describe(text, err))
			}
		}
		for _, sample := range list {
			if sample.Kind() != '{' {
				return nil, fault.Errorf(fault.Invalid, "%s: sample %d is not an object", c.From, len(out)+1)
			}
			out = append(out, sample)
		}
	}
	if len(out) == 0 {
		return nil, fault.Errorf(fault.Invalid, "%s has no samples", c.From)
	}
	return out, nil
}

// schemaOf returns the strictest schema that accepts all samples.
func schemaOf(title, key string, closed bool, samples []jsontext.Value) (string, error) {
	var joined *schema.Type
	order := map[string]int{}
	for _, sample := range samples {
		t, err := infer.Of(sample)
		if err != nil {
			return "", err
		}
		joined = infer.Join(joined, t)
		addOrder(order, sample)
	}
	root := schemaRenderer{order: order, closed: closed}.render(joined)
	head := []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","$comment":"Derived from samples: check that it is what you want.","title":` + string(quoteText(title)))
	if key != "id" {
		head = append(head, `,"meta":{"key":`+string(quoteText(key))+`}`...)
	}
	text := jsontext.Value(append(append(head, ','), root[1:]...))
	if err := text.Indent(jsontext.WithIndent("  ")); err != nil {
		return "", fault.Wrap("tenant add-schema", fault.Internal, err)
	}
	return string(text) + "\n", nil
}

// addOrder records the order in which the members of all objects first occur.
func addOrder(order map[string]int, v jsontext.Value) {
	dec := jsontext.NewDecoder(bytes.NewReader(v))
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return
		}
		if kind, n := dec.StackIndex(dec.StackDepth()); token.Kind() == '"' && kind == '{' && n%2 == 1 {
			if _, ok := order[token.String()]; !ok {
				order[token.String()] = len(order)
			}
		}
	}
}

// schemaRenderer writes inferred types as JSON Schema.
type schemaRenderer struct {
	order  map[string]int
	closed bool
}

func (r schemaRenderer) render(t *schema.Type) jsontext.Value {
	if t == nil || len(t.Kinds) == 0 {
		return jsontext.Value("{}")
	}
	var b strings.Builder
	kind := string(quoteText(t.Kinds[0]))
	if t.Nullable {
		kind = "[" + kind + `,"null"]`
	}
	b.WriteString(`{"type":` + kind)
	if t.Is("string") && t.Format != "" {
		b.WriteString(`,"format":` + string(quoteText(t.Format)))
	}
	if t.Items != nil {
		b.WriteString(`,"items":` + string(r.render(t.Items)))
	}
	if t.Is("object") {
		r.members(&b, t)
	}
	return jsontext.Value(b.String() + "}")
}

func (r schemaRenderer) members(b *strings.Builder, t *schema.Type) {
	names := make([]string, 0, len(t.Properties))
	for name := range t.Properties {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int { return r.order[x] - r.order[y] })
	var required []string
	if len(names) > 0 {
		b.WriteString(`,"properties":{`)
		for i, name := range names {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(string(quoteText(name)) + ":" + string(r.render(t.Properties[name])))
			if t.Required[name] {
				required = append(required, string(quoteText(name)))
			}
		}
		b.WriteByte('}')
	}
	if len(required) > 0 {
		b.WriteString(`,"required":[` + strings.Join(required, ",") + "]")
	}
	switch {
	case t.Additional != nil:
		b.WriteString(`,"additionalProperties":` + string(r.render(t.Additional)))
	case r.closed && len(names) > 0:
		b.WriteString(`,"additionalProperties":false`)
	}
}

func quoteText(s string) jsontext.Value {
	b, _ := jsontext.AppendQuote(nil, strings.ToValidUTF8(s, "\uFFFD"))
	return b
}

// checkSamples loads the schema as the router does, and validates the samples.
func checkSamples(s *session, id events.SchemaID, text string, samples []jsontext.Value) error {
	files := blob.NewMemory()
	for name, data := range map[string]string{"t/tenant.properties": "", "t/" + string(id) + ".json": text} {
		if _, err := files.Put(s.ctx, name, []byte(data), nil, blob.Condition{}); err != nil {
			return err
		}
	}
	var found []string
	dir := tenant.NewCatalog(files, &tenant.CatalogOptions{Report: func(f diag.Diagnostic) { found = append(found, f.Message) }})
	made, err := dir.Schema(s.ctx, "t", id)
	if err != nil {
		return fault.Errorf(fault.Invalid, "no schema can be derived from these samples: %s; set another key with --key", strings.Join(found, "; "))
	}
	for i, sample := range samples {
		if _, _, err := made.Key(sample); err != nil {
			return fault.Errorf(fault.Invalid, "sample %d: %s; set another key with --key", i+1, fault.MessageOf(err))
		}
		if err := made.Validate(s.ctx, sample); err != nil {
			return fault.Errorf(fault.Internal, "the schema does not accept sample %d: %v", i+1, err)
		}
	}
	return nil
}
