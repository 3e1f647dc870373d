package local_test

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

// A badInput is an input that AWS rejects by the service model, with the message.
type badInput struct {
	name, body string
	code       string
	message    string // "" for any
}

// TestBadInput sends to each operation of EventBridge, one at a time: every required
// member missing, every constraint violated, every member with a wrong type, an
// unknown member, bodies that are deep or long, and other protocols. The inputs
// are made of the tags, which TestShapesAreThoseOfTheServiceModel compares with
// the service model.
func TestBadInput(t *testing.T) {
	t.Parallel()
	total := 0
	for _, op := range start(t, t.TempDir(), local.Options{}, nil).Operations()["events"] {
		t.Run(op.Name, func(t *testing.T) {
			m := start(t, t.TempDir(), local.Options{}, nil)
			cases := badInputs(op.Input)
			total += len(cases)
			for _, c := range cases {
				status, code, message := m.bad(t, op.Name, "application/x-amz-json-1.1", c.body)
				if status != http.StatusBadRequest || code != c.code || c.message != "" && message != c.message {
					t.Errorf("%s\n%.200s\ngot  %d %s %.300s\nwant 400 %s %.300s", c.name, c.body, status, code, message, c.code, c.message)
				}
			}
			m.badBodies(t, op)
		})
	}
	if total < 650 {
		t.Errorf("only %d inputs", total)
	}
}

// bad sends a body and returns the error, "" without one. A response that is not
// JSON of the protocol, or that reports a failure of the server, fails the test.
func (m *machine) bad(t *testing.T, operation, contentType, body string) (status int, code, message string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-Amz-Target", "AWSEvents."+operation)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(answer, &got); err != nil || resp.StatusCode >= 500 || resp.Header.Get("Content-Type") != "application/x-amz-json-1.1" ||
		resp.Header.Get("X-Amzn-Requestid") == "" || resp.Header.Get("X-Amzn-Errortype") != got.Type {
		t.Errorf("%s\n%.200s\nreturns %d %v %.200s", operation, body, resp.StatusCode, resp.Header, answer)
	}
	return resp.StatusCode, got.Type, got.Message
}

// badBodies sends bodies that are wrong for every operation, or unusual.
func (m *machine) badBodies(t *testing.T, op local.Operation) {
	t.Helper()
	const amzJSON = "application/x-amz-json-1.1"
	valid := sampleInput(op.Input)
	text, _ := json.Marshal(valid)
	wantStatus, wantCode, wantMessage := m.bad(t, op.Name, amzJSON, string(text))
	if wantCode == "SerializationException" || strings.Contains(wantMessage, "validation error") {
		t.Errorf("a valid input returns %s %s\n%s", wantCode, wantMessage, text)
	}
	deep := strings.Repeat(`{"a":[`, 5_000) + strings.Repeat(`]}`, 5_000)
	for name, body := range map[string]string{
		"unknown member":        `{"NobodyKnowsThis":{"a":[1,null]},` + string(text[1:]),
		"deep unknown member":   `{"NobodyKnowsThis":` + deep + `,` + string(text[1:]),
		"unknown member, 1 MB":  `{"NobodyKnowsThis":"` + strings.Repeat("x", 1<<20) + `",` + string(text[1:]),
		"1 MB of blanks":        strings.Repeat(" ", 1<<20) + string(text),
		"members that are null": `{"NobodyKnowsThis":null,` + string(text[1:]),
	} {
		body = strings.Replace(body, ",}", "}", 1)
		status, code, message := m.bad(t, op.Name, amzJSON, body)
		again := creates(op.Name) && (code == "ResourceAlreadyExistsException" || code == wantCode)
		if !again && (status != wantStatus || code != wantCode || message != wantMessage) && code != deepCode(name) {
			t.Errorf("%s: %d %s %s, want %d %s %s as without it", name, status, code, message, wantStatus, wantCode, wantMessage)
		}
	}
	for name, c := range map[string]struct{ contentType, body, code string }{
		"no JSON":            {amzJSON, `{"a`, "SerializationException"},
		"text":               {amzJSON, "text", "SerializationException"},
		"a list":             {amzJSON, "[]", "SerializationException"},
		"a string":           {amzJSON, `"text"`, "SerializationException"},
		"two documents":      {amzJSON, "{}{}", "SerializationException"},
		"not UTF-8":          {amzJSON, "{\"a\":\"\xff\"}", "SerializationException"},
		"deep":               {amzJSON, strings.Repeat("[", 100_000), "SerializationException"},
		"deep objects":       {amzJSON, strings.Repeat(`{"a":`, 100_000), "SerializationException"},
		"the query protocol": {"application/x-www-form-urlencoded", "Action=" + op.Name + "&Version=2015-10-07", "SerializationException"},
		"CBOR":               {"application/cbor", "\xa0", "SerializationException"},
		"REST-JSON":          {"application/json", "{}", "SerializationException"},
	} {
		if status, code, _ := m.bad(t, op.Name, c.contentType, c.body); status != http.StatusBadRequest || code != c.code {
			t.Errorf("%s: %d %s, want 400 %s", name, status, code, c.code)
		}
	}
}

