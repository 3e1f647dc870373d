package jsonschema

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	present "github.com/santhosh-tekuri/jsonschema/v6"
	presentkind "github.com/santhosh-tekuri/jsonschema/v6/kind"
)

var pairs = flag.Int("pairs", 10_000, "how many pairs of schema and document TestDifferential generates")

// TestDifferential compares this package with santhosh-tekuri/jsonschema on
// generated schemas and documents. Each difference must have an explanation;
// `go test -run Differential -v -args -pairs 1000000` prints how many there are.
func TestDifferential(t *testing.T) {
	const documents = 10 // of each schema
	explained := map[string]int{}
	compared, refused, valid := 0, 0, 0
	for seed := uint64(0); compared+refused < *pairs; seed++ {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 13)), draft: draft(seed % 5)}
		schema := g.document()
		text := marshal(schema)
		own, ownErr := Compile(text, nil)
		other, otherErr := compilePresentSafely(text)
		if (ownErr == nil) != (otherErr == nil) {
			if reason := explainCompile(schema, ownErr, otherErr); reason != "" {
				explained[reason]++
				refused++
			} else {
				t.Fatalf("seed %d: %s\nown: %v\npresent: %v", seed, text, ownErr, otherErr)
			}
			continue
		}
		if ownErr != nil {
			refused++
			continue
		}
		for range documents {
			doc := marshal(g.value(3))
			compared++
			ownErr := own.Validate(context.Background(), doc)
			otherErr := validatePresent(t, other, doc)
			if ownErr == nil {
				valid++
			}
			if (ownErr == nil) == (otherErr == nil) {
				continue
			}
			reason := explainValidate(t, schema, doc, ownErr, otherErr)
			if reason == "" {
				t.Fatalf("seed %d: %s\n%s\nown: %v\npresent: %v", seed, text, doc, ownErr, otherErr)
			}
			explained[reason]++
		}
	}
	t.Logf("%d pairs compared, of which %d valid; %d schemas refused by one or both", compared, valid, refused)
	for _, reason := range slices.Sorted(maps.Keys(explained)) {
		t.Logf("%7d differences: %s", explained[reason], reason)
	}
}

func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

func compilePresentSafely(text []byte) (s *present.Schema, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	tree, err := present.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := present.NewCompiler()
	c.DefaultDraft(present.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("schema.json", tree); err != nil {
		return nil, err
	}
	return c.Compile("schema.json")
}

func validatePresent(t *testing.T, s *present.Schema, doc []byte) error {
	v, err := present.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return s.Validate(v)
}

// explainCompile says why only one of the two takes a schema; "" if it is not
// known.
func explainCompile(schema any, own, other error) string {
	if invalid, ok := errors.AsType[*CompileError](own); ok {
		for _, d := range invalid.Diagnostics {
			if strings.Contains(d.Message, "without end") {
				return "own refuses a schema that applies itself without end; present refuses the document"
			}
		}
	}
	_, refused := errors.AsType[*present.SchemaValidationError](other)
	switch matches := matchesMetaschema(schema); {
	case own != nil && !matches:
		return "the published metaschema refuses the schema, present's copy does not"
	case own == nil && refused && matches:
		return "the published metaschema takes the schema, present's copy does not"
	}
	if own != nil {
		if _, err := Compile(marshal(without(without(schema, "then"), "else")), nil); err == nil {
			return "present does not follow references of a then or else that never applies"
		}
	}
	if own == nil && beforeDraft2019(schema) {
		if _, err := compilePresentSafely(marshal(bareReferences(schema))); err == nil {
			return "present follows references beside $ref in drafts 4 to 7, which say that they are ignored"
		}
	}
	if own == nil {
		if _, err := compilePresentSafely(marshal(emptyAnchors(schema))); err == nil {
			return "present follows references of definitions that only a dynamic anchor names, and nothing refers to"
		}
	}
	return ""
}

// emptyAnchors returns a schema without what is beside a $dynamicAnchor.
func emptyAnchors(schema any) any {
	copied := without(schema, "").(map[string]any)
	defs, _ := copied["$defs"].(map[string]any)
	for name, d := range defs {
		if anchor, ok := d.(map[string]any)["$dynamicAnchor"]; ok {
			defs[name] = map[string]any{"$dynamicAnchor": anchor}
		}
	}
	return copied
}

// matchesMetaschema reports whether a schema matches its metaschema.
func matchesMetaschema(schema any) bool {
	uri := schema.(map[string]any)["$schema"].(string)
	meta, err := Compile([]byte(`{"$ref":"`+uri+`"}`), nil)
	return err == nil && meta.Validate(context.Background(), marshal(schema)) == nil
}

// explainValidate says why the two differ about a document; "" if it is not
// known.
func explainValidate(t *testing.T, schema any, doc []byte, own, other error) string {
	if hasCycle(other) {
		return "present follows a reference without end"
	}
	if limit, ok := errors.AsType[*LimitError](own); ok && strings.Contains(limit.Reason, "nested deeper") {
		return "own ends the check of a reference without end, present takes the branch as failed"
	}
	for _, c := range []struct{ keyword, reason string }{
		{"format", "formats: own follows the RFCs, present is more lenient (TestFormats)"},
	} {
		if agree(t, without(schema, c.keyword), doc) {
			return c.reason
		}
	}
	if agree(t, withoutHugeCounts(schema), doc) {
		return "present takes minItems and the like for 0 where they have more than 64 bits"
	}
	if beforeDraft2019(schema) && agree(t, bareReferences(schema), doc) {
		return "present checks type, const, enum and format beside $ref in drafts 4 to 7, which say that it is ignored"
	}
	return ""
}

// withoutHugeCounts returns a schema without counts of more than 64 bits.
func withoutHugeCounts(v any) any {
	copied := without(v, "")
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				n, isNumber := value.(json.Number)
				if isNumber && len(n) > 18 && (strings.HasPrefix(name, "min") || strings.HasPrefix(name, "max")) && !strings.HasSuffix(name, "imum") {
					delete(v, name)
				}
				visit(value)
			}
		case []any:
			for _, value := range v {
				visit(value)
			}
		}
	}
	visit(copied)
	return copied
}

