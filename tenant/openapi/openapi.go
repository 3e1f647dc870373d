// Package openapi describes a tenant's REST API as an OpenAPI 3.1 document, and its
// events as an AsyncAPI 3.0 document.
//
//	doc, err := openapi.Document(owner, schemas, "https://api.example.com")
//	doc, err = openapi.Events(owner, schemas)
//
// Each schema becomes a component under its own id, converted to the 2020-12
// draft that OpenAPI 3.1 speaks; references within its file are led to where it
// now stands. Where an example can be made that keeps to the schema there is
// one. The document is the same, byte for byte, for the same schemas.
//
// The package only computes and is safe for concurrent use.
package openapi

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/tenant"
)

// Document describes the API of a tenant with these schemas. server is what
// stands before the tenant's id in URLs, such as /api or https://example.com;
// "" is the root of whoever serves the document.
func Document(owner *tenant.Tenant, schemas []*tenant.Schema, server string) ([]byte, error) {
	if server == "" {
		server = "/"
	}
	d := document{OpenAPI: "3.1.0", Servers: []object{{"url": server}}, Security: []object{{"apiKey": []string{}}}}
	d.Info = object{
		"title": "Records of " + string(owner.ID), "version": "1",
		"description": "Every change is validated, billed and published as the same input event would be. A request that is carried out costs 10 tokens.",
	}
	d.Components = components{
		SecuritySchemes: object{"apiKey": object{"type": "apiKey", "in": "header", "name": "x-api-key"}},
		Schemas:         sharedSchemas(),
		Responses:       refusals(),
		Parameters:      parameters(),
		Headers:         headers(),
	}
	d.Paths = object{
		"/" + string(owner.ID) + "/_usage":        usagePath(),
		"/" + string(owner.ID) + "/openapi.json":  descriptionPath(),
		"/" + string(owner.ID) + "/asyncapi.json": eventsPath(),
	}
	for _, s := range schemas {
		p := newPaths(owner.ID, s)
		d.Components.Schemas[string(s.ID)] = convert(s)
		if p.created != string(s.ID) {
			d.Components.Schemas[p.created] = keyless(s)
		}
		base := "/" + string(owner.ID) + "/" + string(s.ID)
		d.Paths[base] = p.collection()
		d.Paths[base+"/{key}"] = p.record()
	}
	b, err := json.Marshal(d, json.Deterministic(true), jsontext.WithIndent("  "))
	return b, fault.Wrap("openapi.Document", fault.Internal, err)
}

// An object is a part of the document that is written out in this package. Its
// members are sorted by name.
type object = map[string]any

type document struct {
	OpenAPI    string     `json:"openapi"`
	Info       object     `json:"info"`
	Servers    []object   `json:"servers"`
	Security   []object   `json:"security"`
	Paths      object     `json:"paths"`
	Components components `json:"components"`
}

type components struct {
	SecuritySchemes object `json:"securitySchemes"`
	Schemas         object `json:"schemas"`
	Responses       object `json:"responses"`
	Parameters      object `json:"parameters"`
	Headers         object `json:"headers"`
}

// Names of our own schemas hold a dot, which no schema id does.
const (
	problemSchema = "answer.problem"
	receiptSchema = "answer.receipt"
	usageSchema   = "answer.usage"
)

func schemaRef(name string) object { return object{"$ref": "#/components/schemas/" + name} }

func sharedSchemas() object {
	text := object{"type": "string"}
	whole := object{"type": "integer", "minimum": 0}
	return object{
		problemSchema: object{
			"description": "A problem document (RFC 9457). The type is stable; programs act on it.",
			"type":        "object",
			"required":    []string{"type", "title", "status"},
			"properties": object{
				"type": object{"type": "string", "format": "uri"}, "title": text, "detail": text, "requestId": text,
				"status": object{"type": "integer", "minimum": 400, "maximum": 599},
				"errors": object{"type": "array", "items": object{
					"type": "object", "required": []string{"pointer", "message"},
					"properties": object{"pointer": object{"type": "string", "description": "A JSON Pointer into the body."}, "message": text},
				}},
			},
		},
		receiptSchema: object{
			"description": "What a change came to. A request that is sent again under its Idempotency-Key gets the same one.",
			"type":        "object",
			"required":    []string{"tenant", "schema", "operation", "key", "revision", "etag"},
			"properties": object{
				"tenant": text, "schema": text, "operation": object{"enum": []string{"POST", "PUT", "PATCH"}},
				"key": text, "revision": object{"type": "integer", "minimum": 1}, "etag": text,
			},
		},
		usageSchema: object{
			"type":     "object",
			"required": []string{"tenant", "month", "tokens", "bySchema", "byDay"},
			"properties": object{
				"tenant": text, "month": object{"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"}, "tokens": whole,
				"bySchema": object{"type": "object", "additionalProperties": object{"type": "object", "additionalProperties": whole}},
				"byDay":    object{"type": "object", "additionalProperties": whole},
			},
		},
	}
}

