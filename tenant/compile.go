package tenant

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// folderURL is where the compiler believes the file to be. Nothing is ever
// read from there, nor from anywhere else: see [refuseLoading].
const folderURL = "tenant://folder/"

func (l *schemaLoader) url() string { return folderURL + string(l.schema.ID) + ".json" }

// compile makes the validator.
func (l *schemaLoader) compile() {
	validator, err := compileTree(l.url(), l.tree)
	if err != nil {
		l.refuseCompile(err)
		return
	}
	l.schema.validator = validator
}

func compileTree(url string, tree any) (s *jsonschema.Schema, err error) {
	// The compiler panics where its own bookkeeping fails it, which a file from
	// a tenant must not be able to reach.
	defer func() {
		if r := recover(); r != nil {
			s, err = nil, fmt.Errorf("the validator cannot compile it: %v", r)
		}
	}()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(refuseLoading{})
	if err := c.AddResource(url, tree); err != nil {
		return nil, err
	}
	return c.Compile(url)
}

// refuseLoading keeps the compiler away from files and network.
type refuseLoading struct{}

var errNotLoaded = errors.New("only references within the file, and to the drafts of JSON Schema, are followed; put what is referred to under $defs")

func (refuseLoading) Load(string) (any, error) { return nil, errNotLoaded }

// refuseCompile turns the compiler's error into findings, each at its place.
func (l *schemaLoader) refuseCompile(err error) {
	if invalid, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		if tree, ok := errors.AsType[*jsonschema.ValidationError](invalid.Err); ok {
			for _, v := range violations(tree, l.tree) {
				l.failAt(jsontext.Pointer(v.Pointer), "schema does not compile: %q %s", v.Pointer, v.Message)
			}
			return
		}
	}
	if load, ok := errors.AsType[*jsonschema.LoadURLError](err); ok {
		l.refuseReference(load.URL, load.Err)
		return
	}
	if missing, ok := errors.AsType[*jsonschema.JSONPointerNotFoundError](err); ok {
		l.refuseReference(missing.URL, errors.New("there is nothing at that place"))
		return
	}
	if missing, ok := errors.AsType[*jsonschema.AnchorNotFoundError](err); ok {
		l.refuseReference(missing.Reference, errors.New("there is no such anchor"))
		return
	}
	l.failAt("", "schema does not compile: %s", l.plain(err.Error()))
}

// plain shows a compiler's text without the URL that we made up.
func (l *schemaLoader) plain(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, l.url(), ""), folderURL, "")
}

// refuseReference reports a reference that leads nowhere, at every place that
// holds it.
func (l *schemaLoader) refuseReference(target string, reason error) {
	places := l.references(target)
	if len(places) == 0 {
		l.failAt("", "schema does not compile: %s: %v", l.plain(target), reason)
	}
	for _, p := range places {
		l.failAt(p, "schema does not compile: %q refers to %q: %v", p, l.plain(target), reason)
	}
}

var referring = []string{"$ref", "$dynamicRef", "$recursiveRef", "$schema"}

// references finds the members that refer to a target.
func (l *schemaLoader) references(target string) []jsontext.Pointer {
	base, err := url.Parse(l.url())
	if err != nil {
		return nil
	}
	wanted := strings.TrimSuffix(target, "#")
	var places []jsontext.Pointer
	var visit func(v any, p jsontext.Pointer)
	visit = func(v any, p jsontext.Pointer) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				ref, isText := member.(string)
				if isText && slices.Contains(referring, name) {
					u, err := base.Parse(ref)
					if err == nil && (u.String() == wanted || strings.TrimSuffix(strings.TrimSuffix(u.String(), u.EscapedFragment()), "#") == wanted) {
						places = append(places, p.AppendToken(name))
					}
				}
				visit(member, p.AppendToken(name))
			}
		case []any:
			for i, item := range v {
				visit(item, p.AppendToken(fmt.Sprint(i)))
			}
		}
	}
	visit(l.tree, "")
	slices.Sort(places)
	return places
}
