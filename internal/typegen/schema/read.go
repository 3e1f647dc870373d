package schema

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

const (
	// maxBytes is the largest document that is read. Registries hold large ones.
	maxBytes = 32 << 20
	maxDepth = 256

	// renamed is put before a property whose name is a word of OpenAPI, when a
	// registry exports it as draft 4.
	renamed = "x-amazon-open-api-schema-"
)

// Read reads a document, which a registry knows by name. It may be saved as
// DescribeSchema answers it, in a member Content. The fault is Invalid.
func Read(name string, data []byte) (*Document, error) {
	return read(&Document{Name: name}, data, true)
}

func read(d *Document, data []byte, mayBeWrapped bool) (*Document, error) {
	var w wireDocument
	if err := decode(d.Name, data, &w); err != nil {
		return nil, err
	}
	switch {
	case w.Content != nil && mayBeWrapped:
		return readWrapped(d, w)
	case w.Components.Schemas != nil:
		readOpenAPI(d, w)
	default:
		var root wireType
		if err := decode(d.Name, data, &root); err != nil {
			return nil, err
		}
		readDraft4(d, w, root)
	}
	if d.Detail == nil && len(d.Components) == 0 {
		return nil, fault.Errorf(fault.Invalid, "schema %q describes no type: it has neither components/schemas nor definitions nor properties", d.Name)
	}
	d.resolve()
	return d, nil
}

// wireDocument has what either format has at its top.
type wireDocument struct {
	Components struct {
		Schemas map[string]wireType `json:"schemas"`
	} `json:"components"`
	Definitions map[string]wireType `json:"definitions"`
	Defs        map[string]wireType `json:"$defs"`
	Title       jsontext.Value      `json:"title"`

	Content       jsontext.Value `json:"Content"`
	SchemaName    jsontext.Value `json:"SchemaName"`
	SchemaVersion jsontext.Value `json:"SchemaVersion"`
}

// wireType keeps as text what documents are known to write in several ways.
type wireType struct {
	Ref        jsontext.Value      `json:"$ref"`
	Type       jsontext.Value      `json:"type"`
	Nullable   jsontext.Value      `json:"nullable"`
	Format     jsontext.Value      `json:"format"`
	Properties map[string]wireType `json:"properties"`
	Required   jsontext.Value      `json:"required"`
	Additional *wireType           `json:"additionalProperties"`
	Items      *wireType           `json:"items"`
	Enum       jsontext.Value      `json:"enum"`
	MaxItems   jsontext.Value      `json:"maxItems"`
	MaxMembers jsontext.Value      `json:"maxProperties"`
	AllOf      []wireType          `json:"allOf"`
	AnyOf      []wireType          `json:"anyOf"`
	OneOf      []wireType          `json:"oneOf"`
	Source     jsontext.Value      `json:"x-amazon-events-source"`
	DetailType jsontext.Value      `json:"x-amazon-events-detail-type"`

	kind jsontext.Kind
}

// UnmarshalJSONFrom takes true, false and lists where schemas may stand.
func (t *wireType) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	t.kind = dec.PeekKind()
	if t.kind != '{' {
		return dec.SkipValue()
	}
	type plain wireType
	return json.UnmarshalDecode(dec, (*plain)(t))
}

// decode reads JSON strictly, and says of what is no JSON what it looks like.
func decode(name string, data []byte, v any) error {
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\uFEFF")))
	switch {
	case len(data) > maxBytes:
		return fault.Errorf(fault.Invalid, "schema %q has %d bytes, at most %d are read", name, len(data), maxBytes)
	case len(data) == 0:
		return fault.Errorf(fault.Invalid, "schema %q is empty", name)
	case data[0] != '{' && looksLikeYAML(data):
		return fault.Errorf(fault.Invalid, "schema %q is YAML; want JSON, as the registry exports it", name)
	case data[0] != '{':
		return fault.Errorf(fault.Invalid, "schema %q is not a JSON object", name)
	case events.TooDeep(data, maxDepth) >= 0:
		return fault.Errorf(fault.Invalid, "schema %q is nested deeper than %d", name, maxDepth)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fault.Errorf(fault.Invalid, "schema %q cannot be read: %v", name, err)
	}
	return nil
}

