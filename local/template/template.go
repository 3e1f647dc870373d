// Package template reads CloudFormation templates in JSON, as the CDK writes
// them, as far as the local server can make what they describe: resources with
// the references among them resolved to the names and ARNs that they have here.
//
//	t, err := template.Parse(text, template.Place{Account: "000000000000", Region: "us-east-1"})
//	rules, err := t.Resources("AWS::Events::Rule", "EventPattern", "Targets")
//
// Known are Ref, Fn::GetAtt of ARNs and names, Fn::Join, Fn::Sub, parameters with
// a default, and the pseudo parameters. A reference that leads to something else
// is an error of the resource that holds it, not of the template. A Template is
// immutable and safe for concurrent use.
package template

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/jsonerror"
)

// Place is where the template's resources are to be.
type Place struct {
	Account, Region string
	// QueueURL is what comes before account and name in a queue's URL.
	QueueURL string
}

// A Template is one stack.
type Template struct {
	place      Place
	parameters map[string]parameter
	resources  map[string]declared
}

type parameter struct {
	Default jsontext.Value `json:"Default"`
}

type declared struct {
	Type       string         `json:"Type"`
	Properties jsontext.Value `json:"Properties"`
}

// A Resource is one that the template declares.
type Resource struct {
	ID         string         // its logical id
	Name       string         // as it is called here
	Properties jsontext.Value // with all references resolved
}

// Parse reads a template. The fault is Invalid.
func Parse(text []byte, place Place) (*Template, error) {
	var t struct {
		Parameters map[string]parameter `json:"Parameters"`
		Resources  map[string]declared  `json:"Resources"`
	}
	if err := json.Unmarshal(text, &t); err != nil {
		return nil, fault.Errorf(fault.Invalid, "this is no CloudFormation template in JSON: %s", jsonerror.Describe(text, err))
	}
	if len(t.Resources) == 0 {
		return nil, fault.Errorf(fault.Invalid, "this is no CloudFormation template: it has no Resources")
	}
	return &Template{place: place, parameters: t.Parameters, resources: t.Resources}, nil
}

// Types counts the resources by their type.
func (t *Template) Types() map[string]int {
	types := map[string]int{}
	for _, r := range t.resources {
		types[r.Type]++
	}
	return types
}

// Resources lists those of a type, by logical id, with the properties that are
// wanted. The fault is Invalid, and names the resource, where a reference in those
// cannot be resolved.
func (t *Template) Resources(kind string, wanted ...string) ([]Resource, error) {
	var list []Resource
	in := &resolver{Template: t, naming: map[string]bool{}}
	for _, id := range slices.Sorted(maps.Keys(t.resources)) {
		d := t.resources[id]
		if d.Type != kind {
			continue
		}
		r := Resource{ID: id}
		properties, err := d.properties()
		if err == nil {
			r.Name, err = in.name(id)
		}
		if err == nil {
			maps.DeleteFunc(properties, func(name string, _ jsontext.Value) bool { return !slices.Contains(wanted, name) })
			r.Properties, err = in.members(properties)
		}
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "%s %s: %s", kind, id, fault.MessageOf(err))
		}
		list = append(list, r)
	}
	return list, nil
}

func (d *declared) properties() (properties map[string]jsontext.Value, err error) {
	if d.Properties != nil && json.Unmarshal(d.Properties, &properties) != nil {
		err = fault.Errorf(fault.Invalid, "its Properties are no object")
	}
	return properties, err
}

// Names lists what those of a type are called here, by logical id. Nothing but
// their names need be resolved for it.
func (t *Template) Names(kind string) ([]string, error) {
	var names []string
	in := &resolver{Template: t, naming: map[string]bool{}}
	for _, id := range slices.Sorted(maps.Keys(t.resources)) {
		if t.resources[id].Type != kind {
			continue
		}
		name, err := in.name(id)
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "%s %s: %s", kind, id, fault.MessageOf(err))
		}
		names = append(names, name)
	}
	return names, nil
}

// nameProperties are the properties that name a resource of a type.
var nameProperties = map[string]string{
	"AWS::Events::EventBus": "Name", "AWS::Events::Rule": "Name", "AWS::Events::Archive": "ArchiveName",
	"AWS::IAM::Role": "RoleName", "AWS::Lambda::Function": "FunctionName", "AWS::SQS::Queue": "QueueName", "AWS::Logs::LogGroup": "LogGroupName",
}

// A resolver follows references; naming are the resources whose name it is about
// to find, so that a ring of references has an end.
type resolver struct {
	*Template
	naming map[string]bool
}

// name is what a resource is called: as its property says, else by its id.
func (t *resolver) name(id string) (string, error) {
	d := t.resources[id]
	property, ok := nameProperties[d.Type]
	if !ok {
		return id, nil
	}
	properties, err := d.properties()
	if err != nil {
		return "", err
	}
	if properties[property] == nil {
		return id, nil
	}
	if t.naming[id] {
		return "", fault.Errorf(fault.Invalid, "the name of %s refers to itself", id)
	}
	t.naming[id] = true
	defer delete(t.naming, id)
	return t.text(properties[property])
}

// bus is the bus that a rule is on.
func (t *resolver) bus(id string) (string, error) {
	var p struct {
		EventBusName jsontext.Value `json:"EventBusName"`
	}
	if err := json.Unmarshal(t.resources[id].Properties, &p); err != nil || p.EventBusName == nil {
		return "default", nil
	}
	bus, err := t.text(p.EventBusName)
	return bus[strings.LastIndexByte(bus, '/')+1:], err
}

// arn is the ARN that a resource has here.
func (t *resolver) arn(id string) (string, error) {
	name, err := t.name(id)
	if err != nil {
		return "", err
	}
	var service, resource string
	switch kind := t.resources[id].Type; kind {
	case "AWS::Events::EventBus":
		service, resource = "events", "event-bus/"+name
	case "AWS::Events::Archive":
		service, resource = "events", "archive/"+name
	case "AWS::Lambda::Function":
		service, resource = "lambda", "function:"+name
	case "AWS::SQS::Queue":
		service, resource = "sqs", name
	case "AWS::Logs::LogGroup":
		service, resource = "logs", "log-group:"+name+":*"
	case "AWS::IAM::Role":
		return "arn:aws:iam::" + t.place.Account + ":role/" + name, nil
	case "AWS::Events::Rule":
		bus, err := t.bus(id)
		if err != nil {
			return "", err
		}
		if bus != "default" {
			name = bus + "/" + name
		}
		service, resource = "events", "rule/"+name
	default:
		return "", fault.Errorf(fault.Invalid, "the ARN of %s, which is a %s, is not known here", id, kind)
	}
	return "arn:aws:" + service + ":" + t.place.Region + ":" + t.place.Account + ":" + resource, nil
}
