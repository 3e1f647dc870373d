// Package servicespec reads the events of AWS's service specification, the npm
// package @aws-cdk/aws-service-spec: every schema of AWS's public schema
// registry, with the fields that name a CloudFormation resource. Formats such as
// date-time are not in it.
//
// A [Spec] is plain data, not to be changed by two goroutines at once.
package servicespec

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen/infer"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
)

const (
	// npmPackage is the npm package that holds the specification.
	npmPackage = "@aws-cdk/aws-service-spec"
	file       = "db.json.gz"

	maxBytes = 512 << 20
)

// A Spec is a specification that was read.
type Spec struct {
	events []*schema.Document // by name
	arns   []ARNForm          // sorted
}

// An ARNForm is how the ARNs of a CloudFormation type look.
type ARNForm struct {
	Service  string // such as ec2
	Resource string // such as instance/*
	Type     string // such as AWS::EC2::Instance
}

// Find returns the file of the installed npm package: that of the working
// directory or of the nearest folder above it. The fault is NotFound.
func Find() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		path := filepath.Join(dir, "node_modules", filepath.FromSlash(npmPackage), file)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	return "", fault.Errorf(fault.NotFound, "npm package %s is not installed here; run npm ci, or name a file", npmPackage)
}

// Open reads a specification: db.json, the same with gzip, or a folder that
// holds either. The fault is Invalid.
func Open(path string) (*Spec, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, file)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		reason := err
		if errors.Is(err, fs.ErrNotExist) {
			reason = errors.New("it does not exist")
		}
		return nil, fault.Errorf(fault.Invalid, "service specification %s cannot be read: %v", path, reason)
	}
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		zip, err := gzip.NewReader(bytes.NewReader(data))
		if err == nil {
			data, err = io.ReadAll(io.LimitReader(zip, maxBytes+1))
		}
		if err != nil || len(data) > maxBytes {
			return nil, fault.Errorf(fault.Invalid, "service specification %s is not a gzip file of at most %d bytes: %v", path, maxBytes, err)
		}
	}
	spec, err := read(data)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "service specification %s: %s", path, fault.MessageOf(err))
	}
	return spec, nil
}

// database has the tables that describe events.
type database struct {
	Schema struct {
		Event      table[eventEntity]    `json:"event"`
		Definition table[typeEntity]     `json:"eventTypeDefinition"`
		Resource   table[resourceEntity] `json:"resource"`
	} `json:"schema"`
}

type table[E any] struct {
	Entities []E `json:"entities"`
}

type reference struct {
	ID string `json:"$ref"`
}

type eventEntity struct {
	Name           string    `json:"name"`
	Source         string    `json:"source"`
	DetailType     string    `json:"detailType"`
	RootProperty   reference `json:"rootProperty"`
	ResourcesField []struct {
		Resource  reference `json:"resource"`
		Type      reference `json:"type"`
		FieldName string    `json:"fieldName"`
	} `json:"resourcesField"`
}

type typeEntity struct {
	ID         string `json:"$id"`
	Name       string `json:"name"`
	Properties map[string]struct {
		Type     propertyType `json:"type"`
		Required bool         `json:"required"`
	} `json:"properties"`
}

type propertyType struct {
	Type      string         `json:"type"`
	Element   *propertyType  `json:"element"`
	Reference reference      `json:"reference"`
	Types     []propertyType `json:"types"`
}

type resourceEntity struct {
	ID                 string `json:"$id"`
	CloudFormationType string `json:"cloudFormationType"`
	ARNTemplate        string `json:"arnTemplate"`
}

// read reads a specification's text. The fault is Invalid.
func read(data []byte) (*Spec, error) {
	var db database
	if err := json.Unmarshal(data, &db, jsontext.AllowInvalidUTF8(false)); err != nil {
		return nil, fault.Errorf(fault.Invalid, "is not the JSON of a service specification: %v", err)
	}
	r := reader{types: make(map[string]*typeEntity), resources: make(map[string]string)}
	for i := range db.Schema.Definition.Entities {
		t := &db.Schema.Definition.Entities[i]
		r.types[t.ID] = t
	}
	for _, resource := range db.Schema.Resource.Entities {
		r.resources[resource.ID] = resource.CloudFormationType
	}
	if len(db.Schema.Event.Entities) == 0 {
		return nil, fault.Errorf(fault.Invalid, "has no entities of the type event")
	}
	kinds := make(map[[2]string]*schema.Document)
	spec := &Spec{}
	for i := range db.Schema.Event.Entities {
		e := &db.Schema.Event.Entities[i]
		d, err := r.document(e)
		if err != nil {
			return nil, err
		}
		kind := [2]string{e.Source, e.DetailType}
		if first := kinds[kind]; first != nil {
			merge(first, d)
			continue
		}
		kinds[kind] = d
		spec.events = append(spec.events, d)
	}
	spec.arns = arnForms(db.Schema.Resource.Entities)
	slices.SortFunc(spec.events, func(a, b *schema.Document) int { return strings.Compare(a.Name, b.Name) })
	return spec, nil
}

// variable is a part of an ARN that differs from resource to resource.
var variable = regexp.MustCompile(`\$\{[^}]*\}`)

