package infer

import (
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
)

// Of returns the type of one value. The fault is Invalid.
func Of(v jsontext.Value) (*schema.Type, error) {
	switch v.Kind() {
	case 'n':
		return &schema.Type{Nullable: true, Empty: true}, nil
	case 't', 'f':
		return kind("boolean"), nil
	case '"':
		return ofString(v)
	case '0':
		if _, err := strconv.ParseInt(string(v), 10, 64); err != nil {
			return kind("number"), nil
		}
		return &schema.Type{Kinds: []string{"integer"}, Format: "int64"}, nil
	case '[':
		return ofArray(v)
	case '{':
		return ofObject(v)
	}
	return nil, fault.Errorf(fault.Invalid, "sample is not valid JSON")
}

func kind(name string) *schema.Type { return &schema.Type{Kinds: []string{name}} }

func ofString(v jsontext.Value) (*schema.Type, error) {
	text, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "sample has a string that is not valid")
	}
	return &schema.Type{Kinds: []string{"string"}, Format: format(string(text))}, nil
}

func ofArray(v jsontext.Value) (*schema.Type, error) {
	var items []jsontext.Value
	if err := json.Unmarshal(v, &items); err != nil {
		return nil, fault.Errorf(fault.Invalid, "sample is not valid JSON")
	}
	t := &schema.Type{Kinds: []string{"array"}, Empty: len(items) == 0}
	for _, item := range items {
		of, err := Of(item)
		if err != nil {
			return nil, err
		}
		t.Items = Join(t.Items, of)
	}
	return t, nil
}

func ofObject(v jsontext.Value) (*schema.Type, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(v, &members); err != nil {
		return nil, fault.Errorf(fault.Invalid, "sample is not valid JSON")
	}
	t := &schema.Type{Kinds: []string{"object"}, Empty: len(members) == 0,
		Properties: make(map[string]*schema.Type), Required: make(map[string]bool)}
	for name, member := range members {
		of, err := Of(member)
		if err != nil {
			return nil, err
		}
		t.Properties[name], t.Required[name] = of, true
	}
	return asMap(t), nil
}

// Join returns the least type that takes all that a or b takes. Nil takes
// nothing.
func Join(a, b *schema.Type) *schema.Type {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case isNull(a):
		return orNull(b)
	case isNull(b):
		return orNull(a)
	}
	nullable := a.Nullable || b.Nullable
	kinds := joinKinds(a, b)
	if kinds == "" && isScalar(a) && isScalar(b) {
		return &schema.Type{Kinds: []string{"number", "string"}, Nullable: nullable}
	}
	if kinds == "" || a.Choice || b.Choice {
		return &schema.Type{Nullable: nullable}
	}
	t := &schema.Type{Kinds: []string{kinds}, Nullable: nullable, Empty: a.Empty && b.Empty}
	if a.Format == b.Format {
		t.Format = a.Format
	}
	switch kinds {
	case "array":
		t.Items = joinItems(a, b)
	case "object":
		joinMembers(t, a, b)
	}
	return t
}

func isNull(t *schema.Type) bool { return len(t.Kinds) == 0 && t.Empty }

func orNull(t *schema.Type) *schema.Type {
	copied := *t
	copied.Nullable = true
	return &copied
}

// isScalar reports whether the type is a string, a number, or either.
func isScalar(t *schema.Type) bool {
	return !t.Choice && t.Ref == "" && (t.Is("string") || t.Is("number") || t.Is("integer") || t.IsStringOrNumber())
}

// joinKinds is "" where the two have no kind in common: any value then.
func joinKinds(a, b *schema.Type) string {
	if len(a.Kinds) != 1 || len(b.Kinds) != 1 {
		return ""
	}
	x, y := a.Kinds[0], b.Kinds[0]
	numeric := func(k string) bool { return k == "integer" || k == "number" }
	switch {
	case x == y:
		return x
	case numeric(x) && numeric(y):
		return "number"
	}
	return ""
}

// joinItems keeps the items of an array apart from those of an empty one, which
// says nothing of them. An array of which items are not described takes any.
func joinItems(a, b *schema.Type) *schema.Type {
	switch {
	case a.Empty:
		return b.Items
	case b.Empty:
		return a.Items
	case a.Items == nil || b.Items == nil:
		return nil
	}
	return Join(a.Items, b.Items)
}

func joinMembers(t, a, b *schema.Type) {
	t.Properties, t.Required = make(map[string]*schema.Type), make(map[string]bool)
	maps.Copy(t.Properties, a.Properties)
	for name, p := range b.Properties {
		t.Properties[name] = Join(t.Properties[name], p)
	}
	for name := range a.Required {
		if b.Required[name] {
			t.Required[name] = true
		}
	}
	if a.Additional == nil && b.Additional == nil {
		*t = *asMap(t)
		return
	}
	// Once a map, always a map.
	t.Additional = Join(a.Additional, b.Additional)
	toMap(t)
}

// asMap turns an object into a map where its keys look like data.
func asMap(t *schema.Type) *schema.Type {
	odd, uniform := false, true
	var first string
	for name, p := range t.Properties {
		if isID(name) {
			toMap(t)
			return t
		}
		odd = odd || strings.ContainsAny(name, " /:")
		scalar := len(p.Kinds) == 1 && p.Kinds[0] != "object" && p.Kinds[0] != "array"
		if !isNull(p) {
			if first == "" && scalar {
				first = p.Kinds[0]
			}
			uniform = uniform && scalar && p.Kinds[0] == first
		}
	}
	if odd && uniform {
		toMap(t)
	}
	return t
}

func toMap(t *schema.Type) {
	for _, p := range t.Properties {
		t.Additional = Join(t.Additional, p)
	}
	t.Properties, t.Required = map[string]*schema.Type{}, map[string]bool{}
}

var (
	arnText  = regexp.MustCompile(`^arn:aws[a-z-]*:[a-z0-9.-]+:[^:]*:[^:]*:.+`)
	uuidText = regexp.MustCompile(`^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)
	ipv4Text = regexp.MustCompile(`^((25[0-5]|2[0-4]\d|1?\d?\d)(\.|$)){4}$`)
	// idText has the shapes of keys that are values: what begins with a digit, an
	// ARN, a mail address, a resource id such as i-0abc1234, six digits or more.
	idText = regexp.MustCompile(`^\d|^arn:|.@|^[a-z]+-[0-9a-f]{8,}$|\d{6}`)
)

func isID(key string) bool {
	return key == "" || len(key) > 80 || uuidText.MatchString(key) || idText.MatchString(key)
}

func format(s string) string {
	if _, err := time.Parse(time.RFC3339, s); err == nil {
		return "date-time"
	}
	if _, err := time.Parse(time.DateOnly, s); err == nil {
		return "date"
	}
	switch {
	case arnText.MatchString(s):
		return "arn"
	case uuidText.MatchString(s):
		return "uuid"
	case ipv4Text.MatchString(s):
		return "ipv4"
	}
	return ""
}
