package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/typegen/infer"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

type tenantAddSchema struct {
	Dir    string `arg:"" type:"path" help:"The folder of the tenant, such as schemas/acme."`
	Schema string `arg:"" help:"The id of the new schema."`
	From   string `required:"" help:"A file with sample records: JSON objects one after another, or an array of them; - is standard input."`
	Key    string `default:"id" help:"The member that is the record's key."`
	Closed bool   `help:"Refuse members that no sample has."`
}

// Run writes the schema that takes the samples, and no more than it must.
func (c *tenantAddSchema) Run(s *session) error {
	id, err := events.ParseSchemaID(c.Schema)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(c.Dir, "tenant.properties")); err != nil {
		return fault.Errorf(fault.NotFound, "%s has no tenant.properties, so it is no tenant; make one with `eventrouter tenant init`", c.Dir)
	}
	samples, err := c.samples(s)
	if err != nil {
		return err
	}
	text, err := schemaOf(string(id), c.Key, c.Closed, samples)
	if err != nil {
		return err
	}
	if err := takesSamples(s, id, text, samples); err != nil {
		return err
	}
	path := filepath.Join(c.Dir, string(id)+".json")
	if err := writeNew(path, text); err != nil {
		return err
	}
	if done, err := s.print.value(struct {
		File    string `json:"file"`
		Samples int    `json:"samples"`
	}{path, len(samples)}); done {
		return err
	}
	s.print.line("wrote %s, which takes all %d samples", path, len(samples))
	return nil
}

// samples reads objects, one after another or in arrays.
func (c *tenantAddSchema) samples(s *session) ([]jsontext.Value, error) {
	in := s.in
	if c.From != "-" {
		f, err := os.Open(c.From)
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "%v", err)
		}
		defer f.Close()
		in = f
	}
	var out []jsontext.Value
	for dec := jsontext.NewDecoder(in); ; {
		v, err := dec.ReadValue()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "%s is not JSON: %v", c.From, err)
		}
		list := []jsontext.Value{v.Clone()}
		if v.Kind() == '[' {
			list = nil
			if err := json.Unmarshal(v, &list); err != nil {
				return nil, fault.Errorf(fault.Invalid, "%s: %v", c.From, err)
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

// schemaOf renders the least schema that takes all samples.
func schemaOf(title, key string, closed bool, samples []jsontext.Value) (string, error) {
	var joined *schema.Type
	order := map[string]int{}
	for _, sample := range samples {
		t, err := infer.Of(sample)
		if err != nil {
			return "", err
		}
		joined = infer.Join(joined, t)
		noteOrder(order, sample)
	}
	root := rendered{order: order, closed: closed}.render(joined)
	head := []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","$comment":"Made from samples: see that it says what you mean.","title":` + string(quoteText(title)))
	if key != "id" {
		head = append(head, `,"meta":{"key":`+string(quoteText(key))+`}`...)
	}
	text := jsontext.Value(append(append(head, ','), root[1:]...))
	if err := text.Indent(jsontext.WithIndent("  ")); err != nil {
		return "", fault.Wrap("tenant add-schema", fault.Internal, err)
	}
	return string(text) + "\n", nil
}

// noteOrder notes the order in which members of any object first come.
func noteOrder(order map[string]int, v jsontext.Value) {
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

// rendered writes inferred types as JSON Schema.
type rendered struct {
	order  map[string]int
	closed bool
}

func (r rendered) render(t *schema.Type) jsontext.Value {
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

func (r rendered) members(b *strings.Builder, t *schema.Type) {
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

// takesSamples has the schema read as the router will, and the samples checked.
func takesSamples(s *session, id events.SchemaID, text string, samples []jsontext.Value) error {
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
		return fault.Errorf(fault.Invalid, "no schema can be made of these samples: %s; name another member with --key", strings.Join(found, "; "))
	}
	for i, sample := range samples {
		if _, _, err := made.Key(sample); err != nil {
			return fault.Errorf(fault.Invalid, "sample %d: %s; name another member with --key", i+1, fault.MessageOf(err))
		}
		if err := made.Validate(s.ctx, sample); err != nil {
			return fault.Errorf(fault.Internal, "the schema does not take sample %d: %v", i+1, err)
		}
	}
	return nil
}
