package openapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/tenant"
)

// Events describes the input and output events of a tenant with these schemas as an
// AsyncAPI 3.0 document. The payload of each message is a JSON Schema of the event
// with the members that a sender sets or a target reads; those that EventBridge adds
// are allowed. It is a component under the name of the message.
func Events(owner *tenant.Tenant, schemas []*tenant.Schema) ([]byte, error) {
	d := eventsDocument{
		owner: owner, channels: map[string]object{}, operations: object{}, messages: object{}, schemas: object{},
		details: map[string][]any{},
	}
	for _, s := range schemas {
		d.schemas[string(s.ID)] = convert(s)
		d.schemas[string(s.ID)+".body"] = keyless(s)
		if owner.Input {
			d.input(s)
		}
		d.outputs(s)
	}
	if owner.Results != "" && owner.Input {
		d.results()
	}
	b, err := json.Marshal(object{
		"asyncapi": "3.0.0",
		"info": object{
			"title": "Events of " + string(owner.ID), "version": "1",
			"description": "Input events that the tenant may send, and the output events that its changes publish.",
		},
		"defaultContentType": "application/json",
		"channels":           d.channels,
		"operations":         d.operations,
		"components":         object{"messages": d.messages, "schemas": d.schemas},
	}, json.Deterministic(true), jsontext.WithIndent("  "))
	return b, fault.Wrap("openapi.Events", fault.Internal, err)
}

type eventsDocument struct {
	owner      *tenant.Tenant
	channels   map[string]object // by name
	operations object
	messages   object
	schemas    object
	details    map[string][]any // the details of each message
}

const inputChannel = "input"

// input adds the input events of a schema.
func (d *eventsDocument) input(s *tenant.Schema) {
	for _, op := range events.Writes {
		body := schemaRef(string(s.ID) + ".body")
		switch op {
		case events.Put:
			body = schemaRef(string(s.ID))
		case events.Patch, events.Delete:
			body = keyOnly(s)
		}
		text := object{"type": "string"}
		d.message(inputChannel, string(s.ID)+"."+string(op), events.InputSource, events.DetailType(string(s.ID)+"."+string(op)), object{
			"type":     "object",
			"required": []string{"tenant", "rootSchema", "api_key", "payload"},
			"properties": object{
				"tenant": object{"const": d.owner.ID}, "rootSchema": object{"const": s.ID}, "operation": object{"const": op},
				"api_key":         object{"type": "string", "description": "An API key of the tenant."},
				"idempotency_key": object{"type": "string", "minLength": 1, "maxLength": 128, "description": "Events with the same key have one effect, for 35 days."},
				"payload":         body,
				"metadata":        object{"type": "object", "properties": object{"correlationId": text, "hops": object{"type": "integer", "minimum": 0}}},
			},
		})
	}
	d.channel(inputChannel, "", "The event bus of the deployment. Send events with PutEvents.", "receive")
}

// outputs adds the events that changes of a schema publish.
func (d *eventsDocument) outputs(s *tenant.Schema) {
	for _, op := range events.Writes {
		for _, out := range s.Outputs(op) {
			payload := object{"allOf": []any{keyOnly(s)}}
			if out.Record || op == events.Post || op == events.Put {
				payload = schemaRef(string(s.ID))
			}
			required := []string{"tenant", "rootSchema", "operation", "payload"}
			properties := object{
				"tenant": object{"const": d.owner.ID}, "rootSchema": object{"const": s.ID}, "operation": object{"const": op}, "payload": payload,
			}
			if out.Metadata {
				required = append(required, "metadata")
				properties["metadata"] = outputMetadata()
			}
			channel := channelOf(out.Bus)
			d.message(channel, componentName(out.Source+"."+string(out.DetailType)), out.Source, out.DetailType,
				object{"type": "object", "required": required, "properties": properties, "additionalProperties": false})
			d.channel(channel, string(out.Bus), "Events that output rules publish.", "send")
		}
	}
}