func beforeDraft2019(schema any) bool {
	return !strings.Contains(schema.(map[string]any)["$schema"].(string), "/draft/")
}

// bareReferences returns a schema without what is beside $ref.
func bareReferences(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		_, has := v["$ref"].(string)
		for name, value := range v {
			if !has || slices.Contains([]string{"$ref", "$schema", "definitions"}, name) {
				m[name] = bareReferences(value)
			}
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i := range v {
			l[i] = bareReferences(v[i])
		}
		return l
	}
	return v
}

// agree reports whether the two agree about a document.
func agree(t *testing.T, schema any, doc []byte) bool {
	text := marshal(schema)
	own, ownErr := Compile(text, nil)
	other, otherErr := compilePresentSafely(text)
	if ownErr != nil || otherErr != nil {
		return false
	}
	return (own.Validate(context.Background(), doc) == nil) == (validatePresent(t, other, doc) == nil)
}

// without returns a schema without a keyword.
func without(v any, keyword string) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for name, value := range v {
			if name != keyword {
				m[name] = without(value, keyword)
			}
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i := range v {
			l[i] = without(v[i], keyword)
		}
		return l
	}
	return v
}

func hasCycle(err error) bool {
	e, ok := errors.AsType[*present.ValidationError](err)
	if !ok {
		return false
	}
	if _, ok := e.ErrorKind.(*presentkind.RefCycle); ok {
		return true
	}
	return slices.ContainsFunc(e.Causes, func(c *present.ValidationError) bool { return hasCycle(c) })
}

// A generator makes schemas and documents from few names and values, so that
// they meet.
type generator struct {
	*rand.Rand
	draft draft
}

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

var names3 = []string{"a", "b", "foo", "bar", "a/b", "é"}

func (g *generator) name() string { return pick(g, names3...) }

func (g *generator) defs() string {
	if g.draft < draft2019 {
		return "definitions"
	}
	return "$defs"
}

// document makes a schema with definitions.
func (g *generator) document() any {
	s, ok := g.schema(3).(map[string]any)
	if !ok {
		s = map[string]any{}
	}
	defs := map[string]any{}
	for _, name := range []string{"a", "b", "c"} {
		d, isObject := g.schema(2).(map[string]any)
		if isObject {
			switch {
			case g.IntN(6) == 0 && g.draft >= draft2019:
				d["$anchor"] = name
			case g.IntN(4) == 0 && g.draft == draft2020:
				d["$dynamicAnchor"] = "dyn" + name
			case g.IntN(10) == 0 && g.draft >= draft6:
				d["$id"] = "other-" + name
			}
			defs[name] = d
		} else {
			defs[name] = map[string]any{}
		}
	}
	s[g.defs()] = defs
	s["$schema"] = metaschemaOf[[]string{"draft4", "draft6", "draft7", "draft2019-09", "draft2020-12"}[g.draft]]
	if g.draft == draft2019 && g.IntN(3) == 0 {
		s["$recursiveAnchor"] = true
	}
	if g.IntN(8) == 0 {
		s["$id"] = "http://example.com/root.json"
		if g.draft == draft4 {
			s["id"] = s["$id"]
			delete(s, "$id")
		}
	}
	return s
}

