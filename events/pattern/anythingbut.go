package pattern

// An anythingButCompiler reads the operand of anything-but, or of an operator
// within it.
type anythingButCompiler struct {
	*compiler
	operator string
}

func (c anythingButCompiler) compile() (condition, error) {
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	closing := 1
	if t.kind == objectStart {
		if t, err = c.next(); err != nil {
			return nil, err
		}
		if t.kind != fieldName {
			return nil, refuse("Anything-But expression name not found")
		}
		switch c.operator = t.text(); c.operator {
		case "prefix", "suffix", "equals-ignore-case", "wildcard":
			closing = 2
		default:
			return nil, refuse("Unsupported anything-but pattern: %s", c.operator)
		}
		if t, err = c.next(); err != nil {
			return nil, err
		}
	}
	var list []condition
	switch t.kind {
	case arrayStart:
		list, err = c.list()
	case stringValue, numberValue:
		var one condition
		one, err = c.condition(t)
		list = []condition{one}
	default:
		return nil, refuse("Value of anything-but must be an array or single string/number value.")
	}
	if err != nil {
		return nil, err
	}
	if c.operator == "wildcard" {
		if err := parseWildcards(list); err != nil {
			return nil, err
		}
	}
	return anythingBut{c.operator, list}, c.closing(closing, tooMany)
}

// parseWildcards completes the wildcards of a list, after it is known to hold
// strings only, since that is what AWS looks at first.
func parseWildcards(list []condition) error {
	for i, e := range list {
		w, err := newWildcard(e.(wildcard).text)
		if err != nil {
			return err
		}
		list[i] = w
	}
	return nil
}

func (c anythingButCompiler) list() ([]condition, error) {
	var list []condition
	strings, numbers := false, false
	c.repeated = true
	for {
		t, err := c.next()
		if err != nil {
			return nil, err
		}
		if t.kind == arrayEnd {
			break
		}
		one, err := c.condition(t)
		if err != nil {
			return nil, err
		}
		strings = strings || t.kind == stringValue
		numbers = numbers || t.kind == numberValue
		list = append(list, one)
	}
	c.repeated = false
	if c.operator == "" && strings == numbers {
		return nil, refuse("Inside anything but list, either all values are number or string, mixed type is not supported")
	}
	if len(list) == 0 {
		// AWS's grammar lets this pass and its engine then fails on it.
		return nil, refuse("Empty arrays are not allowed")
	}
	return list, nil
}

func (c anythingButCompiler) condition(t token) (condition, error) {
	if c.operator == "" && t.kind == numberValue {
		n := newNumber(t.raw)
		err := n.check()
		if err != nil {
			c.repeated = false // AWS's engine finds it after reading, and reports it once
		}
		return n, err
	}
	if t.kind != stringValue {
		switch c.operator {
		case "":
			return nil, refuse("Inside anything but list, start|null|boolean is not supported.")
		case "equals-ignore-case":
			return nil, refuse("Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.")
		case "wildcard":
			return nil, refuse(wildcardNotString)
		default:
			return nil, refuse("prefix/suffix match pattern must be a string")
		}
	}
	s := t.text()
	switch c.operator {
	case "equals-ignore-case":
		return foldEqual{s, newFold(s)}, nil
	case "wildcard":
		return wildcard{text: s}, nil
	case "":
		return literal(s), nil
	}
	if s == "" {
		return nil, refuseText("Null prefix/suffix not allowed")
	}
	if c.operator == "prefix" {
		return prefix(s), nil
	}
	return suffix(s), nil
}
