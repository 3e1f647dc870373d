package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// contextReader reads context keys, each of which may come as a JSON value from
// cdk.json or as text from the command line, and collects every mistake: a
// person wants to hear of all of them at once.
type contextReader struct {
	values map[string]any
	known  map[string]bool
	wrong  []string
}

func newContextReader(values map[string]any) *contextReader {
	return &contextReader{values: values, known: map[string]bool{}}
}

func (c *contextReader) refuse(key, format string, args ...any) {
	c.wrong = append(c.wrong, "context key "+key+": "+fmt.Sprintf(format, args...))
}

// value returns what a key holds; text that is JSON has been read as such.
func (c *contextReader) value(key string) any {
	c.known[key] = true
	text, isText := c.values[key].(string)
	if !isText {
		return c.values[key]
	}
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{") {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			c.refuse(key, "not JSON: %v", err)
			return nil
		}
		return v
	}
	if text == "" {
		return nil
	}
	return text
}

// text reads a string.
func (c *contextReader) text(key, otherwise string) string {
	switch v := c.value(key).(type) {
	case nil:
		return otherwise
	case string:
		return v
	case float64:
		// An account number that cdk.json holds without quotes.
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		c.refuse(key, "must be a string, not %s", kind(v))
		return otherwise
	}
}

// oneOf reads one of a few words.
func (c *contextReader) oneOf(key, otherwise string, others ...string) string {
	words := append([]string{otherwise}, others...)
	word := c.text(key, otherwise)
	if !slices.Contains(words, word) {
		c.refuse(key, "%q must be one of: %s", word, strings.Join(words, ", "))
	}
	return word
}

// boolean reads true or false.
func (c *contextReader) boolean(key string, otherwise bool) bool {
	switch v := c.value(key).(type) {
	case nil:
		return otherwise
	case bool:
		return v
	case string:
		if v == "true" || v == "false" {
			return v == "true"
		}
		c.refuse(key, "%q must be true or false", v)
	default:
		c.refuse(key, "must be true or false, not %s", kind(v))
	}
	return otherwise
}

// integer reads a whole number from least to most.
func (c *contextReader) integer(key string, otherwise, least, most int) int {
	v := c.value(key)
	if v == nil {
		return otherwise
	}
	n := math.NaN()
	switch v := v.(type) {
	case float64:
		n = v
	case string:
		if i, err := strconv.Atoi(v); err == nil {
			n = float64(i)
		}
	}
	if n != math.Trunc(n) || n < float64(least) || n > float64(most) { // NaN is unequal to itself
		c.refuse(key, "%v must be a whole number from %d to %d", v, least, most)
		return otherwise
	}
	return int(n)
}

// list reads a JSON array, or text with commas between.
func (c *contextReader) list(key string) []any {
	switch v := c.value(key).(type) {
	case nil:
		return nil
	case []any:
		return v
	case float64: // one account number without quotes
		return []any{v}
	case string:
		var list []any
		for one := range strings.SplitSeq(v, ",") {
			if one = strings.TrimSpace(one); one != "" {
				list = append(list, one)
			}
		}
		return list
	default:
		c.refuse(key, "must be a JSON array, or a string with commas between, not %s", kind(v))
		return nil
	}
}

// texts reads a list of strings.
func (c *contextReader) texts(key string) []string {
	var out []string
	for i, v := range c.list(key) {
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case float64:
			out = append(out, strconv.FormatFloat(v, 'f', -1, 64))
		default:
			c.refuse(key, "entry %d must be a string, not %s", i+1, kind(v))
		}
	}
	return out
}

// unknown refuses keys that nothing has asked for: a key with a typing error
// would be left out in silence. The CDK's own have a colon, a slash or an at.
func (c *contextReader) unknown() {
	for _, key := range slices.Sorted(maps.Keys(c.values)) {
		if !c.known[key] && !strings.ContainsAny(key, ":/@") {
			c.refuse(key, "there is no such key; those that are: %s", strings.Join(slices.Sorted(maps.Keys(c.known)), ", "))
		}
	}
}

func kind(v any) string {
	switch v.(type) {
	case bool:
		return "a boolean"
	case float64:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "an array"
	}
	return "an object"
}
