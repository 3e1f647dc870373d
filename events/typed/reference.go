package typed

import (
	"reflect"
	"strings"
	"sync"

	"github.com/blockforger/eventrouter/events"
)

// A Reference names a resource that an event refers to.
type Reference struct {
	// Type is the resource's CloudFormation type, such as AWS::EC2::Instance, or
	// [Record]; "" where it is not known.
	Type string
	// ID is the resource's id or name within its account and region; "" where only
	// the ARN is known.
	ID string
	// ARN is "" where the event holds the id or the name alone.
	ARN events.ARN
	// Account and Region are those of the ARN; those of the event where there is no
	// ARN, or it has none.
	Account, Region string
}

// Record is the type of a reference to a record of the event router. Its ID has
// the form /{tenant}/{schema}/{key}.
const Record = "EventRouter::Record"

// Resources returns the resources that the event refers to, each once: those that
// members of the detail hold, by the tag cfn of their fields, then those of the
// envelope's resources. The envelope's own list is e.Envelope.Resources.
func (t *Event[T]) Resources() []Reference { return references(&t.Envelope, &t.Detail) }

// Resources returns the resources that any event refers to. Of an event without a
// type they are those of the envelope.
func Resources(e Decoded) []Reference {
	if r, ok := e.(interface{ Resources() []Reference }); ok {
		return r.Resources()
	}
	return references(e.Raw(), nil)
}

func references(e *events.Envelope, detail any) []Reference {
	c := collector{event: e}
	if detail != nil {
		c.walk(reflect.ValueOf(detail).Elem())
	}
	_, ofRouter := detail.(recordHolder)
	for _, text := range e.Resources {
		switch {
		case events.ARN(text).Valid():
			c.add(c.reference("", text))
		case ofRouter && strings.HasPrefix(text, "/"):
			c.add(Reference{Type: Record, ID: text, Account: e.Account, Region: e.Region})
		case text != "":
			c.add(c.reference("", text))
		}
	}
	return c.found
}

// A recordHolder is the detail of an event about a record of the router.
type recordHolder interface{ holdsRecord() }

func (OutputDetail[P]) holdsRecord() {}
func (OutcomeDetail) holdsRecord()   {}

type collector struct {
	event *events.Envelope
	found []Reference
}

// reference makes a reference of an ARN, an id or a name.
func (c *collector) reference(cloudFormation, text string) Reference {
	r := Reference{Type: cloudFormation, ID: text, Account: c.event.Account, Region: c.event.Region}
	arn := events.ARN(text)
	if !arn.Valid() {
		return r
	}
	known, id := typeOfARN(arn)
	r.ARN, r.ID = arn, id
	if r.Type == "" {
		r.Type = known
	}
	if arn.Account() != "" {
		r.Account = arn.Account()
	}
	if arn.Region() != "" {
		r.Region = arn.Region()
	}
	return r
}

// add adds a reference, or its ARN to one that is the same resource by id.
func (c *collector) add(r Reference) {
	for i := range c.found {
		f := &c.found[i]
		sameARN := r.ARN != "" && f.ARN == r.ARN
		sameID := r.ID != "" && f.ID == r.ID && (f.Type == r.Type || f.Type == "" || r.Type == "") && (f.ARN == "" || r.ARN == "")
		// An ARN of a form that is not known, which ends in the id.
		parts := strings.FieldsFunc(r.ARN.Resource(), isSeparator)
		endsInID := r.Type == "" && r.ID == "" && f.ARN == "" && len(parts) > 0 && parts[len(parts)-1] == f.ID
		if !sameARN && !sameID && !endsInID {
			continue
		}
		if f.Type == "" {
			f.Type = r.Type
		}
		if f.ID == "" {
			f.ID = r.ID
		}
		if f.ARN == "" && r.ARN != "" {
			f.ARN, f.Account, f.Region = r.ARN, r.Account, r.Region
		}
		return
	}
	c.found = append(c.found, r)
}