// headers are those of answers.
func headers() object {
	text := func(description string) object {
		return object{"description": description, "schema": object{"type": "string"}}
	}
	return object{
		"ETag":     text("The version of the record, for If-Match and If-None-Match."),
		"Location": text("Where the new record is."),
		"Link":     text("The next page, as rel=next."),
		"Replayed": object{"description": "true where the request had been answered before.", "schema": object{"const": "true"}},
	}
}

func headerRef(name string) object { return object{"$ref": "#/components/headers/" + name} }

// parameters are those of requests.
func parameters() object {
	in := func(place, name, description string, schema object) object {
		return object{"name": name, "in": place, "description": description, "schema": schema}
	}
	tags := object{"type": "string", "pattern": `^(\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$`}
	return object{
		"IfMatch":     in("header", "If-Match", "Carry this out only where the record has one of these ETags, or with * where there is one.", tags),
		"IfNoneMatch": in("header", "If-None-Match", "Carry this out only where the record has none of these ETags, or with * where there is none.", tags),
		"IdempotencyKey": in("header", "Idempotency-Key", "However often a request is sent under one key, it has one effect and one answer, for 35 days.",
			object{"type": "string", "minLength": 1, "maxLength": 128, "pattern": `^[!#-+\--\[\]-~]+$`}),
		"Limit":  in("query", "limit", "How many records a page has at most.", object{"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}),
		"Cursor": in("query", "cursor", "Where the page starts: next of the page before.", object{"type": "string", "minLength": 1}),
		"Month":  in("query", "month", "The month in UTC; the current one unless given.", object{"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"}),
	}
}

func parameterRef(name string) object { return object{"$ref": "#/components/parameters/" + name} }

// refusals are the problem documents, by status.
func refusals() object {
	out := object{}
	for status, description := range map[string]string{
		"400": "The request is malformed, or the body breaks its schema; errors lists every violation.",
		"401": "The API key is missing or not valid for this.",
		"403": "The tenant is not set up.",
		"404": "There is no such schema or record.",
		"406": "Accept rules out JSON.",
		"409": "A record with this key exists, or the Idempotency-Key was used by another request.",
		"412": "The record is not what If-Match or If-None-Match ask for.",
		"413": "The record, or what is to be published of it, is too large.",
		"415": "The body is of another type than JSON.",
		"429": "A limit of the tenant's is used up; Retry-After tells how long to wait.",
		"503": "Something is out of order; try again.",
	} {
		out[status] = object{"description": description,
			"content": object{"application/problem+json": object{"schema": schemaRef(problemSchema)}}}
	}
	return out
}

// answers adds the refusals to what an operation answers.
func answers(good object, refused ...string) object {
	for _, status := range append(refused, "400", "401", "403", "406", "429", "503") {
		good[status] = object{"$ref": "#/components/responses/" + status}
	}
	return good
}

func usagePath() object {
	return object{"get": object{
		"operationId": "usage", "summary": "What the tenant used in a month, in tokens",
		"parameters": []object{parameterRef("Month")},
		"responses": answers(object{"200": object{"description": "The usage, this request's own bill not included.",
			"content": object{"application/json": object{"schema": schemaRef(usageSchema)}}}}),
	}}
}

func eventsPath() object {
	return object{"get": object{
		"operationId": "describeEvents", "summary": "The tenant's input and output events",
		"responses": answers(object{"200": object{"description": "An AsyncAPI 3.0 document.",
			"content": object{"application/json": object{"schema": object{"type": "object"}}}}}),
	}}
}

func descriptionPath() object {
	return object{"get": object{
		"operationId": "describe", "summary": "This document",
		"responses": answers(object{"200": object{"description": "An OpenAPI 3.1 document.",
			"content": object{"application/json": object{"schema": object{"type": "object"}}}}}),
	}}
}

// A paths makes the paths of one schema.
type paths struct {
	tenant  events.TenantID
	schema  *tenant.Schema
	created string // the component that a body without a key keeps to
	example jsontext.Value
}

func newPaths(t events.TenantID, s *tenant.Schema) paths {
	p := paths{tenant: t, schema: s, created: string(s.ID), example: Example(s)}
	if requiresKey(s) {
		p.created += ".body"
	}
	return p
}

func (p *paths) body(types ...string) object {
	media := object{"schema": schemaRef(p.created)}
	if p.example != nil {
		media["examples"] = object{"record": object{"value": p.example}}
	}
	content := object{}
	for _, t := range types {
		content[t] = media
	}
	return object{"required": true, "content": content}
}

func (p *paths) receipt(description string, extra ...string) object {
	h := object{"ETag": headerRef("ETag"), "Idempotency-Replayed": headerRef("Replayed")}
	for _, name := range extra {
		h[name] = headerRef(name)
	}
	return object{"description": description, "headers": h,
		"content": object{"application/json": object{"schema": schemaRef(receiptSchema)}}}
}

func (p *paths) collection() object {
	id := string(p.schema.ID)
	page := object{
		"type": "object", "required": []string{"records"},
		"properties": object{
			"next": object{"type": "string"},
			"records": object{"type": "array", "items": object{
				"type": "object", "required": []string{"key", "revision", "etag", "data"},
				"properties": object{"key": object{"type": "string"}, "revision": object{"type": "integer", "minimum": 1},
					"etag": object{"type": "string"}, "data": schemaRef(id)},
			}},
		},
	}
	writes := []object{parameterRef("IdempotencyKey"), parameterRef("IfMatch"), parameterRef("IfNoneMatch")}
	return object{
		"get": object{
			"operationId": "list_" + id, "summary": "List records in the order of their keys", "tags": []string{id},
			"parameters": []object{parameterRef("Limit"), parameterRef("Cursor")},
			"responses": answers(object{"200": object{"description": "One page.", "headers": object{"Link": headerRef("Link")},
				"content": object{"application/json": object{"schema": page}}}}, "404"),
		},
		"post": object{
			"operationId": "create_" + id, "summary": "Create a record; without a key it gets one", "tags": []string{id},
			"parameters": writes, "requestBody": p.body("application/json"),
			"responses": answers(object{"201": p.receipt("The record is there.", "Location")}, "404", "409", "412", "413", "415"),
		},
	}
}

func (p *paths) record() object {
	id := string(p.schema.ID)
	key := object{"type": "string", "minLength": 1, "maxLength": 256}
	if p.schema.IntegerKey {
		// As text: 38 digits are more than most clients' integers hold.
		key = object{"type": "string", "pattern": "^(0|-?[1-9][0-9]{0,37})$"}
	}
	writes := []object{parameterRef("IdempotencyKey"), parameterRef("IfMatch"), parameterRef("IfNoneMatch")}
	found := object{"description": "The record.", "headers": object{"ETag": headerRef("ETag")},
		"content": object{"application/json": object{"schema": schemaRef(id)}}}
	unchanged := object{"description": "The record is what If-None-Match names.", "headers": object{"ETag": headerRef("ETag")}}
	patch := object{"required": true, "content": object{}}
	for _, t := range []string{"application/merge-patch+json", "application/json"} {
		patch["content"].(object)[t] = object{"schema": object{"type": "object", "description": "A JSON Merge Patch (RFC 7396)."}}
	}
	return object{
		"parameters": []object{{"name": "key", "in": "path", "required": true, "schema": key,
			"description": "The record's " + p.schema.KeyField + ", percent-encoded."}},
		"get": object{
			"operationId": "read_" + id, "summary": "Read a record", "tags": []string{id},
			"parameters": []object{parameterRef("IfMatch"), parameterRef("IfNoneMatch")},
			"responses":  answers(object{"200": found, "304": unchanged}, "404", "412"),
		},
		"put": object{
			"operationId": "replace_" + id, "summary": "Replace a record that is there", "tags": []string{id},
			"parameters": writes, "requestBody": p.body("application/json"),
			"responses": answers(object{"200": p.receipt("The record is replaced.")}, "404", "409", "412", "413", "415"),
		},
		"patch": object{
			"operationId": "merge_" + id, "summary": "Change members of a record", "tags": []string{id},
			"parameters": writes, "requestBody": patch,
			"responses": answers(object{"200": p.receipt("The record is changed.")}, "404", "409", "412", "413", "415"),
		},
		"delete": object{
			"operationId": "remove_" + id, "summary": "Remove a record", "tags": []string{id},
			"parameters": writes,
			"responses":  answers(object{"204": object{"description": "The record is gone."}}, "404", "409", "412", "413"),
		},
	}
}
