package pattern

import (
	"errors"
	"fmt"
	"maps"
	"strings"
)

const (
	// maxCombinations bounds what $or may multiply out to, as AWS does: the
	// product of the lengths of all $or lists of a pattern.
	maxCombinations = 1000
	// maxFields bounds the fields of one alternative, as AWS's engine does.
	maxFields = 256
)

// A compiler turns tokens into alternatives in one pass and in reading order,
// because order decides: a path written again replaces the former conditions in
// every alternative made so far, inside $or and out.
type compiler struct {
	scanner scanner
	last    token // read last
	// repeated is set where AWS catches a fault and reports it again, which appends
	// the position twice.
	repeated bool
	// outer is the path up to the object being read, as steps.
	outer   []string
	rules   []map[string][]condition
	product int
}

// A refusal is a reason in AWS's words, at the token read last.
type refusal struct {
	reason, hint string
	position     refusalPosition
}

// A refusalPosition is the position that AWS reports for a rejection.
type refusalPosition uint8

const (
	// afterToken is behind the last token; behind its opening quotation mark if
	// it is a string, because AWS's parser has not read the rest yet.
	afterToken refusalPosition = iota
	// afterText is behind the last token, whose text has been read.
	afterText
	// noPosition is for reasons that AWS reports without a position.
	noPosition
)

func (r *refusal) Error() string { return r.reason }

func refuse(format string, args ...any) error {
	return &refusal{reason: fmt.Sprintf(format, args...)}
}

// refuseText refuses a pattern for the text of the last token.
func refuseText(format string, args ...any) error {
	return &refusal{reason: fmt.Sprintf(format, args...), position: afterText}
}

// refuseWhole refuses a pattern for a reason that AWS reports without a position.
func refuseWhole(format string, args ...any) error {
	return &refusal{reason: fmt.Sprintf(format, args...), position: noPosition}
}

// refusal makes the public error of an internal one.
func (c *compiler) refusal(err error) *Error {
	src := c.scanner.src
	e := &Error{Reason: err.Error()}
	if syntax, ok := errors.AsType[*syntaxError](err); ok {
		e.Line, e.Column = position(src, syntax.at)
		e.Reason += syntax.startMarker(src)
		e.location = location(src, syntax.parsed)
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		e.Line, e.Column = position(src, c.last.start)
		if e.Hint = r.hint; e.Hint == "" {
			e.Hint = hintFor(r.reason)
		}
		switch r.position {
		case afterToken:
			e.location = location(src, c.last.scanned)
		case afterText:
			e.location = location(src, c.last.end)
		}
	}
	if c.repeated {
		e.location += e.location
	}
	return e
}

func (c *compiler) next() (token, error) {
	t, err := c.scanner.next()
	if err == nil {
		c.last = t
	}
	return t, err
}

func (c *compiler) compile() error {
	t, err := c.next()
	if err != nil {
		return err
	}
	if t.kind != objectStart {
		return refuse("Filter is not an object")
	}
	return c.object(false)
}

// object reads the members of an object whose brace is read.
func (c *compiler) object(insideOr bool) error {
	empty := true
	for {
		name, err := c.next()
		if err != nil {
			return err
		}
		if name.kind == objectEnd {
			if empty {
				return refuse("Empty objects are not allowed")
			}
			return nil
		}
		empty = false
		if err := c.member(name.text(), insideOr); err != nil {
			return err
		}
	}
}

func (c *compiler) member(name string, insideOr bool) error {
	if name == orKeyword {
		return c.or()
	}
	if insideOr && reservedInOr(name) {
		return refuse("%s is Ruler reserved fieldName which cannot be used inside $or.", name)
	}
	t, err := c.next()
	if err != nil {
		return err
	}
	switch t.kind {
	case objectStart:
		c.outer = append(c.outer, name)
		err = c.object(insideOr)
		c.outer = c.outer[:len(c.outer)-1]
		return err
	case arrayStart:
		conditions, err := c.conditions()
		if err != nil {
			return err
		}
		return c.write(c.pathTo(name), conditions)
	default:
		err := refuse(`"%s" must be an object or an array`, name).(*refusal)
		err.hint = scalarHint(name, t)
		return err
	}
}

// pathTo joins the open path and a name as AWS does: an empty path leaves no
// separator.
func (c *compiler) pathTo(name string) string {
	outer := strings.Join(c.outer, ".")
	if outer == "" {
		return name
	}
	return outer + "." + name
}

func (c *compiler) write(path string, conditions []condition) error {
	if len(c.rules) == 0 {
		c.rules = append(c.rules, map[string][]condition{})
	}
	for _, rule := range c.rules {
		rule[path] = conditions
		if len(rule) > maxFields {
			return refuse("Size of rule exceeds max value of %d", maxFields)
		}
	}
	return nil
}

const orKeyword = "$or"

// or reads the list of a $or whose name is read. Each branch goes on from a
// copy of the alternatives made so far.
func (c *compiler) or() error {
	before := c.rules
	var after []map[string][]condition
	t, err := c.next()
	if err != nil {
		return err
	}
	if t.kind != arrayStart {
		return refuse("It must be an Array followed with $or.")
	}
	branches := 0
	for {
		if t, err = c.next(); err != nil {
			return err
		}
		if t.kind == arrayEnd {
			break
		}
		if t.kind != objectStart {
			return refuse("Only JSON object is allowed in array of $or relationship.")
		}
		if branches++; c.product*branches > maxCombinations || len(after)+len(before) > maxCombinations {
			return tooManyCombinations()
		}
		c.rules = fork(before)
		if err := c.object(true); err != nil {
			return err
		}
		after = append(after, c.rules...)
	}
	if branches < 2 {
		return refuse("There must have at least 2 Objects in $or relationship.")
	}
	c.rules = after
	if c.product *= branches; c.product > maxCombinations {
		return tooManyCombinations()
	}
	return nil
}

func tooManyCombinations() error {
	return refuseWhole("Event pattern contains more than %d rule combinations", maxCombinations)
}

func fork(rules []map[string][]condition) []map[string][]condition {
	if len(rules) == 0 {
		return []map[string][]condition{{}}
	}
	copies := make([]map[string][]condition, len(rules))
	for i, rule := range rules {
		copies[i] = maps.Clone(rule)
	}
	return copies
}

// reservedInOr reports whether a name cannot be a field inside $or: AWS's
// operators and those that it keeps for later.
func reservedInOr(name string) bool {
	switch name {
	case "exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard",
		"numeric", "cidr", "=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case",
		"date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range",
		"ip-address-in-range", "ip-address-not-in-range":
		return true
	}
	return false
}

// scalarHint spells out the list that was meant.
func scalarHint(name string, t token) string {
	wanted := t.raw
	if t.kind == stringValue {
		wanted = string(appendString(nil, t.text()))
	}
	return fmt.Sprintf("values stand in a list: %s: [%s]", appendString(nil, name), wanted)
}
