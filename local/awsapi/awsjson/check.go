package awsjson

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Check verifies input, a pointer to a struct, against the constraints in the
// tags of its fields, and returns AWS's ValidationException:
//
//	Name  string   `json:"Name" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
//	Limit *int     `json:"Limit" aws:"min=1,max=100"`
//	State string   `json:"State" aws:"enum=ENABLED|DISABLED"`
//	Ids   []string `json:"Ids" aws:"required,min=1" each:"min=1,max=64"`
//
// The constraints are those of AWS's service model; a test compares them. min and
// max count the characters of a string or the elements of a list or map, or bound
// a number. A pattern, which must come last, matches the whole value. each applies
// to the elements of a list and the values of a map, keys to the keys of a map.
//
// The message contains the value, as AWS's does, unless the member is sensitive.
// A string that is "" counts as absent; see [CheckBody].
func Check(input any) error { return CheckBody(input, nil) }

// CheckBody does what Check does for an input that was decoded from body. A
// string that body gives as "" is checked, not taken for absent.
func CheckBody(input any, body []byte) error {
	c := checker{empty: emptyStrings(body)}
	c.checkStruct(reflect.ValueOf(input).Elem(), "", "")
	if len(c.broken) == 0 {
		return nil
	}
	noun := "error"
	if len(c.broken) > 1 {
		noun = "errors"
	}
	return Errorf("ValidationException", "%d validation %s detected: %s", len(c.broken), noun, strings.Join(c.broken, "; "))
}

// emptyStrings returns the JSON pointers of the members that are "".
func emptyStrings(body []byte) map[jsontext.Pointer]bool {
	if !bytes.Contains(body, []byte(`""`)) {
		return nil
	}
	empty := map[jsontext.Pointer]bool{}
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return empty
		}
		if token.Kind() == '"' && token.String() == "" {
			empty[dec.StackPointer()] = true
		}
	}
}

type constraint struct {
	field     int
	name      string // as AWS writes it in messages: the first letter is in lower case
	wire      string // as it is in the body
	required  bool
	sensitive bool // the message must not contain the value
	min, max  int64
	bounded   bool // max is set
	enum      []string
	pattern   *regexp.Regexp
	source    string // of the pattern
	nested    bool   // the field holds structs with constraints of their own
	each      *constraint
	keys      *constraint
}

var plans sync.Map // reflect.Type to []constraint: the tags of a type never change

func planOf(t reflect.Type) []constraint {
	if p, ok := plans.Load(t); ok {
		return p.([]constraint)
	}
	var plan []constraint
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		c := parseConstraint(f.Tag.Get("aws"))
		c.field, c.wire, c.name = i, name, memberName(name)
		c.nested = hasStruct(f.Type)
		if tag := f.Tag.Get("each"); tag != "" {
			each := parseConstraint(tag)
			c.each = &each
		}
		if tag := f.Tag.Get("keys"); tag != "" {
			keys := parseConstraint(tag)
			c.keys = &keys
		}
		plan = append(plan, c)
	}
	plans.Store(t, plan)
	return plan
}

func memberName(wire string) string { return strings.ToLower(wire[:1]) + wire[1:] }

// notRE2 replaces the patterns of AWS's models that package regexp cannot compile.
var notRE2 = map[string]string{`^(?!\s*$).+`: `.*\S.*`}

func parseConstraint(tag string) constraint {
	c := constraint{}
	tag, pattern, _ := strings.Cut(tag, "pattern=")
	if pattern != "" {
		c.source = pattern
		if same, ok := notRE2[pattern]; ok {
			pattern = same
		}
		c.pattern = regexp.MustCompile(`^(?:` + pattern + `)$`)
	}
	for _, part := range strings.Split(tag, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "required":
			c.required = true
		case "sensitive":
			c.sensitive = true
		case "min":
			c.min, _ = strconv.ParseInt(value, 10, 64)
		case "max":
			c.max, _ = strconv.ParseInt(value, 10, 64)
			c.bounded = true
		case "enum":
			c.enum = strings.Split(value, "|")
		}
	}
	return c
}

