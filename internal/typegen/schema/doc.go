// Package schema reads the documents of an EventBridge schema registry: OpenAPI
// 3 and JSON Schema draft 4, as the registry exports them, into one model.
//
// The reader is forgiving where registries are: a document may name no event,
// refer to what it does not have, or require what it does not describe. It is
// strict about JSON itself, by the codec's rules.
//
// A [Document] is plain data, not to be changed by two goroutines at once.
package schema

import "reflect"

// A Document is one schema of a registry.
type Document struct {
	Name    string // in the registry, such as aws.ec2@EC2InstanceStateChangeNotification
	Version string // in the registry; "" where it is not known

	// Source and DetailType are those that the document itself tells; both are
	// "" where it describes no event.
	Source     string
	DetailType string

	// Detail is the type of the event's detail; nil where it describes no event.
	Detail *Type

	// Inferred says that the types are inferred from sample events alone.
	Inferred bool

	// Components are the types that a document names. The event itself is not
	// among them.
	Components map[string]*Type
}

// IsEvent reports whether the document describes an event.
func (d *Document) IsEvent() bool { return d.Source != "" && d.DetailType != "" && d.Detail != nil }

// A Type describes a JSON value.
type Type struct {
	// Ref names a component, or is the whole reference where the document has
	// no such component. Nothing else counts beside it but Nullable.
	Ref      string
	Dangling bool // Ref leads nowhere

	// Kinds are the JSON Schema types that the value may have, null excepted;
	// none stands for any. A value that is a string or a number has two.
	Kinds    []string
	Nullable bool
	Format   string

	Properties map[string]*Type
	Required   map[string]bool
	Additional *Type // of the members beyond Properties; nil where nothing is said
	Items      *Type // of an array; nil where nothing is said

	// Empty says that the value has only been seen without content: an array
	// without items, an object without members, or null alone.
	Empty bool

	// Resource is the CloudFormation type of the resource whose name, id or ARN
	// the value is; "" where the source does not say.
	Resource string

	// Choice says that the type is one of several, or all of them at once.
	Choice bool
}

// IsStringOrNumber reports whether the value may be a string or a number, and
// nothing else.
func (t *Type) IsStringOrNumber() bool {
	return len(t.Kinds) == 2 && t.Kinds[1] == "string" && (t.Kinds[0] == "number" || t.Kinds[0] == "integer")
}

// Is reports whether the type is of the one kind.
func (t *Type) Is(kind string) bool { return len(t.Kinds) == 1 && t.Kinds[0] == kind }

// Equal reports whether two types are the same.
func (t *Type) Equal(other *Type) bool { return reflect.DeepEqual(t, other) }
