package eventbridge

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/delivery"
)

// A target gets the event, or what its Input, InputPath or InputTransformer makes
// of it.

// setInput sets what the target of a task gets in place of the event. The result
// of a JSON template that is not valid JSON is not delivered.
func setInput(task *delivery.Task, t *delivery.Target, r *rule, e *Event) {
	switch {
	case t.Input != "":
		task.SetInput([]byte(t.Input))
	case t.InputPath != "" && t.InputPath != "$":
		if v, ok := lookup(e.JSON, t.InputPath); ok {
			task.SetInput(v)
		} else {
			task.SetInput([]byte("null"))
		}
	case t.InputTransformer != nil:
		result := transform(t.InputTransformer, r, e)
		task.SetInput(result)
		if !isText(t.InputTransformer.InputTemplate) && !jsontext.Value(result).IsValid(jsontext.AllowDuplicateNames(true)) {
			task.Invalid = "The result of the input transformer is not valid JSON."
		}
	}
}

// checkInput returns the error with which AWS rejects the input of a target.
func checkInput(t *delivery.Target) error {
	if t.Input != "" && !jsontext.Value(t.Input).IsValid(jsontext.AllowDuplicateNames(true)) {
		return awsjson.Errorf("ValidationException", "JSON syntax error in input for target %s.", t.Id)
	}
	if t.InputPath != "" {
		if _, ok := parsePath(t.InputPath); !ok {
			return awsjson.Errorf("ValidationException", "Invalid JsonPath: %s for target %s.", awsjson.Clip(t.InputPath), t.Id)
		}
	}
	tr := t.InputTransformer
	if tr == nil {
		return nil
	}
	for name, path := range tr.InputPathsMap {
		if _, ok := parsePath(path); !ok || strings.HasPrefix(strings.ToLower(name), "aws") {
			return awsjson.Errorf("ValidationException", "Invalid InputPath for target %s: %s.", t.Id, awsjson.Clip(name))
		}
	}
	for _, p := range placeholders(tr.InputTemplate) {
		if _, ok := tr.InputPathsMap[p.name]; !ok && !slices.Contains(predefined, p.name) {
			return awsjson.Errorf("ValidationException", "InputTemplate for target %s contains invalid placeholder %s.", t.Id, awsjson.Clip(p.name))
		}
	}
	return nil
}

// isText reports whether a template makes text: it begins with a quote. Any other
// template makes JSON.
func isText(template string) bool {
	return strings.HasPrefix(strings.TrimLeft(template, " \t\r\n"), `"`)
}

// placeholder is one <name> of a template.
type placeholder struct {
	name       string
	start, end int
	quoted     bool // it is within quotes
}

// placeholders finds the <name>s of a template.
func placeholders(template string) []placeholder {
	var found []placeholder
	quoted := false
	for i := 0; i < len(template); i++ {
		switch template[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case '<':
			n := strings.IndexByte(template[i:], '>')
			if n > 1 && isVariable(template[i+1:i+n]) {
				found = append(found, placeholder{template[i+1 : i+n], i, i + n + 1, quoted})
				i += n
			}
		}
	}
	return found
}