func (g *generator) schema(depth int) any {
	if g.draft >= draft6 && g.IntN(12) == 0 {
		return g.IntN(3) > 0
	}
	s := map[string]any{}
	for range 1 + g.IntN(3) {
		g.keyword(s, depth)
	}
	return s
}

func (g *generator) list(depth int) []any {
	l := []any{}
	for range 1 + g.IntN(3) {
		l = append(l, g.schema(depth-1))
	}
	return l
}

func (g *generator) schemaMap(depth int) map[string]any {
	m := map[string]any{}
	for range g.IntN(4) {
		m[g.name()] = g.schema(depth - 1)
	}
	return m
}

func (g *generator) names() []any {
	l := []any{}
	for _, i := range g.Perm(len(names3))[:1+g.IntN(2)] {
		l = append(l, names3[i])
	}
	return l
}

var someFormats = []string{"date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uri-reference", "iri", "iri-reference",
	"uri-template", "uuid", "json-pointer", "relative-json-pointer", "regex", "semver", "period", "idn-email", "nothing"}

var somePatterns = []string{"^a", "o+$", "^[a-z]*$", `\d`, `^\w+$`, `.`, `^$`, "a|b", `^\S+$`, `(fo+|ba.)`, `\.`, `^[^a-c]`, `^.{2,3}$`, `\p{L}`, "é", "^(?:a|foo)$"}

// keyword adds a keyword to a schema; now and then with a value that is wrong.
func (g *generator) keyword(s map[string]any, depth int) {
	if g.IntN(150) == 0 {
		all := keywords[g.IntN(int(keywordCount))]
		if all.first <= g.draft && g.draft <= all.last && all.shape != anything && !strings.HasPrefix(all.name, "$") && all.name != "id" {
			s[all.name] = g.value(1)
		}
		return
	}
	if depth <= 0 || g.IntN(2) == 0 {
		g.assertion(s)
		return
	}
	g.applicator(s, depth)
}

func (g *generator) assertion(s map[string]any) {
	count := func() any { return pick[any](g, 0, 1, 2, 3, json.Number("2.0"), json.Number("1e0")) }
	switch g.IntN(20) {
	case 0, 1, 2:
		s["type"] = pick(g, typeNames[:]...)
		if g.IntN(3) == 0 {
			p := g.Perm(len(typeNames))
			s["type"] = []any{typeNames[p[0]], typeNames[p[1]]}
		}
	case 3:
		l := []any{}
		for range 1 + g.IntN(12) {
			v := g.value(1)
			if !slices.ContainsFunc(l, func(w any) bool { return sameJSON(v, w) }) {
				l = append(l, v)
			}
		}
		s["enum"] = l
	case 4:
		if g.draft >= draft6 {
			s["const"] = g.value(2)
		}
	case 5:
		s["multipleOf"] = pick[any](g, 1, 2, json.Number("0.5"), json.Number("0.01"), json.Number("1.50"), json.Number("1e-8"), json.Number("123456789012345678901"), json.Number("3e2"))
	case 6, 7:
		s[pick(g, "maximum", "minimum")] = g.number()
	case 8:
		name := pick(g, "maximum", "minimum")
		exclusive := "exclusiveM" + name[1:]
		if g.draft == draft4 {
			s[name], s[exclusive] = g.number(), g.IntN(2) == 0
		} else {
			s[exclusive] = g.number()
		}
	case 9:
		s[pick(g, "maxLength", "minLength")] = count()
	case 10:
		s["pattern"] = pick(g, somePatterns...)
	case 11, 12:
		s["format"] = pick(g, someFormats...)
	case 13:
		s[pick(g, "maxItems", "minItems")] = count()
	case 14:
		s["uniqueItems"] = g.IntN(4) > 0
	case 15:
		s[pick(g, "maxProperties", "minProperties")] = count()
	case 16, 17:
		s["required"] = g.names()
	case 18:
		if g.draft >= draft2019 {
			s["dependentRequired"] = map[string]any{g.name(): g.names()}
		} else {
			s["dependencies"] = map[string]any{g.name(): g.names()}
		}
	case 19:
		s[pick(g, "title", "description", "$comment")] = "text"
	}
}