// deepCode is the code that is allowed besides that of the valid input: nobody has
// recorded how deep a member may be that AWS does not know.
func deepCode(name string) string {
	if name == "deep unknown member" {
		return "SerializationException"
	}
	return "-"
}

// creates reports whether a repeated call of an operation may return another result.
func creates(operation string) bool {
	return strings.HasPrefix(operation, "Create") || strings.HasPrefix(operation, "Delete") || operation == "PutEvents"
}

// badInputs returns the inputs of a structure that violate one constraint each.
func badInputs(input reflect.Type) []badInput {
	var cases []badInput
	walk(input, nil, "", func(at []any, path string, f reflect.StructField) {
		set := func(v any) string { return with(input, at, v) }
		tag := f.Tag.Get("aws")
		c := constraintsOf(tag)
		violated := func(name, value string, v any, sentence string) {
			if strings.Contains(tag, "sensitive") {
				value = "Value"
			}
			cases = append(cases, badInput{path + ": " + name, set(v), "ValidationException",
				"1 validation error detected: " + value + " at '" + path + "' failed to satisfy constraint: Member must " + sentence})
		}
		kind := f.Type
		for kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		if _, required := c["required"]; required {
			violated("missing", "Value null", remove{}, "not be null")
			violated("null", "Value null", nil, "not be null")
		}
		cases = append(cases, badInput{path + ": wrong type", set(wrongType(kind)), "SerializationException", ""})
		if kind.Kind() == reflect.String && c["pattern"] != "" && c["pattern"] != ".*" {
			const bad = "\x01:\x7f*"
			violated("pattern", "Value '"+bad+"'", bad, "satisfy regular expression pattern: "+c["pattern"])
		}
		if enum := c["enum"]; enum != "" {
			violated("enum", "Value 'NONE-OF-THEM'", "NONE-OF-THEM", "satisfy enum value set: ["+strings.ReplaceAll(enum, "|", ", ")+"]")
		}
		least, _ := strconv.Atoi(c["min"])
		most, bounded := strconv.Atoi(c["max"])
		switch kind.Kind() {
		case reflect.String:
			if long := lengthen(sampleText(f.Tag), most+1); bounded == nil && matches(c["pattern"], long) {
				violated("too long", "Value '"+long+"'", long, fmt.Sprintf("have length less than or equal to %d", most))
			}
			if least > 0 && c["pattern"] == "" {
				violated("too short", "Value ''", "", fmt.Sprintf("have length greater than or equal to %d", least))
			}
		case reflect.Int:
			if c["min"] != "" {
				violated("too small", fmt.Sprintf("Value '%d'", least-1), least-1, fmt.Sprintf("have value greater than or equal to %d", least))
			}
			if bounded == nil {
				violated("too large", fmt.Sprintf("Value '%d'", most+1), most+1, fmt.Sprintf("have value less than or equal to %d", most))
			}
		case reflect.Slice:
			if least > 0 {
				violated("too few", "Value '[]'", []any{}, fmt.Sprintf("have length greater than or equal to %d", least))
			}
			if each := f.Tag.Get("each"); each != "" {
				bad := " "
				if n, err := strconv.Atoi(constraintsOf(each)["max"]); err == nil {
					bad = strings.Repeat("x", n+1)
				}
				violated("bad element", "Value '["+bad+"]'", []any{bad}, "satisfy constraint: "+listOf(each))
			}
		}
	})
	return cases
}