// arnForms returns the forms that only one type has.
func arnForms(resources []resourceEntity) []ARNForm {
	count := make(map[[2]string]int)
	var all []ARNForm
	for _, r := range resources {
		part := strings.SplitN(r.ARNTemplate, ":", 6)
		if len(part) != 6 || strings.ContainsAny(part[2]+part[5], " \n") || strings.Contains(part[2], "$") {
			continue
		}
		form := ARNForm{Service: part[2], Resource: variable.ReplaceAllString(part[5], "*"), Type: r.CloudFormationType}
		if strings.Trim(form.Resource, "*/:") == "" && form.Resource != "*" {
			continue
		}
		count[[2]string{form.Service, form.Resource}]++
		all = append(all, form)
	}
	all = slices.DeleteFunc(all, func(f ARNForm) bool { return count[[2]string{f.Service, f.Resource}] > 1 })
	slices.SortFunc(all, func(a, b ARNForm) int {
		return strings.Compare(a.Service+" "+a.Resource, b.Service+" "+b.Resource)
	})
	return all
}

// merge widens the document of a kind by a second one of the same kind. The name
// that begins with the source is kept.
func merge(first, second *schema.Document) {
	if !strings.HasPrefix(first.Name, first.Source+"@") {
		first.Name = second.Name
	}
	a, b := infer.Inline(first), infer.Inline(second)
	if a.Equal(b) {
		return
	}
	joined := infer.New(first.Source, first.DetailType, infer.Join(a, b))
	first.Detail, first.Components = joined.Detail, joined.Components
}

// A reader turns entities into documents.
type reader struct {
	types     map[string]*typeEntity
	resources map[string]string // id to CloudFormation type

	names   map[string]string // id of a type to the name of its component
	current *schema.Document
}

// document is the document of one event.
func (r *reader) document(e *eventEntity) (*schema.Document, error) {
	if e.Source == "" || e.DetailType == "" {
		return nil, fault.Errorf(fault.Invalid, "event %q has no source or no detailType", e.Name)
	}
	name := e.Name
	if name == "" {
		name = infer.Name(e.Source, e.DetailType)
	}
	r.current = &schema.Document{Name: name, Source: e.Source, DetailType: e.DetailType, Components: make(map[string]*schema.Type)}
	r.names = make(map[string]string)
	r.current.Detail = r.component(e.RootProperty.ID)
	if r.current.Detail.Dangling {
		return nil, fault.Errorf(fault.Invalid, "event %q refers to type %q, which does not exist", name, e.RootProperty.ID)
	}
	for _, field := range e.ResourcesField {
		r.mark(field.Type.ID, field.FieldName, r.resources[field.Resource.ID])
	}
	return r.current, nil
}

// component returns a reference to a type, which is added to the document. Two
// types of one document may have the same name.
func (r *reader) component(id string) *schema.Type {
	entity := r.types[id]
	if entity == nil {
		return &schema.Type{Ref: id, Dangling: true}
	}
	if name, known := r.names[id]; known {
		return &schema.Type{Ref: name}
	}
	name := entity.Name
	for n := 2; name == "" || r.current.Components[name] != nil; n++ {
		name = fmt.Sprintf("%s%d", entity.Name, n)
	}
	t := &schema.Type{Kinds: []string{"object"}, Properties: make(map[string]*schema.Type), Required: make(map[string]bool)}
	r.names[id] = name
	r.current.Components[name] = t
	// In order, so that types of the same name are numbered the same each time.
	for _, property := range slices.Sorted(keys(entity.Properties)) {
		t.Properties[property] = r.property(entity.Properties[property].Type)
		if entity.Properties[property].Required {
			t.Required[property] = true
		}
	}
	return &schema.Type{Ref: name}
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (r *reader) property(p propertyType) *schema.Type {
	switch p.Type {
	case "string", "number", "integer", "boolean":
		return &schema.Type{Kinds: []string{p.Type}}
	case "array":
		t := &schema.Type{Kinds: []string{"array"}}
		if p.Element != nil {
			t.Items = r.property(*p.Element)
		}
		return t
	case "map":
		t := &schema.Type{Kinds: []string{"object"}, Additional: &schema.Type{}}
		if p.Element != nil {
			t.Additional = r.property(*p.Element)
		}
		return t
	case "ref":
		return r.component(p.Reference.ID)
	case "union":
		return r.union(p.Types)
	}
	return &schema.Type{} // json, and what later specifications add
}

// union is any value, unless all alternatives are strings or numbers.
func (r *reader) union(types []propertyType) *schema.Type {
	var joined *schema.Type
	for _, alternative := range types {
		switch alternative.Type {
		case "string", "number", "integer":
			joined = infer.Join(joined, r.property(alternative))
		default:
			if len(types) == 1 {
				return r.property(alternative)
			}
			return &schema.Type{Choice: true}
		}
	}
	if joined == nil {
		return &schema.Type{Choice: true}
	}
	return joined
}

// mark notes which member holds a resource. Where the specification names the
// type alone, the member is what identifies the resource within it.
func (r *reader) mark(typeID, field, resource string) {
	t := r.current.Components[r.names[typeID]]
	if t == nil || resource == "" {
		return
	}
	candidates := []string{field}
	if field == "" {
		candidates = []string{"arn", "Arn", "id", "Id", "name", "Name"}
	}
	for _, name := range candidates {
		if p := t.Properties[name]; p != nil {
			p.Resource = resource
			return
		}
	}
}

// ARNForms returns the forms of ARNs by service, then resource.
func (s *Spec) ARNForms() []ARNForm { return s.arns }

// Events returns the documents of all kinds, by name. Callers must not change
// them.
func (s *Spec) Events() []*schema.Document { return s.events }
