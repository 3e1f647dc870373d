package eventbridge

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/delivery"
)

// What a target gets is the event, or what its Input, InputPath or
// InputTransformer makes of it.

// inputOf returns what the target gets in place of the event; nil means the event
// itself.
func inputOf(t *delivery.Target, r *rule, e *Event) jsontext.Value {
	switch {
	case t.Input != "":
		return jsontext.Value(t.Input)
	case t.InputPath != "" && t.InputPath != "$":
		if v, ok := lookup(e.JSON, t.InputPath); ok {
			return v
		}
		return jsontext.Value("null")
	case t.InputTransformer != nil:
		return transform(t.InputTransformer, r, e)
	}
	return nil
}

// checkInput returns the error with which AWS rejects a target's input.
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
		if _, ok := tr.InputPathsMap[p.name]; !ok && !strings.HasPrefix(p.name, "aws.events.") {
			return awsjson.Errorf("ValidationException", "InvalidInput for target %s : [Template contains invalid placeholder %s.].", t.Id, awsjson.Clip(p.name))
		}
	}
	return nil
}

// placeholder is one <name> of a template.
type placeholder struct {
	name       string
	start, end int
	quoted     bool // it stands within a JSON string
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

// transform fills a template. A variable whose path does not exist is left out.
func transform(tr *delivery.InputTransformer, r *rule, e *Event) jsontext.Value {
	var out []byte
	done := 0
	for _, p := range placeholders(tr.InputTemplate) {
		out = append(out, tr.InputTemplate[done:p.start]...)
		done = p.end
		if v, ok := variable(tr, p.name, r, e); ok {
			out = appendVariable(out, v, p.quoted)
		}
	}
	return append(out, tr.InputTemplate[done:]...)
}

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
	case "aws.events.event": // the event without its detail
		return withoutDetail(e.JSON), true
	}
	return lookup(e.JSON, tr.InputPathsMap[name])
}

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
		if string(name) == `"detail"` {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}')
}

// appendVariable writes a value: as JSON, or within a string as text that keeps
// the string whole.
func appendVariable(out []byte, v jsontext.Value, quoted bool) []byte {
	if !quoted {
		return append(out, v...)
	}
	if v.Kind() == '"' {
		return append(out, v[1:len(v)-1]...) // escaped already
	}
	text, _ := jsontext.AppendQuote(nil, v)
	return append(out, text[1:len(text)-1]...)
}

// step is one step of a JSONPath: a member's name, or an element's index.
type step struct {
	name  string
	index int // where name is ""
}

// parsePath reads the JSONPaths that EventBridge takes: $ and then .name,
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