func looksLikeYAML(data []byte) bool {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return bytes.HasPrefix(data, []byte("---")) || bytes.HasPrefix(data, []byte("#")) ||
		bytes.Contains(line, []byte(": ")) || bytes.HasSuffix(bytes.TrimSpace(line), []byte(":"))
}

// readWrapped reads what DescribeSchema answers: Content is the document, most
// often as a string.
func readWrapped(d *Document, w wireDocument) (*Document, error) {
	if name := text(w.SchemaName); name != "" {
		d.Name = name
	}
	d.Version = text(w.SchemaVersion)
	content := []byte(w.Content)
	if w.Content.Kind() == '"' {
		content = []byte(text(w.Content))
	}
	return read(d, content, false)
}

// readOpenAPI takes the event from the component that names its source, and
// all others as types.
func readOpenAPI(d *Document, w wireDocument) {
	d.Components = make(map[string]*Type, len(w.Components.Schemas))
	event := ""
	for _, name := range sorted(w.Components.Schemas) {
		t := w.Components.Schemas[name]
		if event == "" && t.isEvent() || name == "AWSEvent" && t.isEvent() {
			event = name
		}
		d.Components[name] = t.model()
	}
	if event != "" {
		d.takeEvent(w.Components.Schemas[event])
		delete(d.Components, event)
	}
}

// readDraft4 takes the event from the document's root.
func readDraft4(d *Document, w wireDocument, root wireType) {
	d.Components = make(map[string]*Type, len(w.Definitions)+len(w.Defs))
	for _, defs := range []map[string]wireType{w.Definitions, w.Defs} {
		for name, t := range defs {
			d.Components[name] = t.model()
		}
	}
	switch {
	case root.isEvent():
		d.takeEvent(root)
	case root.Properties != nil:
		name := text(w.Title)
		if name == "" {
			name = d.Name
		}
		d.Components[name] = root.model()
	}
}

func (t wireType) isEvent() bool {
	_, detail := t.Properties["detail"]
	return detail && text(t.Source) != "" && text(t.DetailType) != ""
}

func (d *Document) takeEvent(t wireType) {
	d.Source, d.DetailType = text(t.Source), text(t.DetailType)
	d.Detail = t.Properties["detail"].model()
}

// model makes the one model of what either format writes.
func (t wireType) model() *Type {
	if ref := text(t.Ref); ref != "" {
		return &Type{Ref: ref, Nullable: isTrue(t.Nullable)}
	}
	if alternatives := append(append(t.OneOf, t.AnyOf...), t.AllOf...); len(alternatives) > 0 {
		return choice(alternatives, isTrue(t.Nullable))
	}
	m := &Type{Nullable: isTrue(t.Nullable), Format: text(t.Format)}
	m.setKinds(t)
	if m.Is("object") {
		m.setMembers(t)
	}
	if m.Is("array") {
		m.Items = subschema(t.Items)
	}
	m.Empty = m.Is("array") && string(t.MaxItems) == "0" ||
		m.Is("object") && string(t.MaxMembers) == "0" ||
		len(m.Kinds) == 0 && isOnlyNull(t.Enum)
	return m
}

func (m *Type) setKinds(t wireType) {
	var kinds []string
	switch t.Type.Kind() {
	case '"':
		kinds = []string{text(t.Type)}
	case '[':
		_ = json.Unmarshal(t.Type, &kinds) // what is no list of strings says nothing
	}
	for _, kind := range kinds {
		switch kind {
		case "null":
			m.Nullable = true
		case "any":
			m.Kinds = nil
			return
		default:
			m.Kinds = append(m.Kinds, kind)
		}
	}
	switch {
	case len(kinds) > 0:
	case t.Properties != nil || subschema(t.Additional) != nil:
		m.Kinds = []string{"object"}
	case t.Items != nil:
		m.Kinds = []string{"array"}
	}
	m.normalize()
}

