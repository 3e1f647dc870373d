package logs

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

// A filter reports whether a line matches a filter pattern.
type filter func(text string) bool

func invalidFilter(reason string) error {
	return awsjson.Errorf("InvalidParameterException", "Invalid filter pattern: %s", reason)
}

// parseFilter reads a filter pattern: terms, a regular expression between percent
// signs, or a condition on the members of JSON lines in braces. Patterns of columns,
// in brackets, are not supported.
func parseFilter(pattern string) (filter, error) {
	pattern = strings.TrimSpace(pattern)
	switch {
	case strings.HasPrefix(pattern, "{"):
		return parseCondition(pattern)
	case strings.HasPrefix(pattern, "["):
		return nil, invalidFilter("patterns of columns are not supported here; use terms or { $.member = value }")
	case len(pattern) > 1 && strings.HasPrefix(pattern, "%") && strings.HasSuffix(pattern, "%"):
		re, err := regexp.Compile(pattern[1 : len(pattern)-1])
		if err != nil {
			return nil, invalidFilter("the regular expression is not valid.")
		}
		return re.MatchString, nil
	}
	return parseTerms(pattern)
}

// parseTerms reads terms and "phrases". All of them must occur in a line, except
// those after ?, one of which must, and those after -, none of which may.
func parseTerms(rest string) (filter, error) {
	var must, anyOf, not []string
	for rest != "" {
		into := &must
		switch rest[0] {
		case '?':
			into, rest = &anyOf, rest[1:]
		case '-':
			into, rest = &not, rest[1:]
		}
		var term string
		if strings.HasPrefix(rest, `"`) {
			var closed bool
			if term, rest, closed = strings.Cut(rest[1:], `"`); !closed {
				return nil, invalidFilter("a quote is not closed.")
			}
		} else {
			term, rest, _ = strings.Cut(rest, " ")
		}
		*into = append(*into, term)
		rest = strings.TrimSpace(rest)
	}
	return func(text string) bool {
		in := func(term string) bool { return strings.Contains(text, term) }
		for _, term := range must {
			if !in(term) {
				return false
			}
		}
		return !slices.ContainsFunc(not, in) && (len(anyOf) == 0 || slices.ContainsFunc(anyOf, in))
	}, nil
}

// A condition is a condition on a JSON document.
type condition func(document jsontext.Value) bool

// parseCondition reads a pattern such as { ($.status = 4*) && $.id = "x" }.
func parseCondition(pattern string) (filter, error) {
	body, closed := strings.CutSuffix(pattern[1:], "}")
	if !closed {
		return nil, invalidFilter("the brace is not closed.")
	}
	p := &conditionParser{rest: body}
	c, err := p.either(0)
	if err != nil {
		return nil, err
	}
	if p.skip(); p.rest != "" {
		return nil, invalidFilter("unexpected text after the condition: " + awsjson.Clip(p.rest))
	}
	return func(text string) bool {
		document := jsontext.Value(text)
		return document.IsValid(jsontext.AllowDuplicateNames(true)) && c(document)
	}, nil
}

// conditionParser reads conditions from rest.
type conditionParser struct{ rest string }

func (p *conditionParser) skip() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// next consumes a token if it is next.
func (p *conditionParser) next(token string) bool {
	p.skip()
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
	}
	return ok
}

// keyword consumes a keyword if it is next, in upper or lower case.
func (p *conditionParser) keyword(word string) bool {
	p.skip()
	if len(p.rest) < len(word) || !strings.EqualFold(p.rest[:len(word)], word) {
		return false
	}
	p.rest = p.rest[len(word):]
	return true
}

// maxDepth bounds the parentheses of a pattern.
const maxDepth = 100

func (p *conditionParser) either(depth int) (condition, error) {
	return p.list(depth, "||", p.both, func(a, b condition) condition {
		return func(d jsontext.Value) bool { return a(d) || b(d) }
	})
}

func (p *conditionParser) both(depth int) (condition, error) {
	return p.list(depth, "&&", p.one, func(a, b condition) condition {
		return func(d jsontext.Value) bool { return a(d) && b(d) }
	})
}

func (p *conditionParser) list(depth int, operator string, element func(int) (condition, error), join func(a, b condition) condition) (condition, error) {
	c, err := element(depth)
	for err == nil && p.next(operator) {
		var right condition
		if right, err = element(depth); err == nil {
			c = join(c, right)
		}
	}
	return c, err
}

func (p *conditionParser) one(depth int) (condition, error) {
	if p.next("(") {
		if depth == maxDepth {
			return nil, invalidFilter("too many parentheses.")
		}
		c, err := p.either(depth + 1)
		if err == nil && !p.next(")") {
			err = invalidFilter("a parenthesis is not closed.")
		}
		return c, err
	}
	path, err := p.selector()
	if err != nil {
		return nil, err
	}
	test, err := p.comparison()
	if err != nil {
		return nil, err
	}
	return func(d jsontext.Value) bool { return test(selected(d, path)) }, nil
}

// selector reads $.member[0]["other member"]; an index of * selects every element.
func (p *conditionParser) selector() (path []string, err error) {
	bad := invalidFilter("a condition begins with a selector such as $.member: " + awsjson.Clip(p.rest))
	if !p.next("$") {
		return nil, bad
	}
	for p.rest != "" {
		switch p.rest[0] {
		case '.':
			end := 1
			for end < len(p.rest) && !strings.ContainsRune(" \t\r\n.[=!<>)&|", rune(p.rest[end])) {
				end++
			}
			if end == 1 {
				return nil, bad
			}
			path, p.rest = append(path, "."+p.rest[1:end]), p.rest[end:]
		case '[':
			inner, rest, closed := strings.Cut(p.rest[1:], "]")
			quoted := len(inner) > 1 && (inner[0] == '"' || inner[0] == '\'') && inner[len(inner)-1] == inner[0]
			n, numeric := strconv.Atoi(inner)
			switch {
			case !closed:
				return nil, bad
			case quoted:
				path = append(path, "."+inner[1:len(inner)-1])
			case inner == "*" || numeric == nil && n >= 0:
				path = append(path, "["+inner)
			default:
				return nil, bad
			}
			p.rest = rest
		default:
			return path, nil
		}
	}
	return path, nil
}

