package local_test

import (
	"os/exec"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/awsapi/restjson"
)

// model is a service model of botocore's, as far as it is compared.
type model struct {
	Operations map[string]struct {
		HTTP          struct{ Method, RequestURI string } `json:"http"`
		Input, Output struct {
			Shape string `json:"shape"`
		}
	} `json:"operations"`
	Shapes map[string]modelShape `json:"shapes"`
}

type modelShape struct {
	Type     string                 `json:"type"`
	Required []string               `json:"required"`
	Members  map[string]modelMember `json:"members"`
	Member   modelMember            `json:"member"`
	Key      modelMember            `json:"key"`
	Value    modelMember            `json:"value"`
	Enum     []string               `json:"enum"`
	Pattern  string                 `json:"pattern"`
	Min      *float64               `json:"min"`
	Max      *float64               `json:"max"`

	Sensitive bool `json:"sensitive"`
}

type modelMember struct {
	Shape        string `json:"shape"`
	LocationName string `json:"locationName"`
}

// loadModels asks botocore for its models; a test is skipped where there is none.
func loadModels(t *testing.T, services ...string) map[string]model {
	t.Helper()
	script := `
import sys, json, botocore.loaders as l
print(json.dumps({s: l.Loader().load_service_model(s, "service-2") for s in sys.argv[1:]}))`
	out, err := exec.Command("python3", append([]string{"-c", script}, services...)...).Output()
	if err != nil {
		t.Skip("python3 with botocore is not on the PATH")
	}
	var models map[string]model
	if err := json.Unmarshal(out, &models, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	return models
}

// Every operation that is served has the shapes of AWS's model: no member that the
// model does not have, none of another type, and the same constraints on the input.
func TestShapesAreThoseOfTheServiceModel(t *testing.T) {
	t.Parallel()
	models := loadModels(t, "events", "sqs", "logs", "scheduler", "lambda", "cloudwatch", "schemas", "sts")
	m := start(t, t.TempDir(), local.Options{}, nil)
	n := 0
	for service, ops := range m.Operations() {
		for _, op := range ops {
			n++
			c := comparison{t: t, model: models[service], complete: service == "events", seen: map[string]bool{}}
			want, ok := c.model.Operations[op.Name]
			if !ok {
				t.Errorf("%s has no operation %s", service, op.Name)
				continue
			}
			if op.Path != "" && op.Path != want.HTTP.Method+" "+want.HTTP.RequestURI && !strings.HasSuffix(op.Path, "/") {
				t.Errorf("%s is at %q, want %s %s", op.Name, op.Path, want.HTTP.Method, want.HTTP.RequestURI)
			}
			c.compare(op.Name+" input", op.Input, want.Input.Shape, true)
			if want.Output.Shape != "" {
				c.compare(op.Name+" output", op.Output, want.Output.Shape, false)
			}
		}
	}
	if n < 70 {
		t.Errorf("only %d operations were compared", n)
	}
}

type comparison struct {
	t        *testing.T
	model    model
	complete bool // every constraint of the model must be in the tags
	seen     map[string]bool
}

func (c *comparison) compare(at string, have reflect.Type, shape string, input bool) {
	for have.Kind() == reflect.Pointer {
		have = have.Elem()
	}
	want := c.model.Shapes[shape]
	if kind := kindOf(have); kind != want.Type && !(kind == "integer" && want.Type == "long") && !(kind == "double" && want.Type == "float") {
		c.t.Errorf("%s is %s here and %s there", at, kind, want.Type)
		return
	}
	switch want.Type {
	case "list":
		c.compare(at+"[]", have.Elem(), want.Member.Shape, input)
	case "structure":
		if key := have.String() + shape; !c.seen[key] {
			c.seen[key] = true
			c.compareMembers(at, have, want, input)
		}
	}
}

func (c *comparison) compareMembers(at string, have reflect.Type, want modelShape, input bool) {
	members := map[string]string{} // by the name on the wire, the model's name
	for name, m := range want.Members {
		wire := name
		if m.LocationName != "" {
			wire = m.LocationName
		}
		members[wire] = name
	}
	for i := range have.NumField() {
		f := have.Field(i)
		if f.Name == "_" {
			continue
		}
		wire, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		name, ok := members[wire]
		if !ok {
			c.t.Errorf("%s: %s is not in the model", at, wire)
			continue
		}
		inner := c.model.Shapes[want.Members[name].Shape]
		c.compare(at+"."+wire, f.Type, want.Members[name].Shape, input)
		if input {
			c.compareConstraints(at+"."+wire, f.Tag.Get("aws"), inner, slices.Contains(want.Required, name))
			for tag, shape := range map[string]string{"each": inner.Member.Shape + inner.Value.Shape, "keys": inner.Key.Shape} {
				if of, ok := c.model.Shapes[shape]; ok && of.Type == "string" {
					c.compareConstraints(at+"."+wire+" "+tag, f.Tag.Get(tag), of, false)
				}
			}
		}
	}
}

// compareConstraints compares a tag with a shape of the model: the tag must hold
// no constraint that the model does not have, and if the comparison is complete,
// all that the model has.
func (c *comparison) compareConstraints(at, tag string, want modelShape, required bool) {
	tag, pattern, _ := strings.Cut(tag, "pattern=")
	if pattern != want.Pattern && (c.complete || pattern != "" && pattern != strings.TrimSuffix(strings.TrimPrefix(want.Pattern, "^"), "$")) {
		c.t.Errorf("%s: pattern %s, want %s", at, pattern, want.Pattern)
	}
	has := map[string]string{}
	for _, part := range strings.Split(tag, ",") {
		key, value, _ := strings.Cut(part, "=")
		has[key] = value
	}
	if _, ok := has["required"]; ok != required {
		c.t.Errorf("%s: required is %v, want %v", at, ok, required)
	}
	if _, ok := has["sensitive"]; c.complete && ok != want.Sensitive {
		c.t.Errorf("%s: sensitive is %v, want %v", at, ok, want.Sensitive)
	}
	for key, bound := range map[string]*float64{"min": want.Min, "max": want.Max} {
		text, ok := has[key]
		n, _ := strconv.ParseFloat(text, 64)
		if ok && (bound == nil || *bound != n) && (c.complete || key == "max") || c.complete && !ok && bound != nil {
			c.t.Errorf("%s: %s is %q, and in the model %v", at, key, text, bound)
		}
	}
	// AWS's messages list the values in an order of their own.
	enum := strings.FieldsFunc(has["enum"], func(r rune) bool { return r == '|' })
	slices.Sort(enum)
	if all := slices.Sorted(slices.Values(want.Enum)); !slices.Equal(enum, all) && (c.complete || len(enum) > 0) {
		c.t.Errorf("%s: one of %s, want %v", at, enum, all)
	}
}

func kindOf(t reflect.Type) string {
	if t == reflect.TypeFor[awsjson.Time]() || t == reflect.TypeFor[restjson.ISOTime]() {
		return "timestamp"
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int:
		return "integer"
	case reflect.Float64:
		return "double"
	case reflect.Map:
		return "map"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "blob"
		}
		return "list"
	}
	return "structure"
}