// results adds the events that report what became of input events.
func (d *eventsDocument) results() {
	text, channel := object{"type": "string"}, channelOf(d.owner.Results)
	properties := object{
		"tenant": object{"const": d.owner.ID}, "rootSchema": text, "operation": text, "outcome": object{"enum": []string{"accepted", "rejected"}},
		"status": object{"type": "integer"}, "inputEventId": text, "key": text, "revision": object{"type": "integer"},
		"code": text, "message": text, "errors": object{"type": "array", "items": object{"type": "object", "properties": object{"pointer": text, "message": text}}},
	}
	d.message(channel, "result", events.OutputSource, "", object{
		"type": "object", "required": []string{"tenant", "rootSchema", "operation", "outcome", "status", "inputEventId"}, "properties": properties,
	})
	d.channel(channel, string(d.owner.Results), "Events that output rules publish, and results of input events.", "send")
}

// message adds a message to a channel. A message with several details, for example of
// several operations, has one of them.
func (d *eventsDocument) message(channel, name, source string, detailType events.DetailType, detail object) {
	id := "output." + name
	if channel == inputChannel {
		id = "input." + name
	}
	d.details[id] = append(d.details[id], detail)
	var content any = detail
	if all := d.details[id]; len(all) > 1 {
		content = object{"anyOf": all}
	}
	kind := object{"const": detailType}
	if detailType == "" {
		kind = object{"type": "string", "pattern": `^[^.]+\.(POST|PUT|PATCH|DELETE)\.(accepted|rejected)$`}
		detailType = "{schema}.{operation}.accepted or .rejected"
	}
	d.schemas[id] = object{
		"type": "object", "required": []string{"source", "detail-type", "detail"},
		"properties": object{"source": object{"const": source}, "detail-type": kind, "detail": content},
	}
	d.messages[id] = object{"name": string(detailType), "title": string(detailType), "payload": schemaRef(id)}
	c := d.channels[channel]
	if c == nil {
		c = object{"messages": object{}}
		d.channels[channel] = c
	}
	c["messages"].(object)[id] = object{"$ref": "#/components/messages/" + id}
}

// channel completes a channel that has messages, and adds its operation. An address
// that is not known is null.
func (d *eventsDocument) channel(name, address, description, action string) {
	c := d.channels[name]
	if c == nil {
		return
	}
	c["address"], c["description"] = nil, description
	if address != "" {
		c["address"] = address
	}
	d.operations[action+"."+name] = object{"action": action, "channel": object{"$ref": "#/channels/" + name}}
}

// channelOf returns the name of the channel of a bus.
func channelOf(bus events.BusARN) string {
	parts := strings.SplitN(string(bus), ":", 6)
	if len(parts) < 6 {
		return componentName(string(bus))
	}
	return componentName(strings.TrimPrefix(parts[5], "event-bus/") + "." + parts[4] + "." + parts[3])
}

// componentName returns a name with the characters that names of components may have.
// Others are replaced by their number, so that different names remain different.
func componentName(name string) string {
	var b strings.Builder
	for _, r := range name {
		if r < 0x80 && (r == '.' || r == '-' || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z') {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "_%X_", r)
		}
	}
	return b.String()
}

// keyOnly returns the schema of an object that holds the key of a record.
func keyOnly(s *tenant.Schema) object {
	kind := "string"
	if s.IntegerKey {
		kind = "integer"
	}
	return object{"type": "object", "required": []string{s.KeyField}, "properties": object{s.KeyField: object{"type": kind}}}
}

func outputMetadata() object {
	text, whole := object{"type": "string"}, object{"type": "integer"}
	names := []string{"outputId", "inputEventId", "correlationId", "hops", "revision", "time"}
	slices.Sort(names)
	return object{"type": "object", "required": names, "properties": object{
		"outputId": text, "inputEventId": text, "correlationId": text, "hops": whole, "revision": whole, "time": object{"type": "string", "format": "date-time"},
	}}
}
