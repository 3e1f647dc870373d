package tenant

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/jsonerror"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// parseSchema parses a schema file. The schema is nil if a diagnostic is fatal. It
// has no outputs yet: see [Schema.withTenant].
func parseSchema(t events.TenantID, id events.SchemaID, file string, data []byte, p policy) (*Schema, []diag.Diagnostic) {
	l := newSchemaLoader(t, id, file, data, p)
	l.load()
	return l.result()
}

// lintSchema is parseSchema with additional diagnostics: of what is valid, but probably
// not intended.
func lintSchema(t events.TenantID, id events.SchemaID, file string, data []byte, p policy) (*Schema, []diag.Diagnostic) {
	l := newSchemaLoader(t, id, file, data, p)
	l.linting = true
	l.load()
	return l.result()
}

func newSchemaLoader(t events.TenantID, id events.SchemaID, file string, data []byte, p policy) *schemaLoader {
	l := &schemaLoader{Source: diag.NewSource(file, data), tenant: t, policy: p}
	l.json = data[l.Begin:]
	l.schema = &Schema{ID: id, KeyField: "id", Backend: events.DynamoDB, LogKey: true, Raw: l.json}
	return l
}

// result returns the schema, or nil if a diagnostic is fatal.
func (l *schemaLoader) result() (*Schema, []diag.Diagnostic) {
	if _, refused := diag.FirstFatal(l.Diagnostics); refused {
		return nil, l.Diagnostics
	}
	return l.schema, l.Diagnostics
}

type schemaLoader struct {
	*diag.Source
	json   []byte // the text without a byte order mark
	tree   map[string]any
	tenant events.TenantID
	policy policy
	schema *Schema
	// admitted says that tree differs from the text: it declares the key field.
	admitted bool
	// declaredAt is the pointer to the declaration of the key field; "" is none.
	declaredAt string
	linting    bool // add the diagnostics of lintSchema
	unknown    int  // the number of unknown keywords
}

// maxSchema is the longest schema that is read. The compiler's time grows with
// the square of it, and a second of a cold start is too long already.
const maxSchema = 256 << 10

func (l *schemaLoader) load() {
	if len(l.json) > maxSchema {
		l.Errorf(0, "schema has %d bytes, at most %d are read", len(l.json), maxSchema)
		return
	}
	if !l.CheckUTF8() || !l.decode() {
		return
	}
	l.meta()
	if _, refused := diag.FirstFatal(l.Diagnostics); refused {
		return
	}
	l.key()
	l.compile()
	l.columns()
	l.names()
	if l.linting {
		l.checkKeyField()
		l.checkSatisfiable()
	}
}

func (l *schemaLoader) decode() bool {
	if len(bytes.TrimSpace(l.json)) == 0 {
		l.Errorf(0, "document is empty")
		return false
	}
	tree, err := decodeTree(l.json)
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at, reason := l.Begin+int(syntax.ByteOffset), "schema is not valid JSON: "+jsonerror.Reason(syntax)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			reason = "schema repeats a name in one object"
		}
		l.Errorf(at, "%s", reason)
		return false
	}
	if err != nil {
		l.failAt("", "%s", fault.MessageOf(malformed(err)))
		return false
	}
	object, ok := tree.(map[string]any)
	if !ok {
		l.failAt("", "schema must be an object, { … }")
	}
	l.tree = object
	return ok
}

// failAt adds a fatal error at the value that a pointer refers to.
func (l *schemaLoader) failAt(p jsontext.Pointer, format string, args ...any) {
	where, _ := locate(l.json, p)
	l.Errorf(l.Begin+where.nameAt, format, args...)
}

var metaFields = []string{"key", "backend", "logKey", "eventbridge-output"}

// meta reads the member meta, which is defined by eventrouter.
func (l *schemaLoader) meta() {
	if _, ok := l.tree["meta"]; !ok {
		return
	}
	if _, ok := l.tree["meta"].(map[string]any); !ok {
		l.failAt("/meta", "meta must be an object, { … }")
		return
	}
	where, _ := locate(l.json, "/meta")
	where.each(l.json, func(name string, at span) bool {
		l.metaField(name, jsontext.Value(l.json[at.valueAt:at.end]), at)
		return true
	})
}

func (l *schemaLoader) metaField(name string, v jsontext.Value, at span) {
	valueAt := l.Begin + at.valueAt
	switch name {
	case "key":
		if _, err := events.KeyOf(v, false); err != nil {
			l.Errorf(valueAt, "meta.key must be the name of a property, 1 to 256 bytes without control characters")
			return
		}
		l.schema.KeyField = unquote(v)
	case "backend":
		if v.Kind() != '"' {
			l.Errorf(valueAt, "meta.backend must be dynamodb, s3 or csv")
			return
		}
		backend, err := events.ParseBackend(unquote(v))
		if err != nil {
			l.Errorf(valueAt, "meta.backend: %s", fault.MessageOf(err))
			return
		}
		l.schema.Backend = backend
	case "logKey":
		if v.Kind() != 't' && v.Kind() != 'f' {
			l.Errorf(valueAt, "meta.logKey must be true or false")
			return
		}
		l.schema.LogKey = v.Kind() == 't'
	case "eventbridge-output":
		if v.Kind() != '[' {
			l.Errorf(valueAt, "meta.eventbridge-output must be a JSON array of output rules, [ … ]")
			return
		}
		l.schema.own = newRuleDecoder(l.Source, valueAt, string(v), l.tenant, l.schema.ID, l.policy).rules()
	default:
		l.Warnf(l.Begin+at.nameAt, "unknown member %q of meta%s", name, diag.Suggest(name, metaFields))
	}
}

// columns lists the top-level properties of a record.
func (l *schemaLoader) columns() {
	var columns []string
	for _, n := range applicable(l.tree) {
		if !n.always {
			continue
		}
		for _, name := range memberNames(l.json, jsontext.Pointer(n.pointer+"/properties")) {
			if !slices.Contains(columns, name) {
				columns = append(columns, name)
			}
		}
	}
	if !slices.Contains(columns, l.schema.KeyField) {
		columns = append([]string{l.schema.KeyField}, columns...)
	}
	l.schema.Columns = columns
}

// names lists the names of properties that the schema declares.
func (l *schemaLoader) names() {
	names := []string{l.schema.KeyField}
	for todo := []any{l.tree}; len(todo) > 0; {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch v := v.(type) {
		case []any:
			todo = append(todo, v...)
		case map[string]any:
			if declared, ok := v["properties"].(map[string]any); ok {
				names = slices.AppendSeq(names, maps.Keys(declared))
			}
			if required, ok := v["required"].([]any); ok {
				for _, name := range required {
					if name, ok := name.(string); ok {
						names = append(names, name)
					}
				}
			}
			todo = slices.AppendSeq(todo, maps.Values(v))
		}
	}
	slices.Sort(names)
	l.schema.names = slices.Clip(slices.Compact(names))
}

// checkMatches returns a fatal diagnostic if too many rules of the schema and its tenant
// can match one change.
func (s *Schema) checkMatches(t *Tenant, file string) []diag.Diagnostic {
	for _, op := range events.Writes {
		if _, n := countMatches(s.rulesWith(t), s.ID, op); n > maxMatches {
			txt := diag.NewSource(file, s.Raw)
			where, _ := locate(s.Raw, "/meta/eventbridge-output")
			txt.Errorf(where.nameAt, "with the tenant's, %d output rules match a %s, at most %d may", n, op, maxMatches)
			return txt.Diagnostics
		}
	}
	return nil
}

// escapeToken escapes a name for use in a JSON Pointer.
func escapeToken(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