// listOf is AWS's list of the constraints of an element.
func listOf(tag string) string {
	c := constraintsOf(tag)
	var all []string
	if c["max"] != "" {
		least := c["min"]
		if least == "" {
			least = "0"
		}
		all = append(all, "Member must have length less than or equal to "+c["max"], "Member must have length greater than or equal to "+least)
	}
	if c["pattern"] != "" {
		all = append(all, "Member must satisfy regular expression pattern: "+c["pattern"])
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func constraintsOf(tag string) map[string]string {
	tag, pattern, _ := strings.Cut(tag, "pattern=")
	c := map[string]string{"pattern": pattern}
	for _, part := range strings.Split(tag, ",") {
		key, value, found := strings.Cut(part, "=")
		if found || key == "required" {
			c[key] = value
		}
	}
	return c
}

// walk visits the members of a structure, and those of structures in it. at is the
// place in the sample, path the one in AWS's messages.
func walk(t reflect.Type, at []any, path string, visit func(at []any, path string, f reflect.StructField)) {
	for i := range t.NumField() {
		f := t.Field(i)
		wire, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if wire == "" || !f.IsExported() {
			continue
		}
		here := append(slices.Clone(at), wire)
		name := path + strings.ToLower(wire[:1]) + wire[1:]
		visit(here, name, f)
		inner := f.Type
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case inner == reflect.TypeFor[awsjson.Time]():
		case inner.Kind() == reflect.Struct:
			walk(inner, here, name+".", visit)
		case inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct:
			walk(inner.Elem(), append(here, 0), name+".1.member.", visit)
		}
	}
}

// sampleInput returns an input in which every member is present and valid.
func sampleInput(t reflect.Type) map[string]any {
	out := map[string]any{}
	for i := range t.NumField() {
		f := t.Field(i)
		wire, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if wire == "" || !f.IsExported() {
			continue
		}
		out[wire] = sampleValue(f.Type, f.Tag)
	}
	return out
}

func sampleValue(t reflect.Type, tag reflect.StructTag) any {
	switch {
	case t.Kind() == reflect.Pointer:
		return sampleValue(t.Elem(), tag)
	case t == reflect.TypeFor[awsjson.Time]():
		return 1767225600
	}
	switch t.Kind() {
	case reflect.String:
		return sampleText(tag)
	case reflect.Bool:
		return false
	case reflect.Int:
		n, _ := strconv.Atoi(constraintsOf(tag.Get("aws"))["min"])
		return max(n, 1)
	case reflect.Map:
		return map[string]any{"a": "b"}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct {
			return []any{sampleInput(t.Elem())}
		}
		return []any{sampleText(reflect.StructTag(`aws:` + strconv.Quote(tag.Get("each"))))}
	case reflect.Struct:
		return sampleInput(t)
	}
	return nil
}

// sampleText returns a valid value of a string member.
func sampleText(tag reflect.StructTag) string {
	c := constraintsOf(tag.Get("aws"))
	if enum := c["enum"]; enum != "" {
		return strings.Split(enum, "|")[0]
	}
	for _, text := range []string{"none", "arn:aws:events:us-east-1:000000000000:connection/c/1", "events:PutEvents", "111122223333", "a.b", "aws.partner/a/b"} {
		if matches(c["pattern"], text) {
			return text
		}
	}
	return ""
}

// matches reports whether a text matches a pattern of the model. Patterns that
// package regexp does not know match every text.
func matches(pattern, text string) bool {
	expr, err := regexp.Compile("^(?:" + pattern + ")$")
	return err != nil || pattern == "" || expr.MatchString(text)
}

// lengthen returns a text of n characters that begins with text.
func lengthen(text string, n int) string {
	return text + strings.Repeat("a", max(0, n-len(text)))
}

// wrongType returns a value of another type than a member has.
func wrongType(t reflect.Type) any {
	switch {
	case t == reflect.TypeFor[awsjson.Time]():
		return "yesterday"
	case t.Kind() == reflect.String:
		return map[string]any{"a": 1}
	}
	return "text"
}

// remove, as a value of with, removes the member.
type remove struct{}

// with returns the sample of a structure with another value at one place.
func with(t reflect.Type, at []any, v any) string {
	root := any(sampleInput(t))
	here := root
	for _, step := range at[:len(at)-1] {
		switch s := step.(type) {
		case string:
			here = here.(map[string]any)[s]
		case int:
			here = here.([]any)[s]
		}
	}
	members, last := here.(map[string]any), at[len(at)-1].(string)
	if members[last] = v; v == (remove{}) {
		delete(members, last)
	}
	text, err := json.Marshal(root)
	if err != nil {
		panic(err)
	}
	return string(text)
}