// hasStruct reports whether a field of this type is, points to or lists structs.
func hasStruct(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[Time]()
}

// checker collects the constraints that an input violates.
type checker struct {
	empty  map[jsontext.Pointer]bool // the members that the body gives as ""
	broken []string
}

func (ck *checker) checkStruct(v reflect.Value, path string, at jsontext.Pointer) {
	for _, c := range planOf(v.Type()) {
		ck.check(&c, v.Field(c.field), path+c.name, at.AppendToken(c.wire))
	}
}

func (ck *checker) check(c *constraint, v reflect.Value, path string, at jsontext.Pointer) {
	if absent(v) && !ck.empty[at] {
		if c.required {
			ck.add(c, path, v, "Member must not be null")
		}
		return
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	for _, violated := range c.violated(v) {
		ck.add(c, path, v, violated)
	}
	if !c.nested {
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			if e := reflect.Indirect(v.Index(i)); e.IsValid() && e.Kind() == reflect.Struct {
				ck.checkStruct(e, fmt.Sprintf("%s.%d.member.", path, i+1), at.AppendToken(strconv.Itoa(i)))
			}
		}
	case reflect.Struct:
		ck.checkStruct(v, path+".", at)
	}
}

func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	}
	return false
}

// violated returns the sentences of the constraints that a value violates, in
// AWS's order.
func (c *constraint) violated(v reflect.Value) (sentences []string) {
	switch v.Kind() {
	case reflect.String:
		s := v.String()
		if c.pattern != nil && !c.pattern.MatchString(s) {
			sentences = append(sentences, "Member must satisfy regular expression pattern: "+c.source)
		}
		if c.enum != nil && !contains(c.enum, s) {
			sentences = append(sentences, "Member must satisfy enum value set: ["+strings.Join(c.enum, ", ")+"]")
		}
		return append(sentences, c.outOfRange(int64(utf8.RuneCountInString(s)), "length")...)
	case reflect.Slice:
		sentences = c.outOfRange(int64(v.Len()), "length")
		for i := range v.Len() {
			if c.each != nil && len(c.each.violated(v.Index(i))) > 0 {
				return append(sentences, "Member must satisfy constraint: "+c.each.list())
			}
		}
	case reflect.Map:
		sentences = c.outOfRange(int64(v.Len()), "length")
		keys, values := false, false
		for each := v.MapRange(); each.Next(); {
			keys = keys || c.keys != nil && len(c.keys.violated(each.Key())) > 0
			values = values || c.each != nil && len(c.each.violated(each.Value())) > 0
		}
		if keys {
			sentences = append(sentences, "Map keys must satisfy constraint: "+c.keys.list())
		}
		if values {
			sentences = append(sentences, "Map value must satisfy constraint: "+c.each.list())
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return c.outOfRange(v.Int(), "value")
	}
	return sentences
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

func (c *constraint) outOfRange(n int64, what string) []string {
	switch {
	case n < c.min:
		return []string{c.least(what)}
	case c.bounded && n > c.max:
		return []string{c.most(what)}
	}
	return nil
}

func (c *constraint) least(what string) string {
	return fmt.Sprintf("Member must have %s greater than or equal to %d", what, c.min)
}

func (c *constraint) most(what string) string {
	return fmt.Sprintf("Member must have %s less than or equal to %d", what, c.max)
}

// list returns all constraints of an element, as AWS does if one element violates
// one of them.
func (c *constraint) list() string {
	var all []string
	if c.bounded {
		all = append(all, c.most("length"), c.least("length"))
	}
	if c.pattern != nil {
		all = append(all, "Member must satisfy regular expression pattern: "+c.source)
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func (ck *checker) add(c *constraint, path string, value reflect.Value, violated string) {
	const mostListed = 10
	if len(ck.broken) >= mostListed {
		return
	}
	text := "Value at '"
	switch {
	case c.sensitive:
	case absent(value) && violated == "Member must not be null":
		text = "Value null at '"
	default:
		text = "Value '" + string(appendJava(nil, value)) + "' at '"
	}
	ck.broken = append(ck.broken, text+path+"' failed to satisfy constraint: "+violated)
}
