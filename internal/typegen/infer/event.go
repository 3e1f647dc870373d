package infer

import (
	"strings"
	"unicode"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
)

// Widen returns the schema of old and the sample together; old is nil for the
// first sample. The fault is Invalid.
func Widen(old *schema.Document, sample *events.Envelope) (*schema.Document, error) {
	if sample.Source == "" || sample.DetailType == "" {
		return nil, fault.Errorf(fault.Invalid, "sample has no source or no detail-type")
	}
	if sample.Detail.Kind() != '{' {
		return nil, fault.Errorf(fault.Invalid, "sample of %s from %s has a detail that is no object", sample.DetailType, sample.Source)
	}
	detail, err := Of(sample.Detail)
	if err != nil {
		return nil, err
	}
	if old == nil {
		return New(sample.Source, string(sample.DetailType), detail), nil
	}
	if old.Source != sample.Source || old.DetailType != string(sample.DetailType) {
		return nil, fault.Errorf(fault.Invalid, "schema %q is of %s from %s, the sample of %s from %s",
			old.Name, old.DetailType, old.Source, sample.DetailType, sample.Source)
	}
	return New(old.Source, old.DetailType, Join(inline(old, old.Detail, 0), detail)), nil
}

// New makes the document of an event with that detail.
func New(source, detailType string, detail *schema.Type) *schema.Document {
	name := Name(source, detailType)
	_, short, _ := strings.Cut(name, "@")
	return &schema.Document{Name: name, Source: source, DetailType: detailType,
		Detail: &schema.Type{Ref: short}, Components: map[string]*schema.Type{short: detail}}
}

// Name is the name that a registry would give the schema: the source, "@", and
// the detail-type's words run together.
func Name(source, detailType string) string {
	var b strings.Builder
	up := true
	for _, r := range detailType {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			up = true
			continue
		}
		if up {
			r = unicode.ToUpper(r)
		}
		b.WriteRune(r)
		up = false
	}
	if b.Len() == 0 {
		b.WriteString("Event")
	}
	safe := strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-/", r)) {
			return r
		}
		return '-'
	}, source)
	return strings.TrimLeft(safe, "./-") + "@" + b.String()
}

// Inline returns the type of a document's detail, with components in the place
// of the references to them.
func Inline(d *schema.Document) *schema.Type { return inline(d, d.Detail, 0) }

// maxInline is how deep components are followed; one that contains itself is
// any value where it does.
const maxInline = 64

// inline puts components in the place of the references to them.
func inline(d *schema.Document, t *schema.Type, depth int) *schema.Type {
	switch {
	case t == nil:
		return nil
	case t.Dangling || depth > maxInline:
		return &schema.Type{}
	case t.Ref != "":
		of := *inline(d, d.Components[t.Ref], depth+1)
		of.Nullable = of.Nullable || t.Nullable
		return &of
	}
	of := *t
	of.Items, of.Additional = inline(d, t.Items, depth+1), inline(d, t.Additional, depth+1)
	of.Properties = make(map[string]*schema.Type, len(t.Properties))
	for name, p := range t.Properties {
		of.Properties[name] = inline(d, p, depth+1)
	}
	return &of
}