// normalize puts the kinds in order: an integer is a number too.
func (m *Type) normalize() {
	slices.Sort(m.Kinds)
	m.Kinds = slices.Compact(m.Kinds)
	if slices.Contains(m.Kinds, "number") && slices.Contains(m.Kinds, "integer") {
		m.Kinds, m.Format = slices.DeleteFunc(m.Kinds, func(k string) bool { return k == "integer" }), ""
	}
	if len(m.Kinds) > 1 {
		m.Format = ""
	}
}

func (m *Type) setMembers(t wireType) {
	m.Properties = make(map[string]*Type, len(t.Properties))
	for name, p := range t.Properties {
		if plain, ok := strings.CutPrefix(name, renamed); ok {
			if _, taken := t.Properties[plain]; !taken && plain != "" {
				name = plain
			}
		}
		m.Properties[name] = p.model()
	}
	m.Required = make(map[string]bool)
	var required []string
	if json.Unmarshal(t.Required, &required) == nil {
		for _, name := range required {
			if _, described := m.Properties[name]; described {
				m.Required[name] = true
			}
		}
	}
	m.Additional = subschema(t.Additional)
}

// choice is the type of what may be, or must be, several types at once.
func choice(alternatives []wireType, nullable bool) *Type {
	var some []*Type
	for _, a := range alternatives {
		if m := a.model(); len(m.Kinds) == 0 && m.Nullable && m.Ref == "" {
			nullable = true // null itself
		} else {
			some = append(some, m)
		}
	}
	if len(some) == 1 {
		some[0].Nullable = some[0].Nullable || nullable
		return some[0]
	}
	if merged := scalars(some); merged.IsStringOrNumber() {
		merged.Nullable = merged.Nullable || nullable
		return merged
	}
	return &Type{Choice: true, Nullable: nullable}
}

// scalars is one type of all the kinds of the alternatives, if all are strings or
// numbers.
func scalars(alternatives []*Type) *Type {
	merged := &Type{}
	for _, a := range alternatives {
		if a.Ref != "" || a.Choice || len(a.Kinds) == 0 {
			return &Type{}
		}
		merged.Kinds = append(merged.Kinds, a.Kinds...)
		merged.Nullable = merged.Nullable || a.Nullable
	}
	merged.normalize()
	return merged
}

// subschema is the model of what may stand for a schema: true is any type;
// false and lists say nothing that a Go type could keep.
func subschema(t *wireType) *Type {
	if t == nil || t.kind != '{' && t.kind != 't' {
		return nil
	}
	return t.model()
}

// resolve points each reference to its component, or marks it dangling.
func (d *Document) resolve() {
	var walk func(*Type)
	walk = func(t *Type) {
		if t == nil {
			return
		}
		if t.Ref != "" {
			if name, ok := d.component(t.Ref); ok {
				t.Ref = name
			} else {
				t.Dangling = true
			}
			return
		}
		for _, p := range t.Properties {
			walk(p)
		}
		walk(t.Items)
		walk(t.Additional)
	}
	walk(d.Detail)
	for _, t := range d.Components {
		walk(t)
	}
}

// component finds what a reference names. Registries do not escape the names
// in references, so it is tried as it stands first.
func (d *Document) component(ref string) (string, bool) {
	for _, prefix := range []string{"#/components/schemas/", "#/definitions/", "#/$defs/"} {
		name, ok := strings.CutPrefix(ref, prefix)
		if !ok {
			continue
		}
		if d.Components[name] != nil {
			return name, true
		}
		if plain, err := url.PathUnescape(name); err == nil {
			name = plain
		}
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		return name, d.Components[name] != nil
	}
	return "", false
}

// Names lists a document's components in order.
func (d *Document) Names() []string { return sorted(d.Components) }

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// text is the value of a JSON string, and "" for all else.
func text(v jsontext.Value) string {
	if v.Kind() != '"' {
		return ""
	}
	b, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return ""
	}
	return string(b)
}

func isTrue(v jsontext.Value) bool { return v.Kind() == 't' }

func isOnlyNull(enum jsontext.Value) bool {
	var values []jsontext.Value
	return json.Unmarshal(enum, &values) == nil && len(values) == 1 && values[0].Kind() == 'n'
}