func (g *generator) applicator(s map[string]any, depth int) {
	below := func() any { return g.schema(depth - 1) }
	switch g.IntN(22) {
	case 0, 1, 2:
		s["properties"] = g.schemaMap(depth)
	case 3:
		s["patternProperties"] = map[string]any{pick(g, somePatterns...): below(), pick(g, somePatterns...): below()}
	case 4:
		s["additionalProperties"] = below()
	case 5:
		s["additionalProperties"] = false
	case 6:
		if g.draft >= draft6 {
			s["propertyNames"] = below()
		}
	case 7:
		s["items"] = below()
	case 8:
		if g.draft == draft2020 {
			s["prefixItems"] = g.list(depth)
		} else {
			s["items"] = g.list(depth)
			s["additionalItems"] = pick(g, any(false), below())
		}
	case 9:
		if g.draft >= draft6 {
			s["contains"] = below()
			if g.draft >= draft2019 && g.IntN(2) == 0 {
				s[pick(g, "minContains", "maxContains")] = g.IntN(3)
			}
		}
	case 10:
		if g.draft >= draft2019 {
			s["dependentSchemas"] = map[string]any{g.name(): below()}
		} else {
			s["dependencies"] = map[string]any{g.name(): below()}
		}
	case 11:
		s["allOf"] = g.list(depth)
	case 12, 13:
		s["anyOf"] = g.list(depth)
	case 14, 15:
		s["oneOf"] = g.list(depth)
	case 16:
		s["not"] = below()
	case 17:
		if g.draft >= draft7 {
			s["if"] = below()
			s[pick(g, "then", "else")] = below()
		}
	case 18:
		if g.draft >= draft2019 {
			s["unevaluatedProperties"] = pick(g, any(false), below())
		}
	case 19:
		if g.draft >= draft2019 {
			s["unevaluatedItems"] = pick(g, any(false), below())
		}
	case 20:
		s["$ref"] = "#/" + g.defs() + "/" + pick(g, "a", "b", "c")
		if g.IntN(6) == 0 {
			s["$ref"] = pick(g, "#", "#a", "other-a", "#/properties/a", s["$ref"].(string)+"/not")
		}
	case 21:
		switch g.draft {
		case draft2019:
			s["$recursiveRef"] = "#"
		case draft2020:
			s["$dynamicRef"] = pick(g, "#dyna", "#dynb", "#dync")
		}
	}
}

func (g *generator) number() json.Number {
	return pick(g, json.Number("0"), "1", "2", "3", "-1", "1.0", "1.5", "0.5", "2.50", "1e2", "-0", "0.01", "3e-1", "100", "1.00000000000000000001",
		"12345678901234567890", "123456789012345678901", "1E+2", "-2.5e0", "10e-1")
}

var someStrings = []string{"", "a", "b", "foo", "bar", "é", "a/b", "ab", "12", "A b", "𝒳y", "日本語", "\n", "#"}

func (g *generator) value(depth int) any {
	n := 10
	if depth <= 0 {
		n = 6
	}
	switch g.IntN(n) {
	case 0:
		return nil
	case 1:
		return g.IntN(2) == 0
	case 2, 3:
		return g.number()
	case 4:
		return pick(g, someStrings...)
	case 5:
		return pick(g, formatSamples...)
	case 6, 7:
		l := []any{}
		for range g.IntN(4) {
			l = append(l, g.value(depth-1))
		}
		if len(l) > 0 && g.IntN(12) == 0 {
			for range 9 {
				l = append(l, g.value(depth-1))
			}
		}
		return l
	}
	m := map[string]any{}
	for range g.IntN(4) {
		m[g.name()] = g.value(depth - 1)
	}
	return m
}

// sameJSON reports whether two generated values are equal in JSON Schema.
func sameJSON(v, w any) bool {
	var d, e document
	var p parser
	if p.parse(&d, marshal(v), 64) != nil || p.parse(&e, marshal(w), 64) != nil {
		return false
	}
	r := &run{steps: 1 << 40}
	return equal(r, &d, 0, &e, 0)
}

var formatSamples = []string{"2026-02-28", "2026-02-30T00:00:00Z", "2026-02-28T23:59:60Z", "12:00:00+01:00", "P1D", "P1Y2D", "PT1H", "a@example.com", "@example.com",
	"example.com", "-a.example", "127.0.0.1", "+1.2.3.4", "::1", "http://example.com/a?b#c", "//a/b", "<>", "http://é/", "{a,b}", "{", "550e8400-e29b-41d4-a716-446655440000",
	"/a~1b", "/a~2", "0#", "1.2.3", "^a(", "2026-01-01T00:00:00Z/P1D"}