// walk adds what the fields below v hold whose tag names a resource.
func (c *collector) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			c.walk(v.Elem())
		}
	case reflect.Slice:
		if mayRefer(v.Type()) {
			for i := range v.Len() {
				c.walk(v.Index(i))
			}
		}
	case reflect.Map:
		if mayRefer(v.Type()) {
			for _, key := range sortedKeys(v) {
				c.walk(v.MapIndex(key))
			}
		}
	case reflect.Struct:
		if !mayRefer(v.Type()) {
			return
		}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if resource := f.Tag.Get("cfn"); resource != "" {
				for _, text := range texts(v.Field(i)) {
					c.add(c.reference(resource, text))
				}
				continue
			}
			if f.IsExported() {
				c.walk(v.Field(i))
			}
		}
	}
}

func sortedKeys(m reflect.Value) []reflect.Value {
	keys := m.MapKeys()
	for i := range keys { // maps with references are small
		for j := i; j > 0 && keys[j].String() < keys[j-1].String(); j-- {
			keys[j], keys[j-1] = keys[j-1], keys[j]
		}
	}
	return keys
}

// texts returns the strings that a field holds: itself, or its elements.
func texts(v reflect.Value) []string {
	switch v.Kind() {
	case reflect.String:
		if v.String() != "" {
			return []string{v.String()}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return texts(v.Elem())
		}
	case reflect.Slice:
		var all []string
		for i := range v.Len() {
			all = append(all, texts(v.Index(i))...)
		}
		return all
	case reflect.Struct:
		switch value := v.Interface().(type) {
		case events.StringOrNumber:
			if value.String() != "" {
				return []string{value.String()}
			}
		case events.Nullable[string]:
			if text := value.Or(""); text != "" {
				return []string{text}
			}
		}
	}
	return nil
}

var referring sync.Map // reflect.Type to bool

// mayRefer reports whether a field of a type, or of what it holds, has the tag.
func mayRefer(t reflect.Type) bool {
	if known, ok := referring.Load(t); ok {
		return known.(bool)
	}
	refers := hasTag(t, make(map[reflect.Type]bool))
	referring.Store(t, refers)
	return refers
}

func hasTag(t reflect.Type, seen map[reflect.Type]bool) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return hasTag(t.Elem(), seen)
	case reflect.Struct:
		if seen[t] {
			return false
		}
		seen[t] = true
		for i := range t.NumField() {
			if t.Field(i).Tag.Get("cfn") != "" || hasTag(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}

// typeOfARN returns the CloudFormation type of the resource, and its id: the last
// part of the ARN that the type's form leaves open. Both are "" where no type has
// this form.
func typeOfARN(a events.ARN) (cloudFormation, id string) {
	resource := strings.FieldsFunc(a.Resource(), isSeparator)
	if namesHaveSlashes[a.Service()] && len(resource) > 2 {
		_, name, _ := strings.Cut(a.Resource(), resource[0])
		resource = []string{resource[0], strings.TrimLeft(name, ":/")}
	}
	// Lines of the table have the form: service, resource, type.
	for rest := arnTypes; ; {
		_, after, found := strings.Cut(rest, "\n"+a.Service()+" ")
		if !found {
			return "", ""
		}
		line, _, _ := strings.Cut(after, "\n")
		form, name, _ := strings.Cut(line, " ")
		if id, ok := matchForm(strings.FieldsFunc(form, isSeparator), resource); ok {
			return name, id
		}
		rest = after
	}
}

// namesHaveSlashes lists the services whose resources may have / in their names.
var namesHaveSlashes = map[string]bool{"ecr": true, "logs": true, "ssm": true}

func isSeparator(r rune) bool { return r == '/' || r == ':' }

// matchForm compares the parts of an ARN's resource with those of a form, in which
// * is any part.
func matchForm(form, resource []string) (id string, ok bool) {
	if len(form) != len(resource) {
		return "", false
	}
	for i, part := range form {
		if part == "*" {
			id = resource[i]
		} else if part != resource[i] {
			return "", false
		}
	}
	return id, true
}
