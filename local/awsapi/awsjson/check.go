package awsjson

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Check verifies input, a pointer to a struct, against the constraints in the
// "aws" tags of its fields, and answers AWS's ValidationException:
//
//	Name  string   `json:"Name" aws:"required,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
//	Limit *int     `json:"Limit" aws:"min=1,max=100"`
//	State string   `json:"State" aws:"enum=ENABLED|DISABLED"`
//
// min and max count the characters of a string, the elements of a list or map,
// or bound a number. A pattern, which must come last, is matched whole. A string
// that is "" counts as absent where it is not required. No value is quoted in
// the answer but of names that broke a pattern: inputs hold payloads.
func Check(input any) error {
	var broken []string
	checkStruct(reflect.ValueOf(input).Elem(), "", &broken)
	if len(broken) == 0 {
		return nil
	}
	noun := "error"
	if len(broken) > 1 {
		noun = "errors"
	}
	return Errorf("ValidationException", "%d validation %s detected: %s", len(broken), noun, strings.Join(broken, "; "))
}

type constraint struct {
	field    int
	name     string // as AWS writes it in messages: first letter lower case
	required bool
	min, max int64 // max < 0: none
	enum     []string
	pattern  *regexp.Regexp
	source   string // of the pattern
	nested   bool   // there is a struct below to look into
}

var plans sync.Map // reflect.Type to []constraint: what the tags say never changes

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
		c.field, c.name = i, strings.ToLower(name[:1])+name[1:]
		c.nested = structBelow(f.Type)
		plan = append(plan, c)
	}
	plans.Store(t, plan)
	return plan
}

func parseConstraint(tag string) constraint {
	c := constraint{max: -1}
	tag, pattern, _ := strings.Cut(tag, "pattern=")
	if pattern != "" {
		c.source, c.pattern = pattern, regexp.MustCompile(`^(?:`+pattern+`)$`)
	}
	for _, part := range strings.Split(tag, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "required":
			c.required = true
		case "min":
			c.min, _ = strconv.ParseInt(value, 10, 64)
		case "max":
			c.max, _ = strconv.ParseInt(value, 10, 64)
		case "enum":
			c.enum = strings.Split(value, "|")
		}
	}
	return c
}

func structBelow(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[Time]()
}

func checkStruct(v reflect.Value, path string, broken *[]string) {
	for _, c := range planOf(v.Type()) {
		c.check(v.Field(c.field), path+c.name, broken)
	}
}

func (c *constraint) check(v reflect.Value, path string, broken *[]string) {
	if absent(v) {
		if c.required {
			c.say(broken, path, nil, "Member must not be null")
		}
		return
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		c.checkString(v.String(), path, broken)
	case reflect.Slice, reflect.Map:
		c.checkLength(int64(v.Len()), path, broken)
		if c.nested && v.Kind() == reflect.Slice {
			for i := range v.Len() {
				if e := reflect.Indirect(v.Index(i)); e.IsValid() && e.Kind() == reflect.Struct {
					checkStruct(e, fmt.Sprintf("%s.%d.member.", path, i+1), broken)
				}
			}
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		c.checkRange(v.Int(), path, broken)
	case reflect.Struct:
		if c.nested {
			checkStruct(v, path+".", broken)
		}
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

func (c *constraint) checkString(s, path string, broken *[]string) {
	c.checkLength(int64(utf8.RuneCountInString(s)), path, broken)
	if c.pattern != nil && !c.pattern.MatchString(s) {
		c.say(broken, path, &s, "Member must satisfy regular expression pattern: "+c.source)
	}
	if c.enum != nil {
		for _, e := range c.enum {
			if s == e {
				return
			}
		}
		c.say(broken, path, &s, "Member must satisfy enum value set: ["+strings.Join(c.enum, ", ")+"]")
	}
}

func (c *constraint) checkLength(n int64, path string, broken *[]string) {
	if n < c.min {
		c.say(broken, path, nil, fmt.Sprintf("Member must have length greater than or equal to %d", c.min))
	}
	if c.max >= 0 && n > c.max {
		c.say(broken, path, nil, fmt.Sprintf("Member must have length less than or equal to %d", c.max))
	}
}

func (c *constraint) checkRange(n int64, path string, broken *[]string) {
	text := strconv.FormatInt(n, 10)
	if n < c.min {
		c.say(broken, path, &text, fmt.Sprintf("Member must have value greater than or equal to %d", c.min))
	}
	if c.max >= 0 && n > c.max {
		c.say(broken, path, &text, fmt.Sprintf("Member must have value less than or equal to %d", c.max))
	}
}

// say adds one broken constraint. A value is quoted only where it is short: the
// names that patterns and enums are for.
func (c *constraint) say(broken *[]string, path string, value *string, constraint string) {
	const mostQuoted, mostListed = 100, 10
	if len(*broken) >= mostListed {
		return
	}
	at := "Value at '" + path + "'"
	if value != nil && len(*value) <= mostQuoted {
		at = "Value '" + *value + "' at '" + path + "'"
	}
	*broken = append(*broken, at+" failed to satisfy constraint: "+constraint)
}
