package outputschema

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
	"github.com/blockforger/eventrouter/tenant"
)

// A Document describes the output events of one source and detail-type.
type Document struct {
	Name    string // of the schema in the registry
	Content []byte // OpenAPI 3
	// Ruled says that an output rule sends such events. Else the document tells
	// what a rule without source and detail-type of its own would send.
	Ruled bool
}

// Documents describes every operation on every schema of a tenant, in order of
// their names. Events of several schemas or operations that a rule gives one
// source and detail-type are one document, which takes each of them. The fault
// is Invalid.
func Documents(t events.TenantID, schemas []*tenant.Schema) ([]Document, error) {
	kinds := make(map[string]*kind)
	for _, s := range schemas {
		for _, op := range events.Writes {
			outputs, ruled := s.Outputs(op), true
			if len(outputs) == 0 {
				outputs, ruled = []tenant.Output{unruled(s.ID, op)}, false
			}
			for _, out := range outputs {
				if err := add(kinds, t, s, op, out, ruled); err != nil {
					return nil, err
				}
			}
		}
	}
	documents := make([]Document, 0, len(kinds))
	for name, k := range kinds {
		text, err := schema.EncodeOpenAPI(name, k.document())
		if err != nil {
			return nil, fault.Wrap("outputschema.Documents", fault.Internal, err)
		}
		documents = append(documents, Document{Name: name, Content: text, Ruled: k.ruled})
	}
	slices.SortFunc(documents, func(a, b Document) int { return strings.Compare(a.Name, b.Name) })
	return documents, nil
}

func unruled(s events.SchemaID, op events.Operation) tenant.Output {
	return tenant.Output{Source: events.OutputSource, DetailType: events.DetailType(string(s) + "." + string(op))}
}

// kind is what is known of the events of one source and detail-type.
type kind struct {
	source     string
	detailType events.DetailType
	ruled      bool
	details    []node
	components map[string]any
}

func add(kinds map[string]*kind, t events.TenantID, s *tenant.Schema, op events.Operation, out tenant.Output, ruled bool) error {
	name := safe(out.Source) + "@" + safe(string(out.DetailType))
	k := kinds[name]
	if k == nil {
		k = &kind{source: out.Source, detailType: out.DetailType, components: make(map[string]any)}
		kinds[name] = k
	}
	if k.source != out.Source || k.detailType != out.DetailType {
		return fault.Errorf(fault.Invalid, "%q from %q and %q from %q would both be schema %q; rename one of the detail-types",
			k.detailType, k.source, out.DetailType, out.Source, name)
	}
	k.ruled = k.ruled || ruled
	payload, err := k.payload(s, op, out.Record)
	if err != nil {
		return fault.Errorf(fault.Invalid, "%s/%s: %s", t, s.ID, fault.MessageOf(err))
	}
	detail := detailSchema(t, s.ID, op, payload, out.Metadata)
	if !slices.ContainsFunc(k.details, func(d node) bool { return equal(d, detail) }) {
		k.details = append(k.details, detail)
	}
	return nil
}

// payload describes what an operation's event holds, as a component of its own.
func (k *kind) payload(s *tenant.Schema, op events.Operation, record bool) (node, error) {
	root, err := parse(s.Raw)
	if err != nil {
		return nil, err
	}
	name, patch := safe(string(s.ID)), op == events.Patch && !record
	var payload node
	if op == events.Delete && !record {
		payload, name = node{}, name+"Key"
	} else {
		payload = newConverter(name, root, patch, k.components).schema(root)
	}
	if patch {
		name += "Patch"
	}
	if payload["$ref"] == nil {
		payload = withKey(payload, s.KeyField, s.IntegerKey)
	}
	k.components[name] = payload
	return node{"$ref": "#/components/schemas/" + name}, nil
}

func detailSchema(t events.TenantID, s events.SchemaID, op events.Operation, payload node, metadata bool) node {
	one := func(value string) node { return node{"type": "string", "enum": []any{value}} }
	properties := node{"tenant": one(string(t)), "rootSchema": one(string(s)), "operation": one(string(op)), "payload": payload}
	required := []any{"operation", "payload", "rootSchema", "tenant"}
	if metadata {
		properties["metadata"] = metadataSchema()
		required = append(required, "metadata")
	}
	return node{"type": "object", "properties": properties, "required": required}
}

// metadataSchema is that of [events.OutputMetadata].
func metadataSchema() node {
	text, integer := node{"type": "string"}, node{"type": "integer", "format": "int64"}
	return node{"type": "object",
		"properties": node{"outputId": text, "inputEventId": text, "correlationId": text, "hops": integer,
			"revision": integer, "time": node{"type": "string", "format": "date-time"}},
		"required": []any{"correlationId", "hops", "inputEventId", "outputId", "revision", "time"}}
}

// document has the event, its details and what they refer to.
func (k *kind) document() map[string]any {
	var detail any = k.details[0]
	if len(k.details) > 1 {
		some := make([]any, len(k.details))
		for i, d := range k.details {
			some[i] = d
		}
		detail = node{"anyOf": some}
	}
	k.components["AWSEvent"] = schema.EventNode(k.source, string(k.detailType), node{"$ref": "#/components/schemas/Detail"})
	k.components["Detail"] = detail
	return k.components
}

func equal(a, b node) bool {
	x, errX := json.Marshal(a, json.Deterministic(true))
	y, errY := json.Marshal(b, json.Deterministic(true))
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
