package schema

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// node is a JSON object whose members are written in order of their names.
type node = map[string]any

// Encode writes a document as a registry exports it, in OpenAPI 3. [Read] reads
// it back as it was, but for references that lead nowhere.
func (d *Document) Encode() ([]byte, error) {
	components := node{}
	for name, t := range d.Components {
		components[name] = t.encode()
	}
	if d.IsEvent() {
		components["AWSEvent"] = EventNode(d.Source, d.DetailType, d.Detail.encode())
	}
	return EncodeOpenAPI(d.Name, components)
}

// EventNode is the component that describes a whole event with that detail.
func EventNode(source, detailType string, detail any) map[string]any {
	text := node{"type": "string"}
	return node{
		"type":                        "object",
		"x-amazon-events-source":      source,
		"x-amazon-events-detail-type": detailType,
		"required":                    []string{"account", "detail", "detail-type", "id", "region", "resources", "source", "time", "version"},
		"properties": node{
			"account": text, "detail": detail, "detail-type": text, "id": text, "region": text,
			"resources": node{"type": "array", "items": text},
			"source":    text, "time": node{"type": "string", "format": "date-time"}, "version": text,
		},
	}
}

// EncodeOpenAPI writes an OpenAPI 3 document that has nothing but components.
func EncodeOpenAPI(title string, components map[string]any) ([]byte, error) {
	b, err := json.Marshal(node{
		"openapi":    "3.0.0",
		"info":       node{"title": title, "version": "1.0.0"},
		"paths":      node{},
		"components": node{"schemas": components},
	}, json.Deterministic(true), jsontext.WithIndent("  "))
	return append(b, '\n'), err
}

// Node returns the type as a node of OpenAPI 3, with references to components.
func (t *Type) Node() map[string]any { return t.encode() }

func (t *Type) encode() node {
	n := node{}
	if t.Ref != "" {
		ref := t.Ref
		if !t.Dangling {
			ref = "#/components/schemas/" + ref
		}
		return node{"$ref": ref}
	}
	switch len(t.Kinds) {
	case 0:
	case 1:
		n["type"] = t.Kinds[0]
	default:
		n["type"] = t.Kinds
	}
	if t.Nullable {
		n["nullable"] = true
	}
	if t.Format != "" {
		n["format"] = t.Format
	}
	switch {
	case t.Items != nil:
		n["items"] = t.Items.encode()
	case t.Is("array"):
		n["items"] = node{} // OpenAPI wants some
	}
	if t.Additional != nil {
		n["additionalProperties"] = t.Additional.encode()
	}
	t.encodeMembers(n)
	if t.Empty {
		t.encodeEmpty(n)
	}
	return n
}

func (t *Type) encodeMembers(n node) {
	if len(t.Properties) > 0 {
		properties := node{}
		for name, p := range t.Properties {
			properties[name] = p.encode()
		}
		n["properties"] = properties
	}
	if len(t.Required) > 0 {
		n["required"] = sorted(t.Required)
	}
}

func (t *Type) encodeEmpty(n node) {
	switch {
	case t.Is("array"):
		n["maxItems"] = 0
	case t.Is("object"):
		n["maxProperties"] = 0
	default:
		n["enum"] = []any{nil}
	}
}