func isVariable(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

// transform replaces the placeholders of a template, as recorded on AWS:
//
//   - Outside quotes, a placeholder becomes the JSON value, and "" if the path has
//     no value.
//   - Within quotes, it becomes the characters of a string, and nothing if the path
//     has no value.
//   - Within quotes, any other value becomes its JSON. In a template that makes
//     text, the JSON loses its quotes; in one that makes JSON it does not, which
//     usually makes the result invalid.
func transform(tr *delivery.InputTransformer, r *rule, e *Event) []byte {
	var out []byte
	done, text := 0, isText(tr.InputTemplate)
	for _, p := range placeholders(tr.InputTemplate) {
		out = append(out, tr.InputTemplate[done:p.start]...)
		done = p.end
		v, ok := variable(tr, p.name, r, e)
		switch {
		case !ok && p.quoted:
		case !ok:
			out = append(out, `""`...)
		case !p.quoted:
			out = append(out, v...)
		case v.Kind() == '"':
			out = append(out, v[1:len(v)-1]...) // escaped already
		case text:
			out = appendUnquoted(out, v)
		default:
			out = append(out, v...)
		}
	}
	return append(out, tr.InputTemplate[done:]...)
}

// appendUnquoted writes JSON without its quotes, those within strings included,
// so that the result is valid within quotes.
func appendUnquoted(out, v []byte) []byte {
	for i := 0; i < len(v); i++ {
		switch {
		case v[i] == '\\' && v[i+1] == '"':
			i++
		case v[i] == '\\':
			out = append(out, v[i], v[i+1])
			i++
		case v[i] != '"':
			out = append(out, v[i])
		}
	}
	return out
}

// predefined are the variables that a template may use without a path.
var predefined = []string{"aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time",
	"aws.events.event.json", "aws.events.event"}

// variable returns the value of a variable of the template.
func variable(tr *delivery.InputTransformer, name string, r *rule, e *Event) (jsontext.Value, bool) {
	switch name {
	case "aws.events.rule-arn":
		return awsjson.Quote(r.ARN), true
	case "aws.events.rule-name":
		return awsjson.Quote(r.Name), true
	case "aws.events.event.ingestion-time":
		return awsjson.Quote(e.Received.UTC().Format("2006-01-02T15:04:05Z")), true
	case "aws.events.event.json":
		return e.JSON, true
	case "aws.events.event":
		return withoutDetail(e.JSON), true
	}
	return lookup(e.JSON, tr.InputPathsMap[name])
}

// withoutDetail returns the event without its detail. As on AWS, the member
// detail-type is named detailType there.
func withoutDetail(event jsontext.Value) jsontext.Value {
	dec := jsontext.NewDecoder(bytes.NewReader(event), jsontext.AllowDuplicateNames(true))
	out := []byte{'{'}
	if _, err := dec.ReadToken(); err != nil {
		return jsontext.Value("{}")
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadValue()
		if err != nil {
			break
		}
		name = name.Clone()
		value, err := dec.ReadValue()
		if err != nil {
			break
		}
		switch string(name) {
		case `"detail"`:
			continue
		case `"detail-type"`:
			name = jsontext.Value(`"detailType"`)
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}')
}

// step is one step of a JSONPath: a member's name, or an element's index.
type step struct {
	name  string
	index int // where name is ""
}

// parsePath reads the JSONPaths that EventBridge supports: $ and then .name,
// ['name'] or [0].
func parsePath(path string) (steps []step, ok bool) {
	rest, ok := strings.CutPrefix(path, "$")
	for ok && rest != "" {
		var inner string
		switch rest[0] {
		case '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			inner, rest = rest[1:1+end], rest[1+end:]
			if inner == "" || inner == "*" {
				return nil, false
			}
			steps = append(steps, step{name: inner})
		case '[':
			inner, rest, ok = strings.Cut(rest[1:], "]")
			if n, err := strconv.Atoi(inner); err == nil && n >= 0 {
				steps = append(steps, step{index: n})
				break
			}
			if len(inner) < 3 || inner[0] != inner[len(inner)-1] || inner[0] != '\'' && inner[0] != '"' {
				return nil, false
			}
			steps = append(steps, step{name: inner[1 : len(inner)-1]})
		default:
			return nil, false
		}
	}
	return steps, ok
}

// lookup follows a path into a document.
func lookup(document jsontext.Value, path string) (jsontext.Value, bool) {
	steps, ok := parsePath(path)
	if !ok {
		return nil, false
	}
	v := document
	for _, st := range steps {
		if v, ok = st.into(v); !ok {
			return nil, false
		}
	}
	return v, true
}

func (st step) into(v jsontext.Value) (jsontext.Value, bool) {
	lenient := jsontext.AllowDuplicateNames(true)
	if st.name != "" {
		var members map[string]jsontext.Value
		if v.Kind() != '{' || json.Unmarshal(v, &members, lenient) != nil {
			return nil, false
		}
		inner, ok := members[st.name]
		return inner, ok
	}
	var elements []jsontext.Value
	if v.Kind() != '[' || json.Unmarshal(v, &elements, lenient) != nil || st.index >= len(elements) {
		return nil, false
	}
	return elements[st.index], true
}