// selected returns the values that a path leads to.
func selected(v jsontext.Value, path []string) []jsontext.Value {
	if len(path) == 0 {
		return []jsontext.Value{v}
	}
	lenient := jsontext.AllowDuplicateNames(true)
	step := path[0][1:]
	if path[0][0] == '.' {
		var members map[string]jsontext.Value
		if v.Kind() != '{' || json.Unmarshal(v, &members, lenient) != nil || members[step] == nil {
			return nil
		}
		return selected(members[step], path[1:])
	}
	var elements []jsontext.Value
	if v.Kind() != '[' || json.Unmarshal(v, &elements, lenient) != nil {
		return nil
	}
	if n, err := strconv.Atoi(step); err == nil {
		if n >= len(elements) {
			return nil
		}
		return selected(elements[n], path[1:])
	}
	var all []jsontext.Value
	for _, element := range elements {
		all = append(all, selected(element, path[1:])...)
	}
	return all
}

// comparison reads an operator with its operand; the result tests selected values.
func (p *conditionParser) comparison() (func([]jsontext.Value) bool, error) {
	anyOf := func(test func(jsontext.Value) bool) func([]jsontext.Value) bool {
		return func(values []jsontext.Value) bool { return slices.ContainsFunc(values, test) }
	}
	if p.keyword("IS") {
		for word, kind := range map[string]jsontext.Kind{"TRUE": 't', "FALSE": 'f', "NULL": 'n'} {
			if p.keyword(word) {
				return anyOf(func(v jsontext.Value) bool { return v.Kind() == kind }), nil
			}
		}
		return nil, invalidFilter("IS is followed by TRUE, FALSE or NULL.")
	}
	if p.keyword("NOT") {
		if !p.keyword("EXISTS") {
			return nil, invalidFilter("NOT is followed by EXISTS.")
		}
		return func(values []jsontext.Value) bool { return len(values) == 0 }, nil
	}
	if p.keyword("EXISTS") {
		return func(values []jsontext.Value) bool { return len(values) > 0 }, nil
	}
	for _, operator := range []string{"!=", "<=", ">=", "=", "<", ">"} {
		if p.next(operator) {
			test, err := p.operand(operator)
			if err != nil {
				return nil, err
			}
			return anyOf(test), nil
		}
	}
	return nil, invalidFilter("the operators are =, !=, <, >, <=, >=, IS, EXISTS and NOT EXISTS: " + awsjson.Clip(p.rest))
}

func (p *conditionParser) operand(operator string) (func(jsontext.Value) bool, error) {
	p.skip()
	equality := operator == "=" || operator == "!="
	negated := operator == "!="
	var text string
	switch {
	case strings.HasPrefix(p.rest, `"`):
		var closed bool
		if text, p.rest, closed = strings.Cut(p.rest[1:], `"`); !closed {
			return nil, invalidFilter("a quote is not closed.")
		}
	case strings.HasPrefix(p.rest, "%"):
		source, rest, closed := strings.Cut(p.rest[1:], "%")
		re, err := regexp.Compile(source)
		if !closed || err != nil || !equality {
			return nil, invalidFilter("the regular expression is not valid.")
		}
		p.rest = rest
		return func(v jsontext.Value) bool {
			s, ok := scalar(v)
			return ok && re.MatchString(s) != negated
		}, nil
	default:
		end := strings.IndexAny(p.rest, " \t\r\n)&|")
		if end < 0 {
			end = len(p.rest)
		}
		text, p.rest = p.rest[:end], p.rest[end:]
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return func(v jsontext.Value) bool { return compareNumber(v, operator, n) }, nil
		}
		if text == "" {
			return nil, invalidFilter("a value is missing after " + operator + ".")
		}
	}
	if !equality {
		return nil, invalidFilter(operator + " compares numbers only.")
	}
	parts := strings.Split(text, "*")
	return func(v jsontext.Value) bool {
		s, ok := scalar(v)
		return ok && wildcard(parts, s) != negated
	}, nil
}

func compareNumber(v jsontext.Value, operator string, n float64) bool {
	if v.Kind() != '0' {
		return false
	}
	have, err := strconv.ParseFloat(string(v), 64)
	if err != nil {
		return false
	}
	switch operator {
	case "=":
		return have == n
	case "!=":
		return have != n
	case "<":
		return have < n
	case "<=":
		return have <= n
	case ">":
		return have > n
	}
	return have >= n
}

// scalar returns a string, a number or a truth value as text.
func scalar(v jsontext.Value) (string, bool) {
	switch v.Kind() {
	case '"':
		var s string
		err := json.Unmarshal(v, &s)
		return s, err == nil
	case '0', 't', 'f':
		return string(v), true
	}
	return "", false
}

// wildcard reports whether text consists of the parts, with anything between them.
func wildcard(parts []string, text string) bool {
	if len(parts) == 1 {
		return text == parts[0]
	}
	text, ok := strings.CutPrefix(text, parts[0])
	for _, part := range parts[1 : len(parts)-1] {
		if ok {
			_, text, ok = strings.Cut(text, part)
		}
	}
	return ok && strings.HasSuffix(text, parts[len(parts)-1])
}
